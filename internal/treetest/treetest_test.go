package treetest

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

func TestBuildThenRead(t *testing.T) {
	when := time.Date(2025, 1, 2, 3, 4, 5, 678000000, time.UTC)
	tree := Tree{
		"a.txt":      File{Content: "a", Mode: 0o600, Mtime: when},
		"d":          Dir{Mode: 0o700, Mtime: when},
		"d/b":        File{Content: "b", Mode: 0o644, Mtime: when},
		"d/ln":       Symlink("../gone"),
		"d/same":     Hardlink("a.txt"),
		"empty":      Dir{Mode: 0o755, Mtime: when},
		"d/deep":     Dir{Mode: 0o755, Mtime: when},
		"d/deep/bin": File{Content: "\x00\xff", Mode: 0o644, Mtime: when},
	}
	if runtime.GOOS == "windows" {
		t.Skip("modes and links differ on Windows")
	}
	dir := t.TempDir()
	Build(t, dir, tree)
	got := Read(t, dir)
	for p, n := range got { // times come back in the local zone
		switch n := n.(type) {
		case File:
			n.Mtime = n.Mtime.UTC()
			got[p] = n
		case Dir:
			n.Mtime = n.Mtime.UTC()
			got[p] = n
		}
	}
	Equal(t, got, tree)
}

func TestContent(t *testing.T) {
	tree := Tree{
		"a":          File{Content: "x", Mode: 0o600},
		"b":          Hardlink("a"),
		"c":          Dir{Mode: 0o700},
		"c/ln":       Symlink("a"),
		"c/SHA256SU": File{Content: "y"},
	}
	Equal(t, tree.Content().Without("SHA256SU"), Tree{
		"a": File{Content: "x"}, "b": File{Content: "x"}, "c": Dir{}, "c/ln": Symlink("a"),
	})
}

func TestUnpackPHLB(t *testing.T) {
	p := UnpackPHLB(t)
	first := filepath.Join(p.Root, filepath.FromSlash(PHLBFirst), "2025/trip/a.raw")
	second := filepath.Join(p.Root, filepath.FromSlash(PHLBSecond), "2025/trip/a-copy.raw")
	a, err := os.Stat(first)
	must(t, err)
	b, err := os.Stat(second)
	must(t, err)
	if !os.SameFile(a, b) {
		t.Error("hard links across snapshots did not come back")
	}
	if want := time.Date(2025, 1, 2, 12, 0, 0, 0, time.UTC); !a.ModTime().Equal(want) {
		t.Errorf("mtime %v, want %v", a.ModTime(), want)
	}
	source := Read(t, filepath.Join(p.Sources, "photos-2"))
	stored := Read(t, filepath.Join(p.Root, filepath.FromSlash(PHLBSecond)))
	// PHLB stores neither excluded nor empty directories.
	want := source.Content().Without("empty", ".cache", "x")
	Equal(t, stored.Content().Without("SHA256SUMS"), want)
}
