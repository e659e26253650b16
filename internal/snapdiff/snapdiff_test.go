package snapdiff

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"phlb/internal/digest"
	"phlb/internal/listing"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/treetest"
)

const (
	first  = "2026-11-23-140000"
	second = "2026-11-24-140000"
)

func sides(t testing.TB, a, b treetest.Tree) (Side, Side) {
	t.Helper()
	dir, err := os.MkdirTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	treetest.Build(t, filepath.Join(dir, "home", first), a)
	treetest.Build(t, filepath.Join(dir, "home", second), b)
	root, err := snapshot.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return Side{Root: root, ID: snapshot.ID{Name: "home", Time: first}}, Side{Root: root, ID: snapshot.ID{Name: "home", Time: second}}
}

func entries(t testing.TB, d *Diff) map[string]Entry {
	t.Helper()
	found := map[string]Entry{}
	last := ""
	for _, e := range d.Entries {
		if last != "" && meta.ComparePaths(last, e.Path) >= 0 {
			t.Errorf("%s comes before %s", last, e.Path)
		}
		last = e.Path
		found[e.Path] = e
	}
	return found
}

// TestProperty: without any record, what is told of two trees leads from the
// first to the second, and nothing that differs is kept back.
func TestProperty(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes and links differ on Windows")
	}
	when := time.Unix(1_700_000_000, 0)
	node := rapid.Custom(func(t *rapid.T) treetest.Node {
		switch rapid.IntRange(0, 6).Draw(t, "kind") {
		case 0:
			return treetest.Symlink(rapid.SampledFrom([]string{"a", "b"}).Draw(t, "target"))
		case 1:
			return treetest.Dir{Mtime: when}
		}
		return treetest.File{
			Content: rapid.SampledFrom([]string{"", "one", "two", "three"}).Draw(t, "content"),
			Mode:    rapid.SampledFrom([]os.FileMode{0o644, 0o600}).Draw(t, "mode"), Mtime: when,
		}
	})
	path := rapid.SampledFrom([]string{"a", "b", "a.x", "d/a", "d/b", "d/e/a"})
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(label string) treetest.Tree { return rapid.MapOf(path, node).Draw(rt, label) }
		a, b := draw("first"), draw("second")
		sa, sb := sides(t, a, b)
		d, err := Compare(t.Context(), sa, sb, Options{})
		if err != nil {
			rt.Fatal(err)
		}
		got := entries(t, d)
		fail := checkEntries(got, treetest.Read(t, snapshotDir(sa)), treetest.Read(t, snapshotDir(sb)))
		if fail != "" {
			rt.Fatalf("%s\n%v", fail, got)
		}
	})
}

func snapshotDir(s Side) string { return filepath.Join(s.Root.Path(), "home", s.ID.Time) }

// checkEntries says what is wrong with a difference.
func checkEntries(got map[string]Entry, a, b treetest.Tree) string {
	left := map[string]bool{}
	for p := range a {
		left[p] = true
	}
	for p, e := range got {
		switch e.Change {
		case Added:
			left[p] = true
		case Removed:
			delete(left, p)
		case Moved:
			left[p] = true
			delete(left, e.From)
		}
	}
	if !maps.Equal(left, boolKeys(b)) {
		return fmt.Sprintf("leads to %v, not %v", left, boolKeys(b))
	}
	for p, nb := range b {
		e, told := got[p]
		na, both := a[p]
		switch {
		case told && (e.Change == Added || e.Change == Moved):
			if both {
				return p + " was there before"
			}
		case plain(na) == plain(nb):
			if _, isLink := nb.(treetest.Symlink); told && !isLink {
				return p + " is told and is the same"
			}
		case !told:
			return p + " is not told"
		}
	}
	return ""
}

func boolKeys(tree treetest.Tree) map[string]bool {
	keys := map[string]bool{}
	for p := range tree {
		keys[p] = true
	}
	return keys
}

// plain is a node without what does not count: the times of directories. Those
// of links, which do, treetest neither sets nor reads.
func plain(n treetest.Node) any {
	switch n := n.(type) {
	case treetest.Dir:
		return n.Mode
	case treetest.File:
		n.Mtime = n.Mtime.UTC()
		return n
	}
	return n
}

// TestMoves: the same name is preferred, each origin serves once, and empty
// files are everywhere.
func TestMoves(t *testing.T) {
	file := func(path string, sum byte, size int64, c Change) Entry {
		s := &listing.State{Kind: meta.File, Size: size, SHA256: digest.Sum{sum}}
		if c == Removed {
			return Entry{Change: c, Path: path, Old: s}
		}
		return Entry{Change: c, Path: path, New: s}
	}
	c := &comparer{entries: []Entry{
		file("a/x", 1, 5, Removed), file("a/y", 1, 5, Removed), file("empty", 2, 0, Removed), file("unknown", 0, 5, Removed),
		file("b/other", 1, 5, Added), file("b/y", 1, 5, Added), file("b/z", 1, 5, Added), file("empty2", 2, 0, Added),
		file("unknown2", 0, 5, Added),
	}}
	c.findMoves()
	var got []string
	for _, e := range c.entries {
		if e.Change != "" {
			got = append(got, fmt.Sprint(e.Change, " ", e.From, " ", e.Path))
		}
	}
	want := []string{
		"removed  empty", "removed  unknown", "moved a/x b/other", "moved a/y b/y", "added  b/z", "added  empty2", "added  unknown2",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestSelect: a move is told if either path is chosen.
func TestSelect(t *testing.T) {
	a, b := sides(t, treetest.Tree{"x/f": treetest.File{Content: "f"}, "g": treetest.File{Content: "g"}}, treetest.Tree{"g": treetest.File{Content: "h"}})
	d, err := Compare(t.Context(), a, b, Options{Select: func(p string) bool { return p == "g" }})
	if err != nil {
		t.Fatal(err)
	}
	got := entries(t, d)
	if len(got) != 1 || got["g"].Change != Changed || d.Summary.Counts[Removed].Entries != 0 || d.Summary.Counts[Changed].Bytes != 1 {
		t.Errorf("%+v, %+v", got, d.Summary)
	}
}

func TestNowhere(t *testing.T) {
	a, b := sides(t, treetest.Tree{}, treetest.Tree{})
	a.Path, b.Path = "x", "x"
	if _, err := Compare(t.Context(), a, b, Options{}); !errors.Is(err, ErrNowhere) {
		t.Errorf("got %v", err)
	}
}
