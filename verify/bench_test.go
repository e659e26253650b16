package verify

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"phlb/internal/treetest"
)

// benchRoot makes snapshots that share all their files, as a tree that does
// not change does.
func benchRoot(b *testing.B, snapshots, files int) *world {
	w := newWorld(b)
	tree := treetest.Tree{}
	for i := range files {
		tree[fmt.Sprintf("d%d/e%d/file-%d", i%10, i%100, i)] = treetest.File{Content: big(fmt.Sprint(i))}
	}
	id := func(n int) string { return fmt.Sprintf("home/2026-01-01-%06d", n/60*100+n%60) }
	w.snapshot(id(0), tree)
	for n := 1; n < snapshots; n++ {
		for p := range tree {
			w.link(id(0)+"/"+p, id(n)+"/"+p)
		}
		dirs, err := filepath.Glob(w.at(id(0), "*/*/SHA256SUMS"))
		must(b, err)
		for _, place := range dirs {
			rel, err := filepath.Rel(w.at(id(0)), place)
			must(b, err)
			text, err := os.ReadFile(place)
			must(b, err)
			must(b, os.WriteFile(w.at(id(n), filepath.ToSlash(rel)), text, 0o644))
		}
	}
	return w
}

func BenchmarkVerify(b *testing.B) {
	w := benchRoot(b, 20, 5000)
	for b.Loop() {
		if r := w.verify(Options{Workers: 2}); r.Damaged() || r.Files != 100_000 {
			b.Fatalf("%+v", r)
		}
	}
}

func BenchmarkRebuild(b *testing.B) {
	w := benchRoot(b, 20, 5000)
	w.rebuild()
	for b.Loop() {
		if r := w.rebuild(); r.Damaged() || r.Hashes.Kept != 5000 {
			b.Fatalf("%+v", r)
		}
	}
}
