package fsys

import (
	"errors"
	"io"
	"os"
	"testing"
)

// openTemp opens a fresh directory and gives its path too.
func openTemp(t testing.TB, opts ...Option) (*Dir, string) {
	t.Helper()
	path := t.TempDir()
	return openPath(t, path, opts...), path
}

func openPath(t testing.TB, path string, opts ...Option) *Dir {
	t.Helper()
	d, err := Open(path, opts...)
	must(t, err)
	t.Cleanup(func() { d.Close() })
	return d
}

// failer is what testing.TB and rapid.T have in common here.
type failer interface {
	Helper()
	Fatal(args ...any)
}

func must(t failer, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantErr checks that err is want.
func wantErr(t testing.TB, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

// wantClass checks the class of an error.
func wantClass(t testing.TB, what string, err error, want Class) {
	t.Helper()
	if got := ClassOf(err); err == nil || got != want {
		t.Errorf("%s: error %v of class %d, want class %d", what, err, got, want)
	}
}

func writeFile(t testing.TB, d *Dir, name, content string) {
	t.Helper()
	f, err := d.Create(name, 0o600)
	must(t, err)
	_, err = f.Write([]byte(content))
	must(t, err)
	must(t, f.Close())
}

func readFile(t testing.TB, d *Dir, rel string) string {
	t.Helper()
	f, err := d.OpenFileAt(rel)
	must(t, err)
	defer f.Close()
	b, err := io.ReadAll(f)
	must(t, err)
	return string(b)
}

func mkdir(t testing.TB, d *Dir, rel string) *Dir {
	t.Helper()
	sub, err := d.MkdirAll(rel, 0o700)
	must(t, err)
	t.Cleanup(func() { sub.Close() })
	return sub
}

func symlink(t testing.TB, d *Dir, target, name string) {
	t.Helper()
	if err := d.Symlink(target, name); err != nil {
		if ClassOf(err) == ClassPermission {
			t.Skipf("symbolic links are not permitted here: %v", err)
		}
		t.Fatal(err)
	}
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}
