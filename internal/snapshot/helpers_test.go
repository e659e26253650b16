package snapshot

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		os.Exit(lockChild())
	}
	goleak.VerifyTestMain(m)
}

func openRoot(t testing.TB, dir string, opts ...fsys.Option) *Root {
	t.Helper()
	r, err := Open(dir, opts...)
	must(t, err)
	t.Cleanup(func() { r.Close() })
	return r
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write makes a file and the directories on the way.
func write(t testing.TB, root, rel, content string) {
	t.Helper()
	path := filepath.Join(root, rel)
	must(t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(t, os.WriteFile(path, []byte(content), 0o644))
}

func mkdir(t testing.TB, root string, rels ...string) {
	t.Helper()
	for _, rel := range rels {
		must(t, os.MkdirAll(filepath.Join(root, rel), 0o755))
	}
}

func read(t testing.TB, root, rel string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, rel))
	must(t, err)
	return string(data)
}

func has(root, rel string) bool {
	_, err := os.Lstat(filepath.Join(root, rel))
	return err == nil
}

func mode(t testing.TB, root, rel string) os.FileMode {
	t.Helper()
	info, err := os.Lstat(filepath.Join(root, rel))
	must(t, err)
	return info.Mode().Perm()
}

// faults fails the nth writing operation (from 0) once, or none if n < 0.
type faults struct {
	mu    sync.Mutex
	n     int
	count int
	op    fsys.Op
	name  string
	err   error
}

func failNth(n int) *faults { return &faults{n: n, err: syscall.EIO} }

func (f *faults) option() fsys.Option {
	return fsys.WithFaults(func(op fsys.Op, name string) error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.count++
		if f.count-1 != f.n {
			return nil
		}
		f.op, f.name = op, name
		return f.err
	})
}

func (f *faults) hit() bool { return f.count > f.n }

// sweep calls run with each writing operation failing once, until a run has
// none left to fail.
func sweep(t *testing.T, run func(t *testing.T, f *faults)) {
	t.Helper()
	for n := range 200 {
		f := failNth(n)
		run(t, f)
		if t.Failed() {
			t.Fatalf("when operation %d failed: %s %s", n, f.op, f.name)
		}
		if !f.hit() {
			if n == 0 {
				t.Fatal("nothing was written at all")
			}
			return
		}
	}
	t.Fatal("no end of operations")
}

// stage makes a file in the tree of s and returns its journal entry, as the
// one who copies files does.
func stage(t testing.TB, s *Staging, rel, content string) JournalEntry {
	t.Helper()
	write(t, s.tree.Path(), rel, content)
	return entryOf(t, s.tree, rel)
}

func entryOf(t testing.TB, tree *fsys.Dir, rel string) JournalEntry {
	t.Helper()
	info, err := tree.LstatAt(rel)
	must(t, err)
	return JournalEntry{
		Path: rel, Size: info.Size, Mtime: meta.Time{Sec: 1, Nsec: 2}, Ctime: meta.Time{Sec: 3}, Ino: 4,
		SHA256: digest.Sum{1}, StagedIno: info.Ino, StagedMtime: info.Mtime,
	}
}

func openStaging(t testing.TB, r *Root, name string) *Staging {
	t.Helper()
	s, err := r.OpenStaging(name)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}
