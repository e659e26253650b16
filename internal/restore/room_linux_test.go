package restore_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/internal/fsys"
	"phlb/internal/restore"
)

// small mounts a file system of 1 MiB as the target.
func (w *world) small(t *testing.T, options string) {
	t.Helper()
	needRoot(t)
	w.ok(os.Mkdir(w.out(), 0o755))
	if err := unix.Mount("tmpfs", w.out(), "tmpfs", 0, "size=1m"+options); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(w.out(), unix.MNT_DETACH) })
}

func TestNotEnoughRoom(t *testing.T) {
	w := smallWorld(t)
	w.small(t, "")
	w.write("big", big("big", 2_000_000))
	id := w.backup()
	_, err := w.try(id, ".", w.out())
	if err == nil || !strings.Contains(err.Error(), "not enough room") {
		t.Errorf("got %v", err)
	}
	same(t, "in the target", []string{"."}, names(w.out()))

	// Where something is replaced nobody can tell before: the disk gets full.
	w.ok(os.WriteFile(filepath.Join(w.out(), "other"), nil, 0o600))
	res, err := w.try(id, ".", w.out(), overwrite)
	if fsys.ClassOf(err) != fsys.ClassFull || res.Status != restore.Failed {
		t.Errorf("%+v %v", res, err)
	}
	w.ok(os.Remove(filepath.Join(w.out(), "other")))
	w.wholeFiles(list(w.src))
	noTemps(t, w.out())
}

func TestNotEnoughInodes(t *testing.T) {
	w := smallWorld(t)
	w.small(t, ",nr_inodes=5")
	_, err := w.try(w.backup(), ".", w.out())
	if err == nil || !strings.Contains(err.Error(), "inodes are needed") {
		t.Errorf("got %v", err)
	}
}

// TestHolesTakeNoRoom: a sparse file counts as it is stored.
func TestHolesTakeNoRoom(t *testing.T) {
	w := newWorld(t)
	w.small(t, "")
	w.write("sparse", "begin")
	w.ok(os.Truncate(filepath.Join(w.src, "sparse"), 50<<20))
	w.ok(os.Chtimes(filepath.Join(w.src, "sparse"), old, old))
	id := w.backup()
	w.restore(id, w.out())
	identical(t, list(w.src), list(w.out()))
}

// TestBindMount: a directory of the snapshot itself is no target, wherever it
// is seen.
func TestBindMount(t *testing.T) {
	needRoot(t)
	w := smallWorld(t)
	id := w.backup()
	w.ok(os.Mkdir(w.out(), 0o755))
	for _, rel := range []string{".", "d/e", "empty"} {
		if err := unix.Mount(w.stored(id, rel), w.out(), "", unix.MS_BIND, ""); err != nil {
			t.Skipf("cannot mount: %v", err)
		}
		w.untouched(func() {
			res, err := w.try(id, rel, w.out(), overwrite)
			if err == nil && len(res.Failed) == 0 {
				t.Errorf("%s: %+v", rel, res)
			}
		})
		w.ok(unix.Unmount(w.out(), 0))
	}
}
