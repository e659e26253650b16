package fsys

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
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
