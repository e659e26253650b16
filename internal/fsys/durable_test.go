package fsys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"phlb/internal/meta"
)

// asked records what a fault function is asked about.
type asked struct{ ops []string }

func (a *asked) fault(op Op, name string) error {
	a.ops = append(a.ops, string(op)+" "+name)
	return nil
}

func TestMkdirAllDurable(t *testing.T) {
	top := filepath.Join(t.TempDir(), "top")
	must(t, os.MkdirAll(filepath.Join(top, "old"), 0o700))
	var a asked
	d, err := openPath(t, top, WithFaults(a.fault)).MkdirAllDurable("old/a/b", 0o700)
	must(t, err)
	must(t, d.Close())
	// Each name is durable before there is anything below it, and what was
	// there already is left alone.
	if want := []string{"mkdir a", "fsync old", "mkdir b", "fsync a"}; !slices.Equal(a.ops, want) {
		t.Errorf("%q, want %q", a.ops, want)
	}
}

// TestSyncNamesWhereThatIsRefused: only a file system that cannot do it is let
// off.
func TestSyncNamesWhereThatIsRefused(t *testing.T) {
	for _, c := range []struct{ refusal, want error }{
		{fs.ErrInvalid, fs.ErrInvalid}, {ErrUnsupported, nil}, {fs.ErrPermission, fs.ErrPermission},
	} {
		d, _ := openTemp(t, WithFaults(func(Op, string) error { return c.refusal }))
		if err := d.SyncNames(); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%v: %v", c.refusal, err)
		}
	}
}

// TestSyncTreeReadOnly wants files synced that may not be written, which on
// Windows takes opening them for writing, and left as they are.
func TestSyncTreeReadOnly(t *testing.T) {
	top := t.TempDir()
	for _, name := range []string{"one", "two"} {
		must(t, os.WriteFile(filepath.Join(top, name), []byte(name), 0o600))
	}
	must(t, os.Link(filepath.Join(top, "two"), filepath.Join(top, "two again")))
	for _, name := range []string{"one", "two"} {
		must(t, os.Chmod(filepath.Join(top, name), 0o444))
	}
	d := openPath(t, top)
	before := map[string]meta.Info{}
	for _, name := range []string{"one", "two"} {
		info, err := d.Lstat(name)
		must(t, err)
		before[name] = info
	}
	var a asked
	must(t, openPath(t, top, WithFaults(a.fault)).SyncTree())
	if !slices.Contains(a.ops, "fsync one") {
		t.Errorf("%q", a.ops)
	}
	for name, want := range before {
		info, err := d.Lstat(name)
		must(t, err)
		if info.Mode != want.Mode || info.Mtime != want.Mtime {
			t.Errorf("%s is now %+v, was %+v", name, info, want)
		}
		must(t, os.Chmod(filepath.Join(top, name), 0o600)) // to be removed
	}
}

func TestSyncTree(t *testing.T) {
	top := filepath.Join(t.TempDir(), "top")
	must(t, os.MkdirAll(filepath.Join(top, "dir", "deep"), 0o700))
	must(t, os.WriteFile(filepath.Join(top, "dir", "deep", "file"), nil, 0o600))
	var a asked
	must(t, openPath(t, top, WithFaults(a.fault)).SyncTree())
	if want := []string{"fsync file", "fsync deep", "fsync dir", "fsync top"}; !slices.Equal(a.ops, want) {
		t.Errorf("%q, want %q", a.ops, want)
	}

	refuse := WithFaults(func(_ Op, name string) error {
		if name == "file" {
			return fs.ErrPermission
		}
		return nil
	})
	wantClass(t, "one file refuses", openPath(t, top, refuse).SyncTree(), ClassPermission)
	must(t, openPath(t, top, refuse).SyncTree(ClassPermission))
	wantClass(t, "another class", openPath(t, top, refuse).SyncTree(ClassIO, ClassVanished), ClassPermission)
}
