package snapshot

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	t1 = "2026-11-21-140000"
	t2 = "2026-11-22-140000"
)

func symlink(t *testing.T, target, root, rel string) {
	t.Helper()
	if err := os.Symlink(target, filepath.Join(root, rel)); err != nil {
		t.Skipf("no symbolic links here: %v", err)
	}
}

func TestNames(t *testing.T) {
	dir := t.TempDir()
	outside := t.TempDir()
	mkdir(t, outside, "secret/"+t1)
	mkdir(t, dir,
		"home/"+t1, "home/"+t2+"/nested/"+t1, "hosts/"+t1, "hosts/web1/"+t1, "a/b/c/"+t2, "empty", "other/stuff",
		".phlb/trash/"+t1, ".hidden/"+t1, "odd/.x/"+t1, t1+"/"+t2, "wrong/2026-02-30-000000",
		strings.Repeat("d/", 64)+t1, strings.Repeat("e/", 65)+t1)
	write(t, dir, "file/"+t1, "a file, no snapshot")
	symlink(t, outside, dir, "link")
	symlink(t, outside+"/secret", dir, "secret")
	mkdir(t, dir, "pretend")
	symlink(t, filepath.Join(dir, "home", t1), dir, "pretend/"+t1)
	want := []string{"a/b/c", strings.TrimSuffix(strings.Repeat("d/", 64), "/"), "home", "hosts", "hosts/web1"}
	r := openRoot(t, dir)
	got, err := r.Names(context.Background())
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, name := range got {
		must(t, CheckName(name))
	}

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.Names(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestTimes(t *testing.T) {
	dir := t.TempDir()
	mkdir(t, dir, "home/"+t2, "home/"+t1, "home/web", "new")
	write(t, dir, "home/2026-11-23-140000", "a file")
	write(t, dir, "home/"+t1+SuffixLog, "")
	symlink(t, t1, dir, "home/2026-11-24-140000")
	symlink(t, "home", dir, "link")
	r := openRoot(t, dir)
	for name, want := range map[string][]string{"home": {t1, t2}, "new": nil, "missing": nil, "missing/too": nil} {
		got, err := r.Times(name)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
	for _, name := range []string{"link", "", "..", "home/../home", ".phlb", "home/" + t1} {
		if got, err := r.Times(name); err == nil {
			t.Errorf("Times(%q) = %v", name, got)
		}
	}
	newest, ok, err := r.Newest("home")
	if newest != t2 || !ok || err != nil {
		t.Errorf("newest %q, %v, %v", newest, ok, err)
	}
	if _, ok, err := r.Newest("missing"); ok || err != nil {
		t.Errorf("newest of nothing: %v, %v", ok, err)
	}
}

func TestOpenSnapshot(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "home/"+t1+"/a", "A")
	mkdir(t, dir, "real/"+t1)
	symlink(t, "real", dir, "link")
	symlink(t, t1, dir, "home/"+t2)
	r := openRoot(t, dir)
	d, err := r.OpenSnapshot(ID{"home", t1})
	must(t, err)
	defer d.Close()
	if _, err := d.Lstat("a"); err != nil {
		t.Error(err)
	}
	if _, err := r.OpenSnapshot(ID{"home", "2020-01-01-000000"}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	for _, id := range []ID{{"link", t1}, {"home", t2}, {"home", "x"}, {"../home", t1}, {"", t1}} {
		if d, err := r.OpenSnapshot(id); err == nil {
			d.Close()
			t.Errorf("opened %v", id)
		}
	}
}

func TestOpenCreatesNothing(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(filepath.Join(dir, "missing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing root: %v", err)
	}
	r := openRoot(t, dir)
	_, _, err := r.State()
	must(t, err)
	_, err = r.Names(context.Background())
	must(t, err)
	must(t, r.EmptyTrash(context.Background(), 2))
	must(t, r.EndRun("x"))
	_, err = r.Trashed()
	must(t, err)
	if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
		t.Errorf("%v, %v", list, err)
	}
	if r.Path() != dir || r.Dir() == nil {
		t.Error("path or directory lost")
	}
}

func TestRemoved(t *testing.T) {
	dir := t.TempDir()
	mkdir(t, dir, "home/"+t1)
	for _, name := range []string{
		t1 + SuffixReport, t1 + SuffixLog, t2 + SuffixReport, t2 + SuffixSummary, "2026-01-01-000000" + SuffixSummary,
		"2026-01-02-000000" + SuffixPinned, "notes" + SuffixSummary,
	} {
		write(t, dir, "home/"+name, "")
	}
	got, err := openRoot(t, dir).Removed("home")
	want := []string{"2026-01-01-000000", t2}
	if slices.Sort(want); err != nil || !slices.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
	if _, err := openRoot(t, dir).Removed("nobody"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
