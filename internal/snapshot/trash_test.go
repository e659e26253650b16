package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"phlb/internal/fsys"
)

// grow makes a snapshot with everything that belongs to it.
func grow(t testing.TB, r *Root, id ID) {
	t.Helper()
	for i := range 3 {
		write(t, r.Path(), fmt.Sprintf("%s/d%d/e/file", id, i), id.Time)
		write(t, r.Path(), fmt.Sprintf("%s/d%d/x", id, i), id.Time)
	}
	for _, suffix := range []string{SuffixLog, SuffixSummary, SuffixReport} {
		must(t, r.WriteSidecar(id, suffix, []byte(suffix)))
	}
	c, err := r.CreateCatalog(id)
	must(t, err)
	_, err = c.Write([]byte("catalogue"))
	must(t, err)
	must(t, c.Commit())
}

// leftOf lists what there still is of a snapshot.
func leftOf(t testing.TB, dir string, id ID) []string {
	t.Helper()
	var left []string
	for _, rel := range []string{
		id.String(), id.String() + SuffixLog, id.String() + SuffixSummary, id.String() + SuffixReport, catalogPath(id),
	} {
		if has(dir, rel) {
			left = append(left, rel)
		}
	}
	return left
}

func entries(t testing.TB, dir, rel string) []string {
	t.Helper()
	list, err := os.ReadDir(filepath.Join(dir, rel))
	if !errors.Is(err, fs.ErrNotExist) {
		must(t, err)
	}
	var names []string
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestTrash(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	r := openRoot(t, dir)
	gone, kept := ID{"hosts/web1", t1}, ID{"hosts/web1", t2}
	grow(t, r, gone)
	grow(t, r, kept)
	must(t, r.Trash(ctx, gone))
	if times, err := r.Times(gone.Name); err != nil || len(times) != 1 || times[0] != t2 {
		t.Errorf("times: %v, %v", times, err)
	}
	if ids, err := r.Trashed(); err != nil || !cmp.Equal(ids, []ID{gone}) {
		t.Errorf("trashed: %v, %v", ids, err)
	}
	if ok, err := r.HasCatalog(gone); !ok || err != nil {
		t.Errorf("the catalogue went too early: %v, %v", ok, err)
	}
	must(t, r.EmptyTrash(ctx, 3))
	if left := leftOf(t, dir, gone); left != nil {
		t.Errorf("left: %v", left)
	}
	if left := leftOf(t, dir, kept); len(left) != 5 {
		t.Errorf("of the other only %v is left", left)
	}
	if left := entries(t, dir, ".phlb/trash"); left != nil {
		t.Errorf("in the trash: %v", left)
	}
	if ids, err := r.Trashed(); err != nil || len(ids) > 0 {
		t.Errorf("trashed: %v, %v", ids, err)
	}
	if err := r.Trash(ctx, gone); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("again: %v", err)
	}
}

func TestTrashTwiceTheSameID(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	r := openRoot(t, dir)
	for range 3 {
		mkdir(t, dir, "home/"+t1+"/x")
		must(t, r.Trash(ctx, ID{"home", t1}))
	}
	if got := entries(t, dir, ".phlb/trash"); len(got) != 6 {
		t.Errorf("in the trash: %v", got)
	}
	must(t, r.EmptyTrash(ctx, 0))
	if got := entries(t, dir, ".phlb/trash"); got != nil {
		t.Errorf("in the trash: %v", got)
	}
}

func TestTrashRefusesWhatIsNoSnapshot(t *testing.T) {
	dir := t.TempDir()
	outside := t.TempDir()
	write(t, outside, "file", "x")
	mkdir(t, dir, "home")
	symlink(t, outside, dir, "home/"+t1)
	write(t, dir, "home/"+t2, "a file")
	r := openRoot(t, dir)
	for _, id := range []ID{{"home", t1}, {"home", t2}, {"home", "x"}, {"..", t1}, {".phlb", t1}} {
		if err := r.Trash(context.Background(), id); err == nil {
			t.Errorf("trashed %v", id)
		}
	}
	if !has(outside, "file") || !has(dir, "home/"+t1) || !has(dir, "home/"+t2) {
		t.Error("something is gone")
	}
}

func TestEmptyTrashLeavesOtherNamesOfAnInodeAlone(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	outside := t.TempDir()
	write(t, outside, "file", "outside")
	r := openRoot(t, dir)
	write(t, dir, "home/"+t1+"/ro/f", "shared")
	mkdir(t, dir, "home/"+t2)
	must(t, os.Link(filepath.Join(dir, "home", t1, "ro/f"), filepath.Join(dir, "home", t2, "f")))
	must(t, os.Chmod(filepath.Join(dir, "home", t2, "f"), 0o400))
	symlink(t, outside, dir, "home/"+t1+"/ro/link")
	must(t, os.Chmod(filepath.Join(dir, "home", t1, "ro"), 0o555))
	must(t, r.Trash(ctx, ID{"home", t1}))
	write(t, dir, ".phlb/trash/leftover", "x")
	write(t, dir, ".phlb/trash/older/deep/down", "x")
	write(t, dir, ".phlb/trash/damaged.json", "no JSON")
	must(t, r.EmptyTrash(ctx, 2))
	if got := entries(t, dir, ".phlb/trash"); got != nil {
		t.Errorf("in the trash: %v", got)
	}
	if got := mode(t, dir, "home/"+t2+"/f"); got != 0o400 {
		t.Errorf("the shared inode has mode %o", got)
	}
	if read(t, dir, "home/"+t2+"/f") != "shared" || read(t, outside, "file") != "outside" {
		t.Error("content changed")
	}
}

// Whatever fails, the next run finishes the removal, and nothing else goes.
func TestInterruptedRemovalIsFinished(t *testing.T) {
	ctx := context.Background()
	sweep(t, func(t *testing.T, f *faults) {
		dir := t.TempDir()
		gone, kept := ID{"home", t1}, ID{"home", t2}
		r := openRoot(t, dir)
		grow(t, r, gone)
		grow(t, r, kept)
		faulty := openRoot(t, dir, f.option())
		terr := faulty.Trash(ctx, gone)
		eerr := faulty.EmptyTrash(ctx, 1)
		if f.hit() && terr == nil && eerr == nil && f.op != "remove" {
			t.Error("nobody noticed")
		}
		must(t, r.EmptyTrash(ctx, 2))
		left := leftOf(t, dir, gone)
		if len(left) != 0 && (terr == nil || len(left) != 5) {
			t.Errorf("left: %v after %v", left, terr)
		}
		if got := entries(t, dir, ".phlb/trash"); got != nil {
			t.Errorf("in the trash: %v", got)
		}
		if left := leftOf(t, dir, kept); len(left) != 5 {
			t.Errorf("of the other only %v is left", left)
		}
	})
}

func TestEmptyTrashIsCancelled(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	grow(t, r, ID{"home", t1})
	must(t, r.Trash(context.Background(), ID{"home", t1}))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := r.EmptyTrash(ctx, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := r.Trash(ctx, ID{"home", t1}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if ids, err := r.Trashed(); err != nil || len(ids) != 1 {
		t.Errorf("%v, %v", ids, err)
	}
}

func TestRemoveTreeOfAnyShape(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	deep := filepath.Join(dir, "top")
	must(t, os.Mkdir(deep, 0o755))
	// Deeper than one path can say.
	root, err := os.OpenRoot(deep)
	must(t, err)
	for range 1500 {
		must(t, root.Mkdir("some-directory", 0o755))
		next, err := root.OpenRoot("some-directory")
		must(t, err)
		must(t, root.Close())
		root = next
	}
	must(t, root.Close())
	for i := range 300 {
		mkdir(t, dir, fmt.Sprintf("top/wide/%d/sub", i))
	}
	must(t, removeTree(context.Background(), r.dir, "top", 4))
	if has(dir, "top") {
		t.Error("still there")
	}
	must(t, removeTree(context.Background(), r.dir, "top", 4))
}

func TestOpenTrashed(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	r := openRoot(t, dir)
	id := ID{"hosts/web1", t1}
	must(t, r.PrepareTrash())
	if _, err := r.OpenTrashed(id); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing is there: %v", err)
	}
	for _, name := range []string{"first", "second"} {
		mkdir(t, dir, id.String()+"/"+name)
		must(t, r.Trash(ctx, id))
		tree, err := r.OpenTrashed(id)
		must(t, err)
		if _, err := tree.Lstat(name); err != nil {
			t.Error(err)
		}
		must(t, tree.Close())
	}
}

// TestTrashOnAFullDisk: the note finds no room, and yet the snapshot goes.
func TestTrashOnAFullDisk(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	must(t, openRoot(t, dir).PrepareTrash())
	r := openRoot(t, dir, fsys.WithFaults(func(op fsys.Op, _ string) error {
		if op == fsys.OpCreate || op == fsys.OpWrite {
			return syscall.ENOSPC
		}
		return nil
	}))
	id := ID{"home", t1}
	mkdir(t, dir, id.String()+"/x")
	must(t, r.Trash(ctx, id))
	must(t, r.EmptyTrash(ctx, 1))
	if has(dir, id.String()) || len(entries(t, dir, ".phlb/trash")) > 0 {
		t.Error("it is still there")
	}
}

func TestMovedList(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	id := ID{"home", t1}
	if _, err := r.MovedFile(id); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing was moved: %v", err)
	}
	must(t, r.AppendMoved(id, []byte("a\n")))
	must(t, r.AppendMoved(id, []byte("b\n")))
	f, err := r.MovedFile(id)
	must(t, err)
	data, err := io.ReadAll(f)
	must(t, err)
	must(t, f.Close())
	if string(data) != "a\nb\n" {
		t.Errorf("%q", data)
	}
	must(t, r.RemoveSidecars(id))
	if _, err := r.MovedFile(id); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	if err := r.AppendMoved(ID{"..", t1}, nil); err == nil {
		t.Error("a name that leads outside was taken")
	}
}
