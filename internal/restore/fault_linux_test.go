package restore_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/internal/fsys"
	"phlb/internal/restore"
)

// failAt fails the n-th operation of a kind and counts how many there are.
type failAt struct {
	mu    sync.Mutex
	op    fsys.Op
	n     int
	errno syscall.Errno
	count int
}

func (f *failAt) fault(op fsys.Op, _ string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if op != f.op {
		return nil
	}
	if f.count++; f.count != f.n {
		return nil
	}
	return f.errno
}

var allOps = []fsys.Op{
	fsys.OpCreate, fsys.OpWrite, fsys.OpTruncate, fsys.OpMkdir, fsys.OpSymlink, fsys.OpLink, fsys.OpRename,
	fsys.OpChmod, fsys.OpChown, fsys.OpTimes, fsys.OpSetXattr, fsys.OpSync, fsys.OpSyncFS,
}

// TestEveryWritingCallFailsOnce asserts: nothing half-made has its final name
// or is left behind, the error or the result tells of it, and another run
// finishes.
func TestEveryWritingCallFailsOnce(t *testing.T) {
	for _, op := range allOps {
		t.Run(string(op), func(t *testing.T) {
			for n := 1; ; n++ {
				seen := 0
				for _, errno := range []syscall.Errno{unix.ENOSPC, unix.EIO, unix.EPERM} {
					if testing.Short() && n > 1 {
						return
					}
					if errno != unix.ENOSPC && n%3 != 1 {
						continue
					}
					seen = max(seen, sweep(t, op, n, errno))
				}
				if seen < n {
					return
				}
			}
		})
	}
}

// sweep fails one operation and returns how many of its kind there were.
func sweep(t *testing.T, op fsys.Op, n int, errno syscall.Errno) int {
	at := fmt.Sprintf("%s %d: %v", op, n, errno)
	w := smallWorld(t)
	_ = unix.Setxattr(filepath.Join(w.src, "a"), "user.x", []byte("y"), 0)
	_ = unix.Setxattr(filepath.Join(w.src, "d"), "user.x", []byte("y"), 0)
	if op == fsys.OpTruncate {
		w.ok(unix.Truncate(filepath.Join(w.src, "d/e/deep"), 900_000))
	}
	id, want := w.backup(), list(w.src)
	fail := &failAt{op: op, n: n, errno: errno}
	inject := func(o *restore.Options) { o.Faults = fail.fault }
	res, err := w.try(id, ".", w.out(), inject)
	noTemps(t, w.out())
	switch {
	case err != nil:
		if !errors.Is(err, errno) {
			t.Errorf("%s: the error does not tell: %v", at, err)
		}
		if res != nil && (res.Status != restore.Failed || res.Error == "") {
			t.Errorf("%s: the result does not tell: %+v", at, res)
		}
	case op == fsys.OpWrite: // a clone that fails becomes a copy
	case fail.count >= n && len(res.Failed) == 0 && res.NotKept == 0 && res.Taken == 0:
		t.Errorf("%s: nobody tells of it: %+v", at, res)
	}
	if res == nil || res.NotKept == 0 {
		w.wholeFiles(want)
	}
	if err == nil && len(res.Failed) == 0 && res.NotKept == 0 && res.Taken == 0 {
		identical(t, want, list(w.out()))
	}
	w.restore(id, w.out(), overwrite)
	identical(t, want, list(w.out()))
	if t.Failed() {
		t.Fatal(at)
	}
	return fail.count
}

// TestNothingCanBeRemoved: even then what is unfinished has no final name, and
// the error names it.
func TestNothingCanBeRemoved(t *testing.T) {
	w := smallWorld(t)
	id, want := w.backup(), list(w.src)
	res, err := w.try(id, ".", w.out(), func(o *restore.Options) {
		o.Faults = func(op fsys.Op, _ string) error {
			if op == fsys.OpTimes || op == fsys.OpRemove {
				return unix.EIO
			}
			return nil
		}
	})
	if !errors.Is(err, unix.EIO) || res.Status != restore.Failed {
		t.Fatalf("%+v %v", res, err)
	}
	w.wholeFiles(want)
	w.restore(id, w.out(), overwrite)
	identical(t, want, list(w.out()))
}

// TestNewDirectoriesAreDurable: the way to what is restored must not be lost in
// a power cut, however little is restored.
func TestNewDirectoriesAreDurable(t *testing.T) {
	w := newWorld(t)
	w.write("f", "content")
	id := w.backup()
	want := []string{"mkdir a", "fsync " + filepath.Base(w.dir), "mkdir b", "fsync a"}
	for _, rel := range []string{"f", "."} {
		var ops []string
		w.ok(os.RemoveAll(filepath.Join(w.dir, "a")))
		_, err := w.try(id, rel, filepath.Join(w.dir, "a", "b")+"/", func(o *restore.Options) {
			o.Faults = func(op fsys.Op, name string) error {
				if op == fsys.OpMkdir || op == fsys.OpSync {
					ops = append(ops, string(op)+" "+name)
				}
				return nil
			}
		})
		w.ok(err)
		same(t, rel, want, ops[:min(len(want), len(ops))])
	}
}
