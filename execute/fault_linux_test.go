package execute_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/execute"
	"phlb/internal/fsys"
)

// failAt fails the n-th operation of a kind, and counts how many there are.
type failAt struct {
	mu    sync.Mutex
	op    fsys.Op
	n     int
	errno syscall.Errno
	match func(name string) bool
	count int
}

func (f *failAt) fault(op fsys.Op, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if op != f.op || f.match != nil && !f.match(name) {
		return nil
	}
	f.count++
	if f.n > 0 && f.count != f.n {
		return nil
	}
	return f.errno
}

func (f *failAt) inject(o *execute.Options) { o.Faults = f.fault }

// sweepWorld has a snapshot and a source in which something of everything has
// changed since.
func sweepWorld(t *testing.T) *world {
	w := newWorld(t)
	w.write("kept", big("kept", 3000))
	w.write("d/changed", big("before", 2000))
	w.write("d/moved", big("moved", 2500))
	w.write("small", "s")
	w.apply(w.plan())
	w.write("d/changed", big("after", 2000))
	w.ok(os.Rename(filepath.Join(w.src, "d/moved"), filepath.Join(w.src, "d/here")))
	w.write("new/a", big("new", 4000))
	w.write("new/b", big("new", 4000))
	w.ok(os.Symlink("kept", filepath.Join(w.src, "ln")))
	_ = unix.Setxattr(filepath.Join(w.src, "new/a"), "user.x", []byte("y"), 0)
	_ = unix.Setxattr(filepath.Join(w.src, "new"), "user.x", []byte("y"), 0)
	w.ok(os.Chmod(filepath.Join(w.src, "d/changed"), 0o640))
	w.ok(os.Chmod(filepath.Join(w.src, "new"), 0o555))
	return w
}

var allOps = []fsys.Op{
	fsys.OpCreate, fsys.OpWrite, fsys.OpTruncate, fsys.OpMkdir, fsys.OpSymlink, fsys.OpLink, fsys.OpRename,
	fsys.OpRemove, fsys.OpChmod, fsys.OpChown, fsys.OpTimes, fsys.OpSetXattr, fsys.OpSync, fsys.OpSyncFS,
}

// TestEveryWritingCallFailsOnce asserts: published whole or not at all, what
// was published before is untouched, and the same plan then finishes the rest.
func TestEveryWritingCallFailsOnce(t *testing.T) {
	stride, errnos := 1, []syscall.Errno{unix.ENOSPC, unix.EIO}
	if testing.Short() {
		stride, errnos = 5, errnos[:1]
	}
	if os.Getenv("PHLB_LONG_TESTS") != "" {
		errnos = append(errnos, otherErrnos...)
	}
	for _, op := range allOps {
		t.Run(string(op), func(t *testing.T) {
			for n := 1; ; n += stride {
				seen := 0
				for _, errno := range errnos {
					seen = max(seen, sweep(t, op, n, errno))
				}
				if seen < n {
					return // there is no n-th one any more
				}
			}
		})
	}
}

// otherErrnos are swept sparsely: what they lead to differs by their class
// alone, which TestClassOf holds.
var otherErrnos = []syscall.Errno{unix.EDQUOT, unix.EROFS, unix.EMFILE, unix.ENFILE, unix.EINTR, unix.ESTALE}

func TestEveryKindOfFailure(t *testing.T) {
	for i, errno := range otherErrnos {
		t.Run(errno.Error(), func(t *testing.T) {
			for j, op := range allOps {
				if testing.Short() && j%len(otherErrnos) != i {
					continue
				}
				sweep(t, op, 1+(3*i+j)%4, errno)
			}
		})
	}
}

// sweep fails one operation and returns how many of its kind there were.
func sweep(t *testing.T, op fsys.Op, n int, errno syscall.Errno) int {
	at := fmt.Sprintf("%s %d: %v", op, n, errno)
	w := sweepWorld(t)
	f := w.plan()
	before := w.published()
	fail := &failAt{op: op, n: n, errno: errno}
	res, err := w.try(f, fail.inject)
	w.immutable(before)
	w.lookupsSound(false)
	ids := w.snapshots()
	if len(ids) == 2 {
		checkWhole(w, at, filepath.Join(w.root, ids[1]), res)
		if res != nil && res.Reports[0].Snapshot == nil {
			t.Errorf("%s: the report does not tell that the snapshot is published", at)
		}
	}
	if err == nil {
		if len(ids) != 2 {
			t.Errorf("%s: success, and nothing published", at)
		}
		w.lookupsSound(true)
		return fail.count
	}
	if len(ids) == 2 && !strings.Contains(err.Error(), "is published") {
		t.Errorf("%s: the error does not tell that the snapshot is published: %v", at, err)
	}
	if got, want := fsys.ClassOf(err), fsys.ClassOf(errno); got != want {
		t.Errorf("%s: the error's class is %v, not %v, so that nobody is told what to do: %v", at, got, want, err)
	}
	if len(ids) == 1 && res != nil && res.Reports[0].Status != execute.StatusFailed {
		t.Errorf("%s: nothing published, but the status is %s", at, res.Reports[0].Status)
	}
	marking := strings.Contains(err.Error(), "marking the plan")
	res, err = w.try(f)
	if marking && errors.Is(err, execute.ErrRefused) {
		return fail.count // the mark was gone after all
	}
	if err != nil {
		t.Errorf("%s: the same plan again: %v", at, err)
		return fail.count
	}
	checkWhole(w, at+", again", w.snap(res.Reports[0]), res)
	w.immutable(before)
	w.settled()
	w.lookupsSound(true)
	w.refused(f, execute.ErrRefused, "already applied")
	for _, side := range []string{"-backup.log", "-summary.txt", "-report.json"} {
		if o := look(w.snap(res.Reports[0]) + side); o.Kind != "file" {
			t.Errorf("%s, again: %s is missing", at, side)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	return fail.count
}

// checkWhole compares a snapshot with the source; metadata may be missing
// where the report says so.
func checkWhole(w *world, at, snap string, res *execute.Result) {
	w.t.Helper()
	exact := res == nil || res.Reports[0].NotKept == 0
	if diff := snapshotDiff(w.src, snap, exact); diff != "" {
		w.t.Errorf("%s: published, but not whole (-source +snapshot):\n%s", at, diff)
	}
	w.sums(snap)
}

func TestFullDiskStopsTheRun(t *testing.T) {
	w := newWorld(t)
	w.tree(5, 8)
	f := w.plan()
	_, err := w.try(f, (&failAt{op: fsys.OpWrite, errno: unix.ENOSPC, match: func(name string) bool { return name == "f5" }}).inject)
	if fsys.ClassOf(err) != fsys.ClassFull {
		t.Errorf("got %v", err)
	}
	same(t, "snapshots", len(w.snapshots()), 0)
	staged := journaled(w)
	rep := w.apply(f)
	same(t, "taken over", rep.TakenOver.Files, int64(staged))
	w.whole(rep)
}

// TestRefusedNames: some file systems say of a name that they cannot hold that
// it does not exist. That is this path's fault alone.
func TestRefusedNames(t *testing.T) {
	for _, op := range []fsys.Op{fsys.OpCreate, fsys.OpMkdir, fsys.OpSymlink} {
		for _, errno := range []syscall.Errno{unix.ENOENT, unix.EINVAL, unix.EILSEQ} {
			t.Run(fmt.Sprint(op, " ", errno), func(t *testing.T) {
				w := newWorld(t)
				w.write("good", big("good", 5000))
				want := []string{"bad:name"}
				switch op {
				case fsys.OpMkdir:
					w.write("bad:name/inside", "x")
					want = append(want, "bad:name/inside")
				case fsys.OpSymlink:
					w.ok(os.Symlink("x", filepath.Join(w.src, "bad:name")))
				default:
					w.write("bad:name", "x")
				}
				rep := w.apply(w.plan(), (&failAt{op: op, errno: errno, match: func(name string) bool { return name == "bad:name" }}).inject)
				same(t, "failed", paths(rep.Failed), want)
				same(t, "status", rep.Status, execute.StatusPartial)
				if look(filepath.Join(w.snap(rep), "good")).Kind != "file" {
					t.Error("the others are missing")
				}
				w.sums(w.snap(rep))
			})
		}
	}
}

func TestRefusedLinksBecomeCopies(t *testing.T) {
	for _, errno := range []syscall.Errno{unix.EMLINK, unix.EPERM, unix.EXDEV, unix.ENOTSUP} {
		t.Run(errno.Error(), func(t *testing.T) {
			w := newWorld(t)
			w.write("a", big("a", 5000))
			w.write("b", big("b", 1500))
			w.write("c", big("b", 1500))
			first := w.apply(w.plan())
			before := w.published()
			w.write("a2", big("a", 5000))
			rep := w.apply(w.plan(), (&failAt{op: fsys.OpLink, errno: errno, match: func(name string) bool { return name != "b" && name != "c" }}).inject)
			same(t, "fallbacks", []any{rep.LinkFallbacks, paths(rep.FallbackPaths)}, []any{int64(2), []string{"a", "a2"}})
			same(t, "links", rep.Totals.Link.Files, int64(2))
			same(t, "incomplete", rep.Incomplete(), false)
			w.whole(rep)
			w.immutable(before)
			w.lookupsSound(true)
			entry := look(filepath.Join(w.snap(rep), "a")).Content
			path, err := os.ReadFile(filepath.Join(w.root, ".phlb/hash-lookup", entry[:2], entry[2:4], entry))
			w.ok(err)
			if !strings.HasPrefix(string(path), *rep.Snapshot+"/a") {
				t.Errorf("the lookup still points to %s, not to a new inode", path)
			}
			if look(filepath.Join(w.snap(first), "a")).Ino == look(filepath.Join(w.root, string(path))).Ino {
				t.Error("the lookup points to the old inode")
			}
		})
	}
}

// TestLookupFollowsTheNewInode refuses one of two links to the same content:
// the entry must move to the copy, not to the other name of the old inode.
func TestLookupFollowsTheNewInode(t *testing.T) {
	w := newWorld(t)
	w.write("a", big("a", 5000))
	w.write("z", big("a", 5000))
	w.apply(w.plan())
	rep := w.apply(w.plan(), (&failAt{op: fsys.OpLink, errno: unix.EMLINK, match: func(name string) bool { return name == "a" }}).inject)
	same(t, "fallbacks", paths(rep.FallbackPaths), []string{"a"})
	sum := look(filepath.Join(w.src, "a")).Content
	entry, err := os.ReadFile(filepath.Join(w.root, ".phlb/hash-lookup", sum[:2], sum[2:4], sum))
	w.ok(err)
	same(t, "entry", string(entry), *rep.Snapshot+"/a")
}

// TestMetadataThatCannotBeKept imitates a destination without owners, modes,
// times or attributes.
func TestMetadataThatCannotBeKept(t *testing.T) {
	for _, op := range []fsys.Op{fsys.OpChmod, fsys.OpChown, fsys.OpTimes, fsys.OpSetXattr} {
		t.Run(string(op), func(t *testing.T) {
			w := sweepWorld(t)
			if op == fsys.OpChown {
				needRoot(t)
				w.ok(os.Lchown(filepath.Join(w.src, "kept"), 12, 34))
			}
			f := w.plan()
			rep := w.apply(f, (&failAt{op: op, errno: unix.EPERM}).inject)
			if rep.NotKept == 0 || rep.Status != execute.StatusComplete {
				t.Errorf("%d not kept, %s", rep.NotKept, rep.Status)
			}
			same(t, "diff", snapshotDiff(w.src, w.snap(rep), false), "")
		})
	}
}

func TestSetIDIsDroppedWithTheOwner(t *testing.T) {
	needRoot(t)
	w := newWorld(t)
	p := w.write("suid", "x")
	w.ok(os.Lchown(p, 12, 34))
	w.ok(unix.Chmod(p, 0o6755))
	rep := w.apply(w.plan(), (&failAt{op: fsys.OpChown, errno: unix.EPERM}).inject)
	same(t, "mode", look(filepath.Join(w.snap(rep), "suid")).Mode, uint32(0o755))
	_, records, _ := w.catalog(*rep.Snapshot)
	same(t, "catalogued mode", records["suid"].Mode, uint32(0o6755))
}

func TestAttributesTooLargeForTheFileSystem(t *testing.T) {
	w := sweepWorld(t)
	if xattrs(filepath.Join(w.src, "new/a")) == nil {
		t.Skip("no xattrs here")
	}
	rep := w.apply(w.plan(), (&failAt{op: fsys.OpSetXattr, errno: unix.ENOSPC}).inject)
	if rep.NotKept == 0 {
		t.Error("nothing counted")
	}
	_, records, _ := w.catalog(*rep.Snapshot)
	same(t, "catalogued", string(records["new/a"].Xattrs["user.x"]), "y")
	same(t, "stored", len(records["new/a"].Stored.Xattrs), 0)
}

// TestNamesThatTheDestinationCannotHold fails single paths, not the run.
func TestNamesThatTheDestinationCannotHold(t *testing.T) {
	for _, errno := range []syscall.Errno{unix.EILSEQ, unix.EEXIST} {
		for _, op := range []fsys.Op{fsys.OpCreate, fsys.OpMkdir, fsys.OpSymlink, fsys.OpLink} {
			t.Run(fmt.Sprintf("%s %v", op, errno), func(t *testing.T) {
				w := newWorld(t)
				w.write("ok", "x")
				w.write("ino", big("one", 2000))
				switch op {
				case fsys.OpMkdir:
					w.write("bad/in/side", "x")
					w.write("bad/x", "x")
				case fsys.OpSymlink:
					w.ok(os.Symlink("x", filepath.Join(w.src, "bad")))
				case fsys.OpLink:
					w.ok(os.Link(filepath.Join(w.src, "ino"), filepath.Join(w.src, "bad")))
					w.ok(os.Rename(filepath.Join(w.src, "ino"), filepath.Join(w.src, "a")))
				default:
					w.write("bad", "x")
				}
				rep := w.apply(w.plan(), (&failAt{op: op, errno: errno, match: func(name string) bool { return strings.HasPrefix(name, "bad") }}).inject)
				if op == fsys.OpLink {
					// "a" comes first, "bad" is to be linked to it.
					same(t, "failed", paths(rep.Failed), []string{"bad"})
				} else if op == fsys.OpMkdir {
					same(t, "failed", paths(rep.Failed), []string{"bad", "bad/in", "bad/in/side", "bad/x"})
				} else {
					same(t, "failed", paths(rep.Failed), []string{"bad"})
				}
				same(t, "status", rep.Status, execute.StatusPartial)
				if _, err := os.Lstat(filepath.Join(w.snap(rep), "bad")); err == nil {
					t.Error("bad is there")
				}
				w.sums(w.snap(rep))
				_, _, tail := w.catalog(*rep.Snapshot)
				same(t, "trailer", tail.Status, "partial")
			})
		}
	}
}

// TestHalfAFileIsNeverPublished fails the removal of a file that failed.
func TestHalfAFileIsNeverPublished(t *testing.T) {
	w := newWorld(t)
	w.write("ok", "x")
	w.write("bad", big("x", 2000))
	f := w.plan()
	_, err := w.try(f, func(o *execute.Options) {
		o.Faults = func(op fsys.Op, name string) error {
			switch {
			case name == "bad" && op == fsys.OpWrite:
				return unix.EILSEQ
			case name == "bad" && op == fsys.OpRemove:
				return unix.EBUSY
			}
			return nil
		}
	})
	if err == nil || len(w.snapshots()) != 0 {
		t.Errorf("%v with %v", err, w.snapshots())
	}
	w.whole(w.apply(f))
}

// TestPublishedMeanwhile puts something at the snapshot's place.
func TestPublishedMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.write("f", big("f", 2000))
	p := w.planned()
	f := w.save(&p.Document)
	id := p.Sources[0].Snapshot
	foreign := filepath.Join(w.root, id)
	_, err := w.try(f, func(o *execute.Options) {
		o.Faults = func(op fsys.Op, name string) error {
			if op == fsys.OpSyncFS {
				w.ok(os.MkdirAll(foreign, 0o755))
				w.ok(os.WriteFile(foreign+"/theirs", nil, 0o644))
			}
			return nil
		}
	})
	if err == nil {
		t.Error("published over something")
	}
	same(t, "what was there", look(foreign+"/theirs").Kind, "file")
	for _, left := range []string{foreign + "-report.json", filepath.Join(w.root, ".phlb/catalog", id+".jsonl.zst")} {
		if _, err := os.Lstat(left); !os.IsNotExist(err) {
			t.Errorf("left behind: %s (%v)", left, err)
		}
	}
	w.refused(f, execute.ErrRefused, "newest snapshot")
}
