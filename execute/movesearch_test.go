package execute

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"phlb/internal/digest"
	"phlb/internal/lookup"
	"phlb/internal/snapshot"
)

// TestClosest: no name's history delays the others.
func TestClosest(t *testing.T) {
	history := func(name string, times ...string) (ids []snapshot.ID) {
		for _, time := range times {
			ids = append(ids, snapshot.ID{Name: name, Time: time})
		}
		return ids
	}
	for time, want := range map[string]string{
		"0": "a/1 b/2 a/3 b/4 a/5 a/7",
		"3": "a/3 a/1 b/4 b/2 a/5 a/7",
		"4": "a/5 a/3 b/4 b/2 a/7 a/1",
		"9": "a/7 b/4 a/5 b/2 a/3 a/1",
	} {
		var got []string
		for _, id := range closest([][]snapshot.ID{history("a", "1", "3", "5", "7"), history("b", "2", "4"), nil}, time) {
			got = append(got, id.String())
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("about %s: %s, want %s", time, text, want)
		}
	}
}

// TestSearchFurtherIsBounded: beyond the bound only links are worth reading on.
func TestSearchFurtherIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		bound int64
		links uint64
		found bool
	}{
		"within":                {bound: 4, links: 1, found: true},
		"beyond":                {bound: 3, links: 1},
		"beyond, linked":        {bound: 3, links: 3, found: true},
		"beyond, linked inside": {bound: 3, links: 2},
	} {
		t.Run(name, func(t *testing.T) {
			m, ids, sums := searchWorld(t, 4)
			m.further = c.bound
			m.searched[sums[3]] = searched{from: "n/gone/f", size: 2000, links: c.links}
			if err := m.lookups.Put(sums[3], "n/gone/f"); err != nil {
				t.Fatal(err)
			}
			if err := m.searchFurther(t.Context(), ids); err != nil {
				t.Fatal(err)
			}
			if found := len(m.searched) == 0; found != c.found {
				t.Errorf("found: %t", found)
			}
			want := "n/gone/f"
			if c.found {
				want = ids[3].String() + "/f"
			}
			if got, _, err := m.lookups.Get(sums[3]); err != nil || got != want {
				t.Errorf("the entry is %q, want %q (%v)", got, want, err)
			}
		})
	}
}

// searchWorld makes n snapshots without catalogues, each of one file of a
// content of its own, and a mover for a pruned one that has two names of the
// last content.
func searchWorld(t *testing.T, n int) (m *mover, ids []snapshot.ID, contents []digest.Sum) {
	t.Helper()
	top := t.TempDir()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ok(os.Chmod(top, 0o700))
	write := func(dir, text string, names ...string) digest.Sum {
		sum, list := digest.Sum(sha256.Sum256([]byte(text))), ""
		ok(os.MkdirAll(dir, 0o700))
		for _, name := range names {
			ok(os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
			list += fmt.Sprintf("%v  %s\n", sum, name)
		}
		ok(os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(list), 0o600))
		return sum
	}
	text := func(i int) string { return strings.Repeat(fmt.Sprint(i), 2000) }
	for i := range n {
		id := snapshot.ID{Name: "n", Time: fmt.Sprintf("2026-01-%02d-000000", i+1)}
		ids = append(ids, id)
		contents = append(contents, write(filepath.Join(top, id.String()), text(i), "f"))
	}
	write(filepath.Join(top, "pruned"), text(n-1), "f", "g")
	root, err := snapshot.Open(top)
	ok(err)
	t.Cleanup(func() { root.Close() })
	db, err := lookup.Open(root.Dir())
	ok(err)
	t.Cleanup(func() { db.Close() })
	tree, err := root.Dir().OpenDirAt("pruned")
	ok(err)
	t.Cleanup(func() { tree.Close() })
	r := &runner{opts: Options{Workers: 1}, plan: &checked{}, root: root, lookups: db}
	m = &mover{runner: r, id: snapshot.ID{Name: "n", Time: "2025-01-01-000000"}, tree: tree, searched: map[digest.Sum]searched{}}
	return m, ids, contents
}
