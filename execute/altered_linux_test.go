package execute_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"
	"golang.org/x/sys/unix"

	"phlb/execute"
	"phlb/internal/catalog"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/plan"
)

// TestAlteredInPlace alters a published file and gives it its times back. Only
// its ctime tells; the next snapshot must not be born damaged.
func TestAlteredInPlace(t *testing.T) {
	for name, early := range map[string]bool{"before planning": true, "after planning": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.now = time.Now() // the windows of phlb's own runs are real ones
			w.write("f", big("f", 5000))
			w.write("kept", big("kept", 5000))
			target := filepath.Join(w.snap(w.backup()), "f")
			alter := func() {
				time.Sleep(100 * time.Millisecond) // ticks of the file system's clock
				w.ok(os.WriteFile(target, []byte(big("bad", 5000)), 0o644))
				w.ok(os.Chtimes(target, old, old))
				time.Sleep(100 * time.Millisecond)
				w.now = time.Now()
			}
			if early {
				alter()
			}
			f := w.plan()
			if !early {
				alter()
			}
			rep := w.apply(f)
			same(t, "fallbacks", paths(rep.FallbackPaths), []string{"f"})
			w.whole(rep)
		})
	}
}

// TestAlteredBeforeResuming alters a published file between the crash of the
// run that published it and the run that finishes the rest of the plan. That
// time is in neither's window.
func TestAlteredBeforeResuming(t *testing.T) {
	w := newWorld(t)
	w.write("f", big("f", 5000))
	w.write("kept", big("kept", 5000))
	realTime := func(o *execute.Options) { o.Now = time.Now }
	f := w.plan()
	log := failAt{op: fsys.OpRename, errno: unix.EIO, match: func(name string) bool { return strings.HasSuffix(name, "backup.log") }}
	_, err := w.try(f, realTime, log.inject)
	if err == nil || len(w.snapshots()) != 1 {
		t.Fatalf("%v with %v", err, w.snapshots())
	}
	target := filepath.Join(w.root, w.snapshots()[0], "f")
	time.Sleep(50 * time.Millisecond) // ticks of the file system's clock
	w.ok(os.WriteFile(target, []byte(big("bad", 5000)), 0o644))
	w.ok(os.Chtimes(target, old, old))
	time.Sleep(50 * time.Millisecond)
	same(t, "windows of the run that resumed", len(w.apply(f, realTime).LaterWindows), 1)
	w.now = time.Now()
	rep := w.backup()
	same(t, "fallbacks", paths(rep.FallbackPaths), []string{"f"})
	w.whole(rep)
}

// TestOwnRunsExplainCtimes: what happens to an inode while phlb itself links
// in the root is taken for its own doing, or two names that share content
// would make each other read all of it. (Only verify can tell the difference.)
func TestOwnRunsExplainCtimes(t *testing.T) {
	w := newWorld(t)
	w.more = "- name: again\n  path: " + w.src + "\n"
	w.write("f", big("f", 5000))
	realTime := func(o *execute.Options) { o.Now = time.Now }
	target := filepath.Join(w.snap(w.apply(w.plan(), realTime)), "f")
	time.Sleep(100 * time.Millisecond)
	f := w.plan(func(o *plan.Options) { o.Sources = []string{"again"} })
	done := false
	w.apply(f, realTime, onEvent(func(int, event.Event) {
		if !done {
			done = true
			time.Sleep(50 * time.Millisecond) // out of the tick in which the run began
			w.ok(os.WriteFile(target, []byte(big("bad", 5000)), 0o644))
			w.ok(os.Chtimes(target, old, old))
			time.Sleep(50 * time.Millisecond)
		}
	}))
	time.Sleep(100 * time.Millisecond)
	rep := w.apply(w.plan(func(o *plan.Options) { o.Sources = []string{"home"} }), realTime)
	same(t, "fallbacks", rep.LinkFallbacks, int64(0))
}

// TestNoExcuseInOpenRoots: where others can reach the snapshots and write to
// their files there, a run of phlb's own explains nothing: they can use that
// time. A file that was only linked is not read again for that.
func TestNoExcuseInOpenRoots(t *testing.T) {
	needRoot(t)
	w := newWorld(t)
	w.now = time.Now()
	w.more = "- name: again\n  path: " + w.src + "\n"
	for _, name := range []string{"theirs", "theirs too", "ours"} {
		p := w.write(name, big(name, 5000))
		if name != "ours" {
			w.ok(os.Chown(p, 1234, 1234))
		}
	}
	realTime := func(o *execute.Options) { o.Now = time.Now }
	only := func(name string) func(*plan.Options) {
		return func(o *plan.Options) { o.Sources = []string{name} }
	}
	w.apply(w.plan(), realTime)
	for _, dir := range []string{"", "home", "again"} {
		w.ok(os.Chmod(filepath.Join(w.root, dir), 0o755))
	}
	first := w.apply(w.plan(only("home")), realTime)
	time.Sleep(100 * time.Millisecond)
	f := w.plan(only("again"))
	done := false
	w.apply(f, realTime, onEvent(func(int, event.Event) {
		if !done {
			done = true
			time.Sleep(50 * time.Millisecond) // past the tick in which the run began: that is nobody's
			for _, name := range []string{"theirs", "ours"} {
				w.ok(os.WriteFile(filepath.Join(w.snap(first), name), []byte(big("bad", 5000)), 0o644))
				w.ok(os.Chtimes(filepath.Join(w.snap(first), name), old, old))
			}
			time.Sleep(50 * time.Millisecond)
		}
	}))
	time.Sleep(100 * time.Millisecond)
	rep := w.apply(w.plan(only("home")), realTime)
	same(t, "fallbacks", paths(rep.FallbackPaths), []string{"theirs"})
	w.ok(os.WriteFile(filepath.Join(w.snap(rep), "ours"), []byte(big("ours", 5000)), 0o644)) // root alone could do that
	w.ok(os.Chtimes(filepath.Join(w.snap(rep), "ours"), old, old))
	w.whole(rep)

	_, records, _ := w.catalog(*rep.Snapshot)
	for name, rec := range records {
		if now := look(filepath.Join(w.snap(rep), name)); rec.Kind == meta.File && rec.Stored.Action == catalog.StoredLink && name != "ours" {
			same(t, "ctime of the link "+name, rec.Stored.Ctime, meta.At(time.Unix(0, now.Ctime)))
		}
	}
	same(t, "fallbacks", w.apply(w.plan(only("home")), realTime).LinkFallbacks, int64(0))
}

// TestFullInode refuses further links to a stored inode: one copy must stand
// in for it, not one for each file.
func TestFullInode(t *testing.T) {
	w := newWorld(t)
	w.write("a", big("a", 5000))
	w.backup()
	for _, name := range []string{"b", "c", "d", "e"} {
		w.write(name, big("a", 5000))
	}
	rep := w.apply(w.plan(), fullInode)
	same(t, "fallbacks", paths(rep.FallbackPaths), []string{"a"})
	first := look(filepath.Join(w.snap(rep), "a")).Ino
	for _, name := range []string{"b", "c", "d", "e"} {
		same(t, "inode of "+name, look(filepath.Join(w.snap(rep), name)).Ino, first)
	}
	w.whole(rep)
}

// TestDefaultACL has a backup root whose default ACL opens everything made in
// it to somebody: not what lies in a snapshot.
func TestDefaultACL(t *testing.T) {
	w := newWorld(t)
	acl := posixACL(1000)
	if err := unix.Setxattr(w.root, "system.posix_acl_default", acl, 0); err != nil {
		t.Skip("no ACLs here:", err)
	}
	w.write("d/f", big("f", 5000))
	w.ok(os.Chmod(filepath.Join(w.src, "d"), 0o750))
	snap := w.snap(w.backup())
	for _, p := range []string{"", "d", "d/f", "d/SHA256SUMS"} {
		for _, attr := range []string{"system.posix_acl_access", "system.posix_acl_default"} {
			if _, err := unix.Getxattr(filepath.Join(snap, p), attr, make([]byte, 256)); err == nil {
				t.Errorf("%q has %s", p, attr)
			} else if !errors.Is(err, unix.ENODATA) && !errors.Is(err, unix.ENOTSUP) {
				t.Errorf("%q: %v", p, err)
			}
		}
	}
}

// posixACL is an ACL that gives a user everything; linux/posix_acl_xattr.h.
func posixACL(uid uint32) []byte {
	var b bytes.Buffer
	w := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) }
	w(uint32(2)) // version
	for _, e := range []struct {
		tag, perm uint16
		id        uint32
	}{{0x01, 7, ^uint32(0)}, {0x02, 7, uid}, {0x04, 5, ^uint32(0)}, {0x10, 7, ^uint32(0)}, {0x20, 5, ^uint32(0)}} {
		w(e.tag)
		w(e.perm)
		w(e.id)
	}
	return b.Bytes()
}

// TestTargetBehindSymlink refuses a link target that a symbolic link leads to.
func TestTargetBehindSymlink(t *testing.T) {
	w := newWorld(t)
	w.write("d/f", big("f", 5000))
	w.ok(os.Symlink("d", filepath.Join(w.src, "ln")))
	first := w.backup()
	w.write("copy", big("f", 5000))
	p := w.planned()
	text, err := os.ReadFile(w.save(&p.Document).Name())
	w.ok(err)
	good := `"target":"` + *first.Snapshot + `/d/f"`
	if bytes.Count(text, []byte(good)) != 2 {
		t.Fatalf("the plan has not the two links expected:\n%s", text)
	}
	// Only of the new file: that of the unchanged one comes later.
	bad := bytes.Replace(text, []byte(good), []byte(`"target":"`+*first.Snapshot+`/ln/f"`), 1)
	w.refused(w.saveText(redigest(bad)), execute.ErrRefused, "no directory")
}

// redigest makes an edited plan's digest fit again.
func redigest(text []byte) []byte {
	at := bytes.LastIndex(text, []byte(`"digest"`))
	return fmt.Appendf(text[:at:at], "\"digest\":\"xxh64:%016x\"}\n", xxhash.Sum64(text[:at]))
}

// TestAppliedAndRemoved applies a plan again whose snapshot is gone.
func TestAppliedAndRemoved(t *testing.T) {
	w := newWorld(t)
	w.write("f", big("f", 5000))
	w.backup()
	w.write("f", big("g", 5000))
	f := w.plan()
	rep := w.apply(f)
	w.ok(os.RemoveAll(w.snap(rep)))
	w.refused(f, execute.ErrRefused, "already applied")
}
