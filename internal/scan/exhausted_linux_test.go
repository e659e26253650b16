package scan

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/internal/fsys"
)

// A walk that runs out of descriptors must not take directories for
// unreadable: that would leave them out of the backup.
func TestWalkEndsWhenDescriptorsRunOut(t *testing.T) {
	top := t.TempDir()
	for i := range 20 {
		if err := os.MkdirAll(filepath.Join(top, strconv.Itoa(i), "sub"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	root, err := fsys.Open(top)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	// One descriptor more than are open now: for the walk's own of the top.
	probe, err := os.Open(top)
	if err != nil {
		t.Fatal(err)
	}
	next := probe.Fd()
	probe.Close()
	few := unix.Rlimit{Cur: uint64(next) + 1, Max: old.Max}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &few); err != nil {
		t.Fatal(err)
	}
	err = Walk(t.Context(), root, Options{Workers: 2}, func(*Entry) error { return nil })
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	if fsys.ClassOf(err) != fsys.ClassExhausted {
		t.Errorf("Walk with too few descriptors: %v", err)
	}
}
