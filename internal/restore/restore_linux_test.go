package restore_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/restore"
	"phlb/internal/snapshot"
	"phlb/internal/treetest"
	"phlb/verify"
)

// smallWorld has a bit of everything.
func smallWorld(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.write("a", big("a", 5000))
	w.write("d/b", big("a", 5000)) // one inode with a in the snapshot
	w.ok(os.Chmod(filepath.Join(w.src, "d/b"), 0o600))
	w.write("d/small", "s")
	w.write("d/e/deep", big("deep", 300_000))
	w.ok(os.Link(filepath.Join(w.src, "a"), filepath.Join(w.src, "d/a2")))
	w.ok(os.Link(filepath.Join(w.src, "d/small"), filepath.Join(w.src, "d/e/small2")))
	w.ok(os.Symlink("a", filepath.Join(w.src, "ln")))
	w.ok(os.Mkdir(filepath.Join(w.src, "empty"), 0o750))
	w.write("SHA256SUMS", "mine\n")
	w.ok(os.Chmod(filepath.Join(w.src, "d/e"), 0o555))
	for _, p := range []string{"d/e", "d", "empty", "."} {
		w.ok(os.Chtimes(filepath.Join(w.src, p), old, old))
	}
	return w
}

// damage alters a byte of a stored file, as a failing disk does.
func (w *world) damage(id snapshot.ID, rel string) {
	w.t.Helper()
	p := w.stored(id, rel)
	info, err := os.Stat(p)
	w.ok(err)
	f, err := os.OpenFile(p, os.O_WRONLY, 0)
	w.ok(err)
	defer f.Close()
	_, err = f.WriteAt([]byte("#"), info.Size()/2)
	w.ok(err)
	w.ok(os.Chtimes(p, info.ModTime(), info.ModTime()))
}

// remove removes something of a snapshot, from a read-only directory, too.
func (w *world) remove(id snapshot.ID, rel string) {
	w.t.Helper()
	w.ok(os.Chmod(filepath.Dir(w.stored(id, rel)), 0o755))
	w.ok(os.RemoveAll(w.stored(id, rel)))
}

func (w *world) out() string { return filepath.Join(w.dir, "out") }

func TestPartOfASnapshot(t *testing.T) {
	w := smallWorld(t)
	id, want := w.backup(), list(w.src)
	res, err := w.try(id, "d", w.out())
	w.ok(err)
	// The first name of a's group lies outside: the one inside takes its place.
	same(t, "links", []any{res.Hardlinks, res.Path}, []any{int64(1), "d"})
	identical(t, list(filepath.Join(w.src, "d")), list(w.out()))

	one := filepath.Join(w.dir, "one")
	_, err = w.try(id, "d/b", one)
	w.ok(err)
	b := want["d/b"]
	b.First = ""
	same(t, "one file", "", diffTrees(map[string]object{"": b}, map[string]object{"": look(one)}))
	w.ok(os.Mkdir(filepath.Join(w.dir, "into"), 0o700))
	for _, p := range []string{"SHA256SUMS.source", "ln", "d/e/small2"} {
		_, err = w.try(id, p, filepath.Join(w.dir, "into"))
		w.ok(err)
	}
	same(t, "into a directory", []string{".", "SHA256SUMS", "ln", "small2"}, names(filepath.Join(w.dir, "into")))
	if _, err = w.try(id, "ln", filepath.Join(w.dir, "into")); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("a file that is there already: %v", err)
	}
	if _, err = w.try(id, "nothing", one+"2"); err == nil || !strings.Contains(err.Error(), `holds no "nothing"`) {
		t.Errorf("what is not there: %v", err)
	}
	if _, err = w.try(id, "SHA256SUMS", one+"2"); err == nil || !strings.Contains(err.Error(), "SHA256SUMS.source") {
		t.Errorf("phlb's own file: %v", err)
	}
}

func names(dir string) (all []string) {
	for p := range list(dir) {
		all = append(all, p)
	}
	return sorted(all)
}

func sorted(s []string) []string {
	for i := range s {
		for j := i; j > 0 && s[j] < s[j-1]; j-- {
			s[j], s[j-1] = s[j-1], s[j]
		}
	}
	return s
}

func TestDamage(t *testing.T) {
	w := smallWorld(t)
	id := w.backup()
	w.damage(id, "a") // and with it d/b
	w.damage(id, "d/e/small2")
	w.remove(id, "d/e/deep")
	w.remove(id, "ln")
	w.ok(os.Symlink("elsewhere", w.stored(id, "ln")))
	w.ok(os.Mkdir(w.out(), 0o700))
	w.ok(os.WriteFile(filepath.Join(w.out(), "a"), []byte("mine"), 0o600))

	res, err := w.try(id, ".", w.out(), overwrite)
	w.ok(err)
	same(t, "status", restore.Partial, res.Status)
	// The small file's other name has an inode of its own, which is good.
	same(t, "damaged", []string{"a", "d/a2", "d/b", "d/e/deep", "d/e/small2", "ln"}, paths(res.Damaged))
	got := list(w.out())
	same(t, "the old a", "mine", read(t, filepath.Join(w.out(), "a")))
	same(t, "restored", []bool{false, false, true}, []bool{exists(filepath.Join(w.out(), "d/b")), exists(filepath.Join(w.out(), "d/e/small2")), got["d/small"].Content == look(filepath.Join(w.src, "d/small")).Content})

	res, err = w.try(id, ".", w.out(), overwrite, allowDamaged)
	w.ok(err)
	same(t, "status", restore.Partial, res.Status)
	var missing []string
	for _, d := range res.Damaged {
		if !d.Restored {
			missing = append(missing, d.Path)
		}
	}
	same(t, "still missing", []string{"d/e/deep"}, missing)
	same(t, "what is there", look(w.stored(id, "a")).Content, look(filepath.Join(w.out(), "a")).Content)
	noTemps(t, w.out())
}

// TestAltered: what is of another kind than on record, missing, or too much.
func TestAltered(t *testing.T) {
	w := smallWorld(t)
	w.write("d/f/g", big("g", 2000))
	w.write("x", "x")
	w.ok(os.Symlink("y", filepath.Join(w.src, "y")))
	id := w.backup()
	for _, p := range []string{"a", "empty", "d/f", "x", "y"} {
		w.remove(id, p)
	}
	w.ok(os.MkdirAll(w.stored(id, "a/inner"), 0o755))
	w.ok(os.WriteFile(w.stored(id, "empty"), []byte("a file now"), 0o644))
	w.ok(os.Symlink("nowhere", w.stored(id, "x")))
	w.ok(os.WriteFile(w.stored(id, "y"), []byte("a file, too"), 0o644))
	w.ok(os.WriteFile(w.stored(id, "d/stray"), []byte("stray"), 0o644))
	w.ok(unix.Mkfifo(w.stored(id, "d/pipe"), 0o644))

	res, err := w.try(id, ".", w.out())
	w.ok(err)
	same(t, "damaged", []string{"a", "d/f", "empty", "x", "y"}, paths(res.Damaged))
	same(t, "failed", []string{"d/pipe"}, paths(res.Failed))
	same(t, "unverified", []string{"d/stray"}, paths(res.Unverified))
	same(t, "there", []string{".", "SHA256SUMS", "d", "d/a2", "d/b", "d/e", "d/e/deep", "d/e/small2", "d/small", "d/stray", "ln"}, names(w.out()))
	if len(res.Notes) != 1 || !strings.Contains(res.Notes[0], "2 paths are in the snapshot but not in its catalogue") {
		t.Errorf("notes: %q", res.Notes)
	}

	res, err = w.try(id, ".", filepath.Join(w.dir, "all"), allowDamaged)
	w.ok(err)
	got := map[string]bool{}
	for _, d := range res.Damaged {
		got[d.Path] = d.Restored
	}
	same(t, "restored", map[string]bool{"a": true, "d/f": false, "empty": true, "x": true, "y": true}, got)
	for _, p := range []string{"a/inner", "empty", "x", "y"} {
		same(t, p, look(w.stored(id, p)).Content, look(filepath.Join(w.dir, "all", p)).Content)
	}

	for _, p := range []string{"d/f", "d/f/g"} {
		res, err = w.try(id, p, filepath.Join(w.dir, "none"), overwrite)
		w.ok(err)
		same(t, "missing itself", []string{p}, paths(res.Damaged))
	}
	if _, err = w.try(id, "d/pipe", filepath.Join(w.dir, "none")); err == nil || !strings.Contains(err.Error(), "which no backup holds") {
		t.Errorf("a fifo itself: %v", err)
	}
}

func read(t *testing.T, p string) string {
	t.Helper()
	text, err := os.ReadFile(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestGoodCopyStays: what is damaged in the snapshot and good in the target is
// no loss.
func TestGoodCopyStays(t *testing.T) {
	w := smallWorld(t)
	id, want := w.backup(), list(w.src)
	w.restore(id, w.out())
	w.damage(id, "d/e/deep")
	w.ok(os.WriteFile(filepath.Join(w.out(), "other"), nil, 0o600))
	res, err := w.try(id, ".", w.out(), overwrite)
	w.ok(err)
	same(t, "damaged", []string{}, paths(res.Damaged))
	same(t, "left alone", true, exists(filepath.Join(w.out(), "other")))
	w.ok(os.Remove(filepath.Join(w.out(), "other")))
	w.ok(os.Chtimes(w.out(), old, old))
	identical(t, want, list(w.out()))
}

func TestWithoutCatalogue(t *testing.T) {
	w := smallWorld(t)
	id := w.backup()
	catalogue := filepath.Join(w.root, ".phlb/catalog", id.String()+".jsonl.zst")
	text, err := os.ReadFile(catalogue)
	w.ok(err)
	check := func(name string, meta restore.Metadata, note string) {
		t.Helper()
		out := filepath.Join(w.dir, name)
		res := w.restore(id, out)
		if res.Metadata != meta || len(res.Notes) != 1 || !strings.Contains(res.Notes[0], note) {
			t.Errorf("%s: %s %q", name, res.Metadata, res.Notes)
		}
		same(t, "links", int64(0), res.Hardlinks)
		got, want := list(out), list(w.src)
		same(t, "paths", len(want), len(got))
		for p, o := range want {
			if got[p].Content != o.Content || got[p].Kind != o.Kind || got[p].Kind == "file" && got[p].First != p {
				t.Errorf("%s: %s is %+v", name, p, got[p])
			}
		}
		// d/b shares a's inode in the snapshot, and with it the mode.
		same(t, "mode of d/b", want["a"].Mode, got["d/b"].Mode)
		same(t, "time of d", want["d"].Sec, got["d"].Sec)
	}
	w.ok(os.WriteFile(catalogue, text[:len(text)-9], 0o600))
	check("cut", restore.Carried, "cannot be used")
	w.ok(os.Remove(catalogue))
	check("gone", restore.Carried, "has no catalogue")
	root := w.open()
	_, err = verify.Rebuild(t.Context(), root, verify.RebuildOptions{NewID: w.id})
	root.Close()
	w.ok(err)
	check("rebuilt", restore.Rebuilt, "was rebuilt")

	// Neither catalogue nor checksums: nothing vouches for the content.
	w.ok(os.Remove(catalogue))
	w.remove(id, "d/e/SHA256SUMS")
	res, err := w.try(id, ".", w.out())
	w.ok(err)
	same(t, "unverified", []string{"d/e/deep", "d/e/small2"}, paths(res.Unverified))
	same(t, "restored", true, exists(filepath.Join(w.out(), "d/e/deep")))
	// And what only SHA256SUMS knows of is missing.
	w.remove(id, "d/b")
	res, err = w.try(id, ".", w.out(), overwrite)
	w.ok(err)
	same(t, "missing", []string{"d/b"}, paths(res.Damaged))
}

// TestRootOfPHLB: its snapshots have no catalogue, and its names are those of
// the source.
func TestRootOfPHLB(t *testing.T) {
	p := treetest.UnpackPHLB(t)
	root, err := snapshot.Open(p.Root)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	id, err := snapshot.ParseID(treetest.PHLBSecond)
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "out")
	res, err := restore.Restore(t.Context(), root, restore.Source{ID: id, Path: "."}, out, restore.Options{UID: os.Geteuid()})
	if err != nil || res.Status != restore.Complete || res.Metadata != restore.Carried {
		t.Fatalf("%+v %v", res, err)
	}
	want := treetest.Read(t, filepath.Join(p.Root, treetest.PHLBSecond)).Without("SHA256SUMS")
	treetest.Equal(t, treetest.Read(t, out).Content(), want.Content())
	if exists(filepath.Join(p.Root, ".phlb/lock")) {
		t.Error("a lock file was made")
	}
}

func TestTargets(t *testing.T) {
	w := smallWorld(t)
	id := w.backup()
	refused := func(to, why string, change ...func(*restore.Options)) {
		t.Helper()
		if _, err := w.try(id, ".", to, change...); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", to, err)
		}
	}
	w.untouched(func() {
		refused(w.root, "backup root", overwrite)
		refused(filepath.Join(w.root, "new/deep"), "backup root")
		refused(w.stored(id, "empty"), "backup root")
		w.ok(os.Symlink(w.root, filepath.Join(w.dir, "way")))
		refused(filepath.Join(w.dir, "way/x"), "backup root")
	})
	refused(w.src, "not empty")
	refused(filepath.Join(w.src, "a"), "in the way")
	refused(filepath.Join(w.src, "a/b"), "not a directory")
	w.ok(os.Symlink("nowhere", filepath.Join(w.dir, "dangling")))
	refused(filepath.Join(w.dir, "dangling"), "in the way")
	// New directories on the way, an empty one, and one with lost+found.
	w.restore(id, filepath.Join(w.dir, "x/y/z"))
	w.ok(os.MkdirAll(filepath.Join(w.dir, "fresh/lost+found"), 0o700))
	w.restore(id, filepath.Join(w.dir, "fresh"))
	w.ok(os.Mkdir(filepath.Join(w.dir, "dir"), 0o700))
	w.ok(os.Symlink("dir", filepath.Join(w.dir, "to-dir")))
	w.restore(id, filepath.Join(w.dir, "to-dir"))
	identical(t, list(w.src), list(filepath.Join(w.dir, "dir")))
}

func TestDryRun(t *testing.T) {
	w := smallWorld(t)
	id := w.backup()
	real := w.restore(id, w.out())
	before := list(w.dir)
	w.untouched(func() {
		dry := w.restore(id, filepath.Join(w.dir, "x/y"), dryRun)
		same(t, "counts", []any{real.Restored, real.Hardlinks, real.Symlinks, real.Directories}, []any{dry.Restored, dry.Hardlinks, dry.Symlinks, dry.Directories})
		again := w.restore(id, w.out(), dryRun, overwrite)
		same(t, "unchanged", []int64{8, 0, 0}, []int64{again.Unchanged.Files, again.Restored.Files, again.Hardlinks})
	})
	if diff := cmp.Diff(before, list(w.dir), cmp.AllowUnexported(object{})); diff != "" {
		t.Errorf("a dry run changed something:\n%s", diff)
	}
}

// TestOverwrite: what is in the way is replaced where that is safe, and
// nothing outside is reached.
func TestOverwrite(t *testing.T) {
	w := smallWorld(t)
	id, want := w.backup(), list(w.src)
	outside := filepath.Join(w.dir, "outside")
	w.ok(os.MkdirAll(filepath.Join(w.out(), "ln"), 0o755)) // a directory for a symbolic link
	w.ok(os.Mkdir(outside, 0o755))
	w.ok(os.WriteFile(filepath.Join(outside, "precious"), []byte("precious"), 0o644))
	w.ok(os.Symlink(outside, filepath.Join(w.out(), "d")))                                                // a link for a directory
	w.ok(os.Symlink(filepath.Join(outside, "precious"), filepath.Join(w.out(), "a")))                     // one for a file
	w.ok(os.WriteFile(filepath.Join(w.out(), "empty"), nil, 0o644))                                       // a file for a directory
	w.ok(os.Link(filepath.Join(outside, "precious"), filepath.Join(w.out(), "SHA256SUMS")))               // another's inode
	w.ok(os.WriteFile(filepath.Join(w.out(), ".phlb-restore-17"), []byte("left by a killed run"), 0o600)) // swept away
	before := list(outside)
	res, err := w.try(id, ".", w.out(), overwrite)
	w.ok(err)
	same(t, "failed", []string{"d", "empty", "ln"}, paths(res.Failed))
	same(t, "replaced", int64(2), res.Replaced)
	identical(t, before, list(outside))
	noTemps(t, w.out())
	got := list(w.out())
	same(t, "restored", []string{want["a"].Content, want["SHA256SUMS"].Content}, []string{got["a"].Content, got["SHA256SUMS"].Content})

	for _, p := range []string{"d", "empty"} {
		w.ok(os.Remove(filepath.Join(w.out(), p)))
	}
	w.ok(os.Remove(filepath.Join(w.out(), "ln")))
	w.restore(id, w.out(), overwrite)
	identical(t, want, list(w.out()))
}

// TestNeverTheSnapshotsInode: a target that shares inodes with the snapshot
// gets its own.
func TestNeverTheSnapshotsInode(t *testing.T) {
	w := smallWorld(t)
	id, want := w.backup(), list(w.src)
	for _, p := range []string{"a", "d/b", "d/a2"} {
		w.ok(os.MkdirAll(filepath.Join(w.out(), "d"), 0o755))
		w.ok(os.Link(w.stored(id, p), filepath.Join(w.out(), p)))
	}
	before := look(w.stored(id, "a"))
	w.restore(id, w.out(), overwrite)
	identical(t, want, list(w.out()))
	after := look(w.stored(id, "a"))
	if before.ino == look(filepath.Join(w.out(), "a")).ino || diffTrees(map[string]object{"": before}, map[string]object{"": after}) != "" {
		t.Errorf("still linked, or changed: %+v %+v", before, after)
	}
}

// TestInheritedACL: what a directory that was there before hands on does not
// stick to what is restored in it.
func TestInheritedACL(t *testing.T) {
	w := smallWorld(t)
	id, want := w.backup(), list(w.src)
	w.ok(os.Mkdir(w.out(), 0o755))
	// user::rwx, user:1000:rwx, group::r-x, mask::rwx, other::r-x
	acl := "\x02\x00\x00\x00" + "\x01\x00\x07\x00\xff\xff\xff\xff" + "\x02\x00\x07\x00\xe8\x03\x00\x00" +
		"\x04\x00\x05\x00\xff\xff\xff\xff" + "\x10\x00\x07\x00\xff\xff\xff\xff" + "\x20\x00\x05\x00\xff\xff\xff\xff"
	if err := unix.Setxattr(w.out(), "system.posix_acl_default", []byte(acl), 0); err != nil {
		t.Skipf("no ACLs here: %v", err)
	}
	w.ok(os.Mkdir(filepath.Join(w.dir, "single"), 0o755))
	w.ok(unix.Setxattr(filepath.Join(w.dir, "single"), "system.posix_acl_default", []byte(acl), 0))
	w.restore(id, w.out())
	identical(t, want, list(w.out()))
	_, err := w.try(id, "d/b", filepath.Join(w.dir, "single"))
	w.ok(err)
	same(t, "of a single file", map[string]string(nil), look(filepath.Join(w.dir, "single/b")).Xattrs)
}

// TestDeeperThanPathMax builds, backs up and restores a path that no system
// call would take whole.
func TestDeeperThanPathMax(t *testing.T) {
	w := newWorld(t)
	w.write("a", "a")
	rel := strings.TrimSuffix(strings.Repeat(strings.Repeat("d", 200)+"/", 25), "/")
	make := func(top string) {
		dir, err := fsys.Open(top)
		w.ok(err)
		defer dir.Close()
		deep, err := dir.MkdirAll(rel, 0o755)
		w.ok(err)
		defer deep.Close()
		f, err := deep.Create("file", 0o644)
		w.ok(err)
		_, err = f.Write([]byte(big("deep", 2000)))
		w.ok(err)
		w.ok(f.Close())
	}
	make(w.src)
	id := w.backup()
	w.restore(id, w.out())
	dir, err := fsys.Open(w.out())
	w.ok(err)
	defer dir.Close()
	info, err := dir.LstatAt(rel + "/file")
	w.ok(err)
	same(t, "size", int64(2000), info.Size)
}

// TestInterrupted: nothing half-made stays, and a second run finishes.
func TestInterrupted(t *testing.T) {
	for n := 2; n < 10; n += 3 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			w := smallWorld(t)
			id, want := w.backup(), list(w.src)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			seen := 0
			w.ctx = ctx
			res, err := w.try(id, ".", w.out(), func(o *restore.Options) {
				o.Workers = 1
				o.Events = event.Func(func(event.Event) {
					if seen++; seen == n {
						cancel()
					}
				})
			})
			if err == nil || res == nil || res.Status != restore.Failed || res.Error != "interrupted" {
				t.Fatalf("%+v %v", res, err)
			}
			w.wholeFiles(want)
			noTemps(t, w.out())
			w.ctx = t.Context()
			w.restore(id, w.out(), overwrite)
			identical(t, want, list(w.out()))
		})
	}
}

// wholeFiles checks that what has its final name is as it has to be.
func (w *world) wholeFiles(want map[string]object) {
	w.t.Helper()
	if !exists(w.out()) {
		return
	}
	for p, o := range list(w.out()) {
		if o.Kind == "dir" || strings.HasPrefix(filepath.Base(p), ".phlb-restore-") {
			continue
		}
		if x := want[p]; x.Content != o.Content || x.Kind != o.Kind || x.Mode != o.Mode || x.Sec != o.Sec {
			w.t.Errorf("%s is not whole: %+v", p, o)
		}
	}
}

func TestJSON(t *testing.T) {
	w := newWorld(t)
	w.write("d\xff/x", big("x", 2000))
	id := w.backup()
	w.damage(id, "d\xff/x")
	res, err := w.try(id, "d\xff", w.out())
	w.ok(err)
	text, err := json.Marshal(res)
	w.ok(err)
	var got struct {
		Format  string    `json:"format"`
		PathB64 []byte    `json:"path_b64"`
		Start   time.Time `json:"start"`
		Failed  []any     `json:"failed"`
		Damaged []struct {
			PathB64  []byte `json:"path_b64"`
			Error    string `json:"error"`
			Restored *bool  `json:"restored"`
		} `json:"damaged"`
	}
	w.ok(json.Unmarshal(text, &got))
	same(t, "format", []any{"phlb-restore", "d\xff", 1, "d\xff/x"}, []any{got.Format, string(got.PathB64), len(got.Damaged), string(got.Damaged[0].PathB64)})
	if got.Failed == nil || got.Damaged[0].Restored == nil || got.Start.IsZero() || !strings.Contains(got.Damaged[0].Error, "SHA-256") {
		t.Errorf("%s", text)
	}
}
