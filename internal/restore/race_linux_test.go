package restore_test

import (
	"os"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/restore"
)

// at calls f with the n-th event, one after the other.
func at(n int, f func()) func(*restore.Options) {
	var mu sync.Mutex
	seen := 0
	return func(o *restore.Options) {
		o.Workers = 1
		o.Events = event.Func(func(event.Event) {
			mu.Lock()
			defer mu.Unlock()
			if seen++; seen == n {
				f()
			}
		})
	}
}

// TestNothingIsReplacedUnasked: what comes into the target meanwhile stays.
func TestNothingIsReplacedUnasked(t *testing.T) {
	w := smallWorld(t)
	id := w.backup()
	res, err := w.try(id, ".", w.out(), at(1, func() {
		w.ok(os.WriteFile(filepath.Join(w.out(), "a"), []byte("mine"), 0o644))
		w.ok(os.Symlink("mine", filepath.Join(w.out(), "ln")))
		w.ok(os.Mkdir(filepath.Join(w.out(), "d"), 0o755))
	}))
	w.ok(err)
	same(t, "failed", []string{"a", "d", "ln"}, paths(res.Failed))
	same(t, "mine", "mine", read(t, filepath.Join(w.out(), "a")))
	same(t, "in it", []string{"."}, names(filepath.Join(w.out(), "d")))
	noTemps(t, w.out())
}

// TestSwappedDirectory: a symbolic link that takes a directory's place while
// it is being restored leads nowhere.
func TestSwappedDirectory(t *testing.T) {
	for n := 1; n < 9; n++ {
		w := smallWorld(t)
		id := w.backup()
		outside := filepath.Join(w.dir, "outside")
		w.ok(os.MkdirAll(filepath.Join(outside, "e"), 0o755))
		before := list(outside)
		d := filepath.Join(w.out(), "d")
		swapped := false
		res, err := w.try(id, ".", w.out(), at(n, func() {
			if os.Rename(d, d+"-moved") == nil {
				w.ok(os.Symlink(outside, d))
				swapped = true
			}
		}))
		identical(t, before, list(outside))
		if swapped && err == nil && len(res.Failed) == 0 && n < 5 {
			t.Errorf("%d: nobody tells of it: %+v", n, res)
		}
	}
}

// TestLinksThatAreRefused become copies, each verified.
func TestLinksThatAreRefused(t *testing.T) {
	w := smallWorld(t)
	id, want := w.backup(), list(w.src)
	res, err := w.try(id, ".", w.out(), func(o *restore.Options) {
		o.Faults = func(op fsys.Op, _ string) error {
			if op == fsys.OpLink {
				return unix.EMLINK
			}
			return nil
		}
	})
	w.ok(err)
	same(t, "links", []int64{2, 0}, []int64{res.Taken, res.Hardlinks})
	got := list(w.out())
	same(t, "another inode", "d/a2", got["d/a2"].First)
	same(t, "content", []string{want["a"].Content, want["d/small"].Content}, []string{got["d/a2"].Content, got["d/small"].Content})
	w.restore(id, w.out(), overwrite)
	identical(t, want, list(w.out()))
}

// TestMountInTheTarget: what lies on another file system is restored and made
// durable there; a link across becomes a copy.
func TestMountInTheTarget(t *testing.T) {
	needRoot(t)
	w := smallWorld(t)
	id, want := w.backup(), list(w.src)
	d := filepath.Join(w.out(), "d")
	w.ok(os.MkdirAll(d, 0o755))
	if err := unix.Mount("tmpfs", d, "tmpfs", 0, "size=4m"); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	defer unix.Unmount(d, unix.MNT_DETACH)
	synced := map[string]int{}
	var mu sync.Mutex
	res, err := w.try(id, ".", w.out(), overwrite, func(o *restore.Options) {
		o.Faults = func(op fsys.Op, name string) error {
			mu.Lock()
			defer mu.Unlock()
			if op == fsys.OpSyncFS {
				synced[name]++
			}
			return nil
		}
	})
	w.ok(err)
	same(t, "links", []int64{1, 1}, []int64{res.Taken, res.Hardlinks})
	same(t, "synced", map[string]int{"out": 1, "d": 1}, synced)
	for p, o := range want {
		if got := look(filepath.Join(w.out(), p)); got.Content != o.Content || got.Mode != o.Mode || got.Sec != o.Sec {
			t.Errorf("%s is %+v, want %+v", p, got, o)
		}
	}
}
