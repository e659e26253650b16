package execute_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/execute"
	"phlb/internal/catalog"
	"phlb/internal/fsys"
)

// This file tests what is done in a cheaper way than the obvious one: that it
// is, and that the result is the same.

// ops counts the writing operations of a run, by kind and name.
func ops(count map[string]int) func(*execute.Options) {
	f := &failAt{op: "none"}
	return func(o *execute.Options) {
		o.Faults = func(op fsys.Op, name string) error {
			f.mu.Lock()
			defer f.mu.Unlock()
			count[fmt.Sprint(op, " ", name)]++
			return nil
		}
	}
}

func TestUnchangedSumsAreLinked(t *testing.T) {
	ino := func(w *world, snap, rel string) uint64 { return look(filepath.Join(snap, rel, "SHA256SUMS")).Ino }
	for name, c := range map[string]struct {
		change func(w *world, first string)
		linked bool
	}{
		"unchanged":        {func(*world, string) {}, true},
		"root open to all": {func(w *world, _ string) { w.ok(os.Chmod(w.root, 0o755)) }, true},
		"a file changed":   {func(w *world, _ string) { w.write("d/f", big("other", 5000)) }, false},
		"a file came":      {func(w *world, _ string) { w.write("d/new", big("new", 5000)) }, false},
		"a file went":      {func(w *world, _ string) { w.ok(os.Remove(filepath.Join(w.src, "d/g"))) }, false},
		"the mode changed": {func(w *world, _ string) { w.ok(os.Chmod(filepath.Join(w.src, "d"), 0o750)) }, false},
		"name open to all": {func(w *world, _ string) { w.ok(os.Chmod(w.root, 0o755)); w.ok(os.Chmod(w.root+"/home", 0o755)) }, false},
		"someone wrote it": {func(_ *world, first string) { _ = os.WriteFile(first+"/d/SHA256SUMS", []byte("forged"), 0o644) }, false},
		"someone turned a digit": {func(w *world, first string) {
			text, err := os.ReadFile(first + "/d/SHA256SUMS")
			w.ok(err)
			text[0] ^= 1
			w.ok(os.WriteFile(first+"/d/SHA256SUMS", text, 0o644))
		}, false},
		"someone removed it": {func(_ *world, first string) { _ = os.Remove(first + "/d/SHA256SUMS") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.settings = "  small_files: link\n"
			w.write("d/f", big("f", 5000))
			w.write("d/g", "small")
			w.write("kept/f", big("kept", 5000))
			first := w.snap(w.backup())
			c.change(w, first)
			before := w.published()
			second := w.snap(w.backup())
			w.immutable(before)
			if got := ino(w, second, "d") == ino(w, first, "d"); got != c.linked {
				t.Errorf("linked: %t", got)
			}
		})
	}
}

// TestAlteredSumsShow even when phlb changed their ctime afterwards, by pruning a
// snapshot that shares them.
func TestAlteredSumsShow(t *testing.T) {
	w := newWorld(t)
	w.write("d/f", big("f", 5000))
	w.backup()
	second := w.snap(w.backup())
	text, err := os.ReadFile(second + "/d/SHA256SUMS")
	w.ok(err)
	text[0] ^= 1
	w.ok(os.WriteFile(second+"/d/SHA256SUMS", text, 0o644))
	w.retain("keep_last: 1")
	res, err := w.try(w.plan(pruneOnly))
	w.ok(err)
	same(t, "pruned", len(res.Reports[0].Pruned), 1)
	w.settings = ""
	w.sums(w.snap(w.backup()))
}

func TestSumsOfAFullInode(t *testing.T) {
	w := newWorld(t)
	w.write("f", big("f", 5000))
	w.backup()
	fail := &failAt{op: fsys.OpLink, errno: unix.EMLINK, match: func(name string) bool { return name == "SHA256SUMS" }}
	rep := w.apply(w.plan(), fail.inject)
	w.whole(rep)
	same(t, "links tried", fail.count, 1)
}

// TestCallsForUnchanged: nothing grows with the tree but one link a file, and
// a few calls a directory.
func TestCallsForUnchanged(t *testing.T) {
	w := newWorld(t)
	w.tree(3, 20)
	w.backup()
	count := map[string]int{}
	w.apply(w.plan(), ops(count))
	for d := range 3 {
		for f := range 20 {
			if n := count[fmt.Sprintf("link f%d", f)]; n != 3 {
				t.Fatalf("f%d: %d links in 3 directories", f, n)
			}
		}
		for _, op := range []fsys.Op{fsys.OpMkdir, fsys.OpTimes} {
			if n := count[fmt.Sprintf("%s d%d", op, d)]; n != 1 {
				t.Errorf("d%d: %d times %s", d, n, op)
			}
		}
	}
	same(t, "SHA256SUMS", count["link SHA256SUMS"], 3)
	total := 0
	for _, n := range count {
		total += n
	}
	if limit := 3*20 + 3*4 + 60; total > limit {
		t.Errorf("%d writing calls, more than %d: %v", total, limit, count)
	}
}

// TestModeIsNotSetTwice: files and directories are made with their mode.
func TestModeIsNotSetTwice(t *testing.T) {
	w := newWorld(t)
	w.ok(os.Chmod(w.write("plain", "p"), 0o640))
	w.ok(os.Chmod(w.write("readonly", "r"), 0o400))
	w.ok(unix.Chmod(w.write("setuid", "s"), 0o4755))
	w.ok(os.Chmod(w.write("open", "o"), 0o666)) // the umask would narrow it
	for dir, mode := range map[string]uint32{"d750": 0o750, "d500": 0o500, "d777": 0o777, "d1755": 0o1755} {
		w.ok(os.Mkdir(filepath.Join(w.src, dir), 0o700))
		w.ok(unix.Chmod(filepath.Join(w.src, dir), mode))
	}
	count := map[string]int{}
	w.whole(w.apply(w.plan(), ops(count)))
	for name, want := range map[string]int{
		"plain": 0, "readonly": 0, "setuid": 1, "open": 1, "d750": 0, "d500": 1, "d777": 1, "d1755": 1,
	} {
		same(t, name, count["chmod "+name], want)
	}
}

// TestReflink shares data where the file system can.
func TestReflink(t *testing.T) {
	w := newWorld(t)
	content := make([]byte, 32<<20)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	p := filepath.Join(w.src, "large")
	w.ok(os.WriteFile(p, content, 0o644))
	sparse, err := os.Create(filepath.Join(w.src, "sparse"))
	w.ok(err)
	w.ok(sparse.Truncate(64 << 20))
	_, err = sparse.WriteAt(content[:1<<20], 16<<20)
	w.ok(err)
	w.ok(sparse.Close())
	w.write("tail", string(content[:1<<20+1]))
	if !canReflink(t, w.dir, p) {
		t.Skip("this file system shares no data")
	}
	unix.Sync()
	before := free(t, w.root)
	w.backup()
	if used := before - free(t, w.root); used > 8<<20 {
		t.Errorf("%d bytes are used, as if the data had been copied", used)
	}
	_, records, _ := w.catalog(w.snapshots()[0])
	same(t, "stored action", records["large"].Stored.Action, catalog.StoredCopy)
}

func canReflink(t *testing.T, dir, path string) bool {
	t.Helper()
	src, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer src.Close()
	dst, err := os.Create(filepath.Join(dir, "clone"))
	if err != nil {
		t.Fatal(err)
	}
	defer dst.Close()
	return unix.IoctlFileClone(int(dst.Fd()), int(src.Fd())) == nil
}

func free(t *testing.T, path string) int64 {
	t.Helper()
	unix.Sync()
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		t.Fatal(err)
	}
	return int64(st.Bfree) * st.Bsize
}
