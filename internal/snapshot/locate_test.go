package snapshot

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func TestLocate(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const when, inner = "2026-11-23-140000", "2020-01-01-000000"
	for _, p := range []string{
		"root/.phlb", "root/hosts/web1/" + when + "/old/.phlb", "bare/home/" + when,
		"2001-01-01-000000/root/.phlb", "guess/home/" + when + "/r/n/" + inner, "2001-01-01-000000/lost/home/" + when,
	} {
		if err := os.MkdirAll(filepath.Join(dir, p), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range []string{"guess/home/" + when + SuffixLog, "root/.hidden"} {
		if err := os.WriteFile(filepath.Join(dir, p), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	nested := "root/hosts/web1/" + when
	for _, c := range []struct {
		path string
		want Place
	}{
		{"root/home/" + when, Place{"root", ID{"home", when}, ".", true}},
		{nested + "/", Place{"root", ID{"hosts/web1", when}, ".", true}},
		{nested + "/etc/../etc/x", Place{"root", ID{"hosts/web1", when}, "etc/x", true}},
		// A backup root within a snapshot, and one below something like a snapshot.
		{nested + "/old/home/" + inner + "/x", Place{"root", ID{"hosts/web1", when}, "old/home/" + inner + "/x", true}},
		{"2001-01-01-000000/root/home/" + inner, Place{"2001-01-01-000000/root", ID{"home", inner}, ".", true}},
		{"bare/home/" + when + "/a", Place{"bare", ID{"home", when}, "a", false}},
		// Without .phlb: what has its log beside it, else the last.
		{"guess/home/" + when + "/r/n/" + inner, Place{"guess", ID{"home", when}, "r/n/" + inner, false}},
		{"2001-01-01-000000/lost/home/" + when, Place{"2001-01-01-000000/lost", ID{"home", when}, ".", false}},
	} {
		got, err := Locate(filepath.Join(dir, c.path))
		c.want.Root = filepath.Join(dir, c.want.Root)
		if err != nil || got != c.want {
			t.Errorf("Locate(%s) = %+v, %v, want %+v", c.path, got, err, c.want)
		}
	}
	for _, p := range []string{"root", "root/home", "root/home/2026-13-01-000000", "root/home/2026-02-30-000000", "root/.hidden/" + when, "nothing"} {
		if got, err := Locate(filepath.Join(dir, p)); !errors.Is(err, ErrName) {
			t.Errorf("Locate(%s) = %+v, %v, want ErrName", p, got, err)
		}
	}
}

func TestLocateLink(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("links need a privilege on Windows")
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const when = "2026-11-23-140000"
	for _, p := range []string{"root/.phlb", "root/home/" + when} {
		if err := os.MkdirAll(filepath.Join(dir, p), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("root/home/"+when, filepath.Join(dir, "latest")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/nowhere", filepath.Join(dir, "root/home", when, "link")); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][2]string{{"latest", "."}, {"latest/link", "link"}, {"latest/x", "x"}} {
		want := Place{filepath.Join(dir, "root"), ID{"home", when}, c[1], true}
		if got, err := Locate(filepath.Join(dir, c[0])); err != nil || got != want {
			t.Errorf("Locate(%s) = %+v, %v, want %+v", c[0], got, err, want)
		}
	}
}
