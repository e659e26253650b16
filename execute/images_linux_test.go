package execute_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/execute"
	"phlb/internal/fsys"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
	"phlb/plan"
	"phlb/verify"
)

// image mounts a small file system of its own at the place of the world's
// root: faults that the kernel makes, not our injection.
func (w *world) image(size int64, mkfs ...string) {
	w.t.Helper()
	if testing.Short() {
		w.t.Skip("makes a file system")
	}
	needRoot(w.t)
	if _, err := exec.LookPath(mkfs[0]); err != nil {
		w.t.Skip(err)
	}
	img := filepath.Join(w.dir, "img")
	w.ok(os.WriteFile(img, nil, 0o600))
	w.ok(os.Truncate(img, size))
	if out, err := exec.Command(mkfs[0], append(mkfs[1:], img)...).CombinedOutput(); err != nil {
		w.t.Fatalf("%q: %v\n%s", mkfs, err, out)
	}
	if out, err := exec.Command("mount", "-o", "loop", img, w.root).CombinedOutput(); err != nil {
		w.t.Skipf("cannot mount: %v\n%s", err, out)
	}
	w.t.Cleanup(func() {
		if out, err := exec.Command("umount", w.root).CombinedOutput(); err != nil {
			w.t.Errorf("umount: %v\n%s", err, out)
		}
	})
	w.ok(os.Chmod(w.root, 0o700))
}

// unguarded plans without the guard that would see the fault coming.
func (w *world) unguarded() *os.File {
	return w.plan(func(o *plan.Options) { o.Overrides = []string{"space"} })
}

// TestFullExt4 fills a real disk while copying, and goes on when there is
// room again.
func TestFullExt4(t *testing.T) {
	w := newWorld(t)
	w.image(8<<20, "mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal")
	w.write("first", big("first", 50_000))
	w.backup()
	ballast := filepath.Join(w.root, "ballast")
	w.ok(os.WriteFile(ballast, make([]byte, 4<<20), 0o600))
	for i := range 40 {
		w.write(fmt.Sprintf("d%d/f", i), big(fmt.Sprint(i), 100_000))
	}
	before := w.published()
	f := w.unguarded()
	_, err := w.try(f)
	if fsys.ClassOf(err) != fsys.ClassFull {
		t.Fatalf("got %v", err)
	}
	same(t, "snapshots", len(w.snapshots()), 1)
	w.immutable(before)
	w.lookupsSound(true)
	w.ok(os.Remove(ballast))
	rep := w.apply(f)
	if rep.TakenOver.Files == 0 {
		t.Error("nothing was taken over")
	}
	w.whole(rep)
	w.settled()
	w.immutable(before)
	w.lookupsSound(true)
}

// TestOutOfInodes has bytes enough, but no inodes.
func TestOutOfInodes(t *testing.T) {
	w := newWorld(t)
	w.image(16<<20, "mkfs.ext4", "-q", "-F", "-N", "128")
	for i := range 60 {
		w.write(fmt.Sprintf("d/f%d", i), big(fmt.Sprint(i), 1500))
	}
	spare := func(i int) string { return filepath.Join(w.root, fmt.Sprint("spare", i)) }
	f := w.unguarded()
	free := freeInodes(t, w.root)
	for i := range free - 40 {
		w.ok(os.WriteFile(spare(i), nil, 0o600))
	}
	_, err := w.try(f)
	if fsys.ClassOf(err) != fsys.ClassFull {
		t.Fatalf("got %v", err)
	}
	same(t, "snapshots", len(w.snapshots()), 0)
	for i := range free - 40 {
		w.ok(os.Remove(spare(i)))
	}
	// Lookups need inodes, too: there are enough for the snapshot alone. It is
	// published, and the same plan finishes the rest where there is room.
	_, err = w.try(f)
	if err != nil && (fsys.ClassOf(err) != fsys.ClassFull || !strings.Contains(err.Error(), "is published")) {
		t.Fatalf("got %v", err)
	}
	ids := w.snapshots()
	same(t, "snapshots", len(ids), 1)
	same(t, "diff", snapshotDiff(w.src, filepath.Join(w.root, ids[0]), true), "")
	w.lookupsSound(false)
}

func freeInodes(t *testing.T, path string) int {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		t.Fatal(err)
	}
	return int(st.Ffree)
}

// TestReadOnlyExt4 is mounted read-only, as disks with errors are in the end.
func TestReadOnlyExt4(t *testing.T) {
	w := newWorld(t)
	w.image(16<<20, "mkfs.ext4", "-q", "-F")
	w.write("first", big("first", 5000))
	w.backup()
	w.tree(2, 10)
	before := w.published()
	f := w.plan()
	remount := func(flags uintptr) { w.ok(unix.Mount("", w.root, "", unix.MS_REMOUNT|flags, "")) }
	remount(unix.MS_RDONLY)
	if _, err := w.try(f); fsys.ClassOf(err) != fsys.ClassReadOnly {
		t.Errorf("got %v", err)
	}
	f = w.plan() // planning only reads
	remount(0)
	w.whole(w.apply(f))
	w.settled()
	w.immutable(before)
}

// cutPower makes the kernel forget what it has not written to the disk, as a
// power cut does, and mounts the file system anew.
func (w *world) cutPower() {
	w.t.Helper()
	const goingDown, withoutFlush = 0x8004587d, 2 // EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN
	d, err := unix.Open(w.root, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	w.ok(err)
	err = unix.IoctlSetPointerInt(d, goingDown, withoutFlush)
	w.ok(unix.Close(d))
	if err != nil {
		w.t.Skipf("this kernel cannot imitate a power cut: %v", err)
	}
}

func (w *world) restorePower() {
	w.t.Helper()
	for _, args := range [][]string{{"umount", w.root}, {"mount", "-o", "loop", filepath.Join(w.dir, "img"), w.root}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			w.t.Fatalf("%q: %v\n%s", args, err, out)
		}
	}
}

// TestPowerCut takes the power away at many moments. What the journal vouches
// for is on the disk with that content, and so is all of a snapshot that is
// published; the next run finishes.
func TestPowerCut(t *testing.T) {
	for name, mkfs := range map[string]struct {
		size int64
		args []string
	}{
		"ext4": {96 << 20, []string{"mkfs.ext4", "-q", "-F"}},
		"xfs":  {320 << 20, []string{"mkfs.xfs", "-q", "-f"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.image(mkfs.size, mkfs.args...)
			w.write("first", big("first", 5000))
			w.backup()
			// A backup that was made survives without any further ado.
			w.cutPower()
			w.restorePower()
			w.whole(w.reportOf(w.snapshots()[0]))
			// Lookups are a cache: what is lost of them is made again.
			rebuild(w)
			w.lookupsSound(true)
			calls := &trace{}
			w.fresh(0)
			w.apply(w.plan(), calls.inject)
			cuts := 6
			if os.Getenv("PHLB_LONG_TESTS") != "" {
				cuts = 100
			}
			for i := range cuts {
				w.fresh(i + 1)
				w.cutAt(1 + (2*i+1)*len(calls.calls)/(2*cuts))
			}
		})
	}
}

// fresh replaces the source by one of which nothing is stored.
func (w *world) fresh(seed int) {
	w.t.Helper()
	for i := range 30 {
		w.write(fmt.Sprintf("d%d/f%d", i%3, i), big(fmt.Sprint(seed, i), 2000+i))
	}
}

// rebuild makes the lookups anew.
func rebuild(w *world) {
	w.t.Helper()
	root, err := snapshot.Open(w.root)
	w.ok(err)
	defer root.Close()
	_, err = verify.Rebuild(w.t.Context(), root, verify.RebuildOptions{})
	w.ok(err)
}

func (w *world) sync() {
	w.t.Helper()
	d, err := os.Open(w.root)
	w.ok(err)
	defer d.Close()
	w.ok(unix.Syncfs(int(d.Fd())))
}

// cutAt cuts the power at the n-th writing call of a run and then finishes
// the run.
func (w *world) cutAt(n int) {
	w.t.Helper()
	w.sync()
	before, earlier := w.published(), len(w.snapshots())
	f := w.plan()
	tr := &trace{on: func(op fsys.Op, name string, at int) {
		if at == n {
			w.cutPower()
		}
		if op == fsys.OpCreate && strings.HasPrefix(name, "f") {
			time.Sleep(2 * time.Millisecond) // so that there are some checkpoints
		}
	}}
	_, err := w.try(f, eagerly, tr.inject)
	w.restorePower()
	w.immutable(before)
	ids, vouched := w.snapshots(), 0
	if len(ids) == earlier+1 {
		w.whole(w.reportOf(ids[earlier]))
	} else {
		vouched = w.soundJournal()
	}
	w.t.Logf("at call %d: %d files vouched for, %d published, %v", n, vouched, len(ids)-earlier, err)
	if err == nil {
		return // there was nothing left to be lost
	}
	res, err := w.try(f)
	if errors.Is(err, execute.ErrRefused) && strings.Contains(err.Error(), "already applied") {
		return // only the news that it was had not come through
	}
	w.ok(err)
	w.whole(res.Reports[0])
	w.settled()
	w.immutable(before)
}

// soundJournal checks that staged files hold what the journal says of them.
func (w *world) soundJournal() (entries int) {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.root, ".phlb/staging/home/journal"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		var e struct{ Path, SHA256 string }
		if json.Unmarshal([]byte(line), &e) != nil {
			continue // torn
		}
		entries++
		o := look(filepath.Join(w.root, ".phlb/staging/home/tree", e.Path))
		if o.Content != e.SHA256 {
			w.t.Errorf("the journal vouches for %s, which is a %s of %d bytes with hash %s", e.Path, o.Kind, o.Size, o.Content)
		}
	}
	return entries
}

// TestTooManyLinks meets a real limit: ext4 gives an inode 65,000 names.
func TestTooManyLinks(t *testing.T) {
	const limit = 65_000
	w := newWorld(t)
	w.image(64<<20, "mkfs.ext4", "-q", "-F")
	w.write("f", big("f", 5000))
	stored := filepath.Join(w.snap(w.backup()), "f")
	for i := look(stored).Nlink; i < limit-10; i++ {
		name := filepath.Join(w.root, fmt.Sprintf("elsewhere/%d/%d", i%20, i))
		if i <= 20 {
			w.ok(os.MkdirAll(filepath.Dir(name), 0o700))
		}
		w.ok(os.Link(stored, name))
	}
	for i := range 40 {
		w.write(fmt.Sprintf("d%d/g%d", i%4, i), big("f", 5000))
	}
	rep := w.apply(w.plan())
	same(t, "incomplete", rep.Incomplete(), false)
	same(t, "links of the first inode", look(stored).Nlink, uint64(limit))
	if rep.LinkFallbacks < 1 || rep.LinkFallbacks > 4 {
		t.Errorf("%d fallbacks, where one copy would do", rep.LinkFallbacks)
	}
	w.whole(rep)
	// The lookup leads to an inode that still takes links.
	rep = w.apply(w.plan())
	if rep.LinkFallbacks > 4 {
		t.Errorf("%d fallbacks in the next snapshot", rep.LinkFallbacks)
	}
	w.whole(rep)
}

// TestVeryManyLinks backs up 66,000 names of one content.
func TestVeryManyLinks(t *testing.T) {
	if os.Getenv("PHLB_LONG_TESTS") == "" {
		t.Skip("makes 66,000 files: set PHLB_LONG_TESTS")
	}
	const names, limit = 66_000, 65_000
	w := newWorld(t)
	w.image(64<<20, "mkfs.ext4", "-q", "-F")
	first := w.write("d00/f0", big("f", 1000))
	for i := 1; i < names; i++ {
		name := filepath.Join(w.src, fmt.Sprintf("d%02d/f%d", i%40, i))
		if i < 40 {
			w.ok(os.MkdirAll(filepath.Dir(name), 0o755))
		}
		if err := os.Link(first, name); err != nil {
			t.Skipf("the source cannot have that many links: %v", err)
		}
	}
	for range 2 {
		rep := w.apply(w.plan())
		same(t, "incomplete", rep.Incomplete(), false)
		if rep.LinkFallbacks < 1 || rep.LinkFallbacks > 4 {
			t.Errorf("%d fallbacks, where one copy would do", rep.LinkFallbacks)
		}
		total := 0
		for p, o := range list(w.snap(rep)) {
			if o.Kind == "file" && filepath.Base(p) != sums.FileName {
				total++
				if o.Nlink > limit {
					t.Fatalf("%d links", o.Nlink)
				}
			}
		}
		same(t, "names", total, names)
	}
}
