package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var day = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func TestVersionOf(t *testing.T) {
	clean := &origin{Commit: "0123456789abcdef", Date: day}
	dirty := &origin{Commit: "0123456789abcdef", Date: day, Dirty: true}
	for _, c := range []struct {
		exact, nearest string
		from           *origin
		want           string
	}{
		{"v1.2.3", "v1.2.3", clean, "1.2.3"},
		{"v1.2.3-rc1", "v1.2.3-rc1", clean, "1.2.3-rc1"},
		{"v1.2.3", "v1.2.3", dirty, "1.2.3+dirty"},
		{"", "v1.2.3", clean, "1.2.3+git20261127.0123456789ab"},
		{"", "", clean, "0.0.0+git20261127.0123456789ab"},
		{"", "", dirty, "0.0.0+git20261127.0123456789ab.dirty"},
	} {
		got := versionOf(c.exact, c.nearest, c.from)
		if got != c.want || !versionPattern.MatchString(got) {
			t.Errorf("%q, %q: %s, want %s", c.exact, c.nearest, got, c.want)
		}
	}
}

func TestVersionPattern(t *testing.T) {
	for _, bad := range []string{"", "1", "1.2", "v1.2.3", "1.2.3 x", "1.2.3_1", "1.2.3-a-b", "1.2.3'", "1.2.3+"} {
		if versionPattern.MatchString(bad) {
			t.Errorf("%q is taken for a version", bad)
		}
	}
}

func TestStamp(t *testing.T) {
	for want, o := range map[string]origin{
		"1.2.3":                                {Version: "1.2.3", Date: day},
		"1.2.3 abc 2026-11-27T12:00:00Z":       {Version: "1.2.3", Commit: "abc", Date: day.In(time.FixedZone("", 7200))},
		"1.2.3 abc 2026-11-27T12:00:00Z dirty": {Version: "1.2.3", Commit: "abc", Date: day, Dirty: true},
	} {
		if got := o.stamp(); got != want {
			t.Errorf("stamp %q, want %q", got, want)
		}
	}
}

// someEntries are files with other times and modes than an archive is to have.
func someEntries(t *testing.T) []entry {
	t.Helper()
	dir := t.TempDir()
	for i, name := range []string{"b", "a", "c"} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte("content of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, day, day.Add(time.Duration(i)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	return []entry{
		{"top/phlb", filepath.Join(dir, "b"), 0o755}, {"top/LICENSE", filepath.Join(dir, "a"), 0o644}, {"top/man/x.1", filepath.Join(dir, "c"), 0o644},
	}
}

// same writes an archive twice, the entries in another order, and wants the
// same bytes.
func same(t *testing.T, write func(io.Writer, []entry, time.Time) error, entries []entry) []byte {
	t.Helper()
	var first, second bytes.Buffer
	if err := write(&first, entries, day); err != nil {
		t.Fatal(err)
	}
	slices.Reverse(entries)
	if err := write(&second, entries, day.In(time.FixedZone("east", 3600))); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two archives of the same differ")
	}
	return first.Bytes()
}

func TestTarGz(t *testing.T) {
	data := same(t, writeTarGz, someEntries(t))
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if !z.ModTime.IsZero() || z.Name != "" {
		t.Errorf("gzip header: %v", z.Header)
	}
	var names []string
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if !h.ModTime.Equal(day) || h.Uid != 0 || h.Gid != 0 || h.Uname != "root" {
			t.Errorf("header %+v", h)
		}
		names = append(names, h.FileInfo().Mode().String()+" "+h.Name)
	}
	want := []string{"-rw-r--r-- top/LICENSE", "-rw-r--r-- top/man/x.1", "-rwxr-xr-x top/phlb"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func TestZip(t *testing.T) {
	data := same(t, writeZip, someEntries(t))
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range z.File {
		if !f.Modified.Equal(day) {
			t.Errorf("%s has time %v", f.Name, f.Modified)
		}
		names = append(names, f.Mode().String()+" "+f.Name)
	}
	want := []string{"-rw-r--r-- top/LICENSE", "-rw-r--r-- top/man/x.1", "-rwxr-xr-x top/phlb"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
}

func TestPrepareOut(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dist")
	if err := prepareOut(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"phlb_1_linux_amd64.tar.gz", "phlb-1.x86_64.rpm", sumsName} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := prepareOut(dir); err != nil {
		t.Fatal(err)
	}
	list, err := os.ReadDir(dir)
	if err != nil || len(list) != 1 || list[0].Name() != ".gitignore" {
		t.Errorf("left: %v (%v)", list, err)
	}
	for _, name := range []string{"letter.txt", "phlb.txt", "phlb"} {
		mine := filepath.Join(dir, name)
		if err := os.WriteFile(mine, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := prepareOut(dir); err == nil {
			t.Errorf("a directory with %s is taken for one of a release", name)
		}
		if err := os.Remove(mine); err != nil {
			t.Errorf("%s is gone: %v", name, err)
		}
	}
}

func TestSums(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"b": "", "a": "abc", ".gitignore": "*", sumsName: "old"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeSums(dir); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, sumsName))
	want := "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a\n" +
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b\n"
	if err != nil || string(got) != want {
		t.Errorf("%s (%v)", got, err)
	}
}

func TestTargets(t *testing.T) {
	if n := len(allTargets()); n != 8 {
		t.Errorf("%d targets", n)
	}
	for _, bad := range []string{"", "linux", "linux/amd64,", "plan9/amd64", "linux/riscv64"} {
		if _, err := parseTargets(bad); err == nil {
			t.Errorf("%q is taken for targets", bad)
		}
	}
	if got := (target{"windows", "arm64"}).binary(); got != "phlb.exe" {
		t.Errorf("program %s", got)
	}
}
