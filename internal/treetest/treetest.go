// Package treetest declares, builds, reads and compares directory trees in
// tests, and unpacks a backup root that PHLB made.
//
// It goes through plain calls of package os, not through fsys, so that a
// fault of phlb's own code cannot hide from the tests that use it. Only tests
// may import it.
package treetest

import (
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// Tree is a directory's content by slash-separated relative path.
// Directories on the way to a path need no entry of their own.
type Tree map[string]Node

// Node is a File, Dir, Symlink or Hardlink.
type Node interface{ node() }

// File is a regular file.
type File struct {
	Content string
	Mode    os.FileMode // permission bits; 0 stands for 0644
	Mtime   time.Time   // zero: whenever it is made; Read sets it
}

// Dir is a directory.
type Dir struct {
	Mode  os.FileMode // permission bits; 0 stands for 0755
	Mtime time.Time   // zero: whenever it is made; Read sets it
}

// Symlink is a symbolic link with the given text.
type Symlink string

// Hardlink is a further name of the file at the given path of the tree.
type Hardlink string

func (File) node()     {}
func (Dir) node()      {}
func (Symlink) node()  {}
func (Hardlink) node() {}

// Build makes the tree below dir, which is made if it is missing.
func Build(t testing.TB, dir string, tree Tree) {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o755))
	paths := slices.Sorted(maps.Keys(tree))
	for _, p := range paths {
		place := filepath.Join(dir, filepath.FromSlash(p))
		must(t, os.MkdirAll(filepath.Dir(place), 0o755))
		switch n := tree[p].(type) {
		case File:
			buildFile(t, place, n)
		case Dir:
			must(t, os.MkdirAll(place, 0o755))
		case Symlink:
			must(t, os.Symlink(string(n), place))
		}
	}
	for _, p := range paths {
		if to, ok := tree[p].(Hardlink); ok {
			must(t, os.Link(filepath.Join(dir, filepath.FromSlash(string(to))), filepath.Join(dir, filepath.FromSlash(p))))
		}
	}
	finishDirs(t, dir, tree, paths)
}

func buildFile(t testing.TB, place string, f File) {
	t.Helper()
	mode := f.Mode
	if mode == 0 {
		mode = 0o644
	}
	must(t, os.WriteFile(place, []byte(f.Content), 0o600))
	must(t, os.Chmod(place, mode))
	setTime(t, place, f.Mtime)
}

// finishDirs sets what later work below a directory would undo or could not
// do any more, the deepest directories first.
func finishDirs(t testing.TB, dir string, tree Tree, paths []string) {
	t.Helper()
	for _, p := range slices.Backward(paths) {
		d, ok := tree[p].(Dir)
		if !ok {
			continue
		}
		place := filepath.Join(dir, filepath.FromSlash(p))
		setTime(t, place, d.Mtime)
		if d.Mode != 0 {
			must(t, os.Chmod(place, d.Mode))
		}
	}
}

func setTime(t testing.TB, place string, mtime time.Time) {
	t.Helper()
	if !mtime.IsZero() {
		must(t, os.Chtimes(place, mtime, mtime))
	}
}

// Read returns what lies below dir, without dir itself. Of several names of
// one file the first in byte order is a File, the others are Hardlinks to it.
func Read(t testing.TB, dir string) Tree {
	t.Helper()
	tree := Tree{}
	var files []seen
	must(t, filepath.WalkDir(dir, func(place string, e os.DirEntry, err error) error {
		if err != nil || place == dir {
			return err
		}
		rel, err := filepath.Rel(dir, place)
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		p := filepath.ToSlash(rel)
		if info.Mode().IsRegular() {
			files = append(files, seen{p, info})
			return nil
		}
		tree[p], err = readOther(place, info)
		return err
	}))
	readFiles(t, dir, tree, files)
	return tree
}

type seen struct {
	path string
	info os.FileInfo
}

func readOther(place string, info os.FileInfo) (Node, error) {
	if info.IsDir() {
		return Dir{Mode: info.Mode().Perm(), Mtime: info.ModTime()}, nil
	}
	target, err := os.Readlink(place)
	return Symlink(target), err
}

func readFiles(t testing.TB, dir string, tree Tree, files []seen) {
	t.Helper()
	slices.SortFunc(files, func(a, b seen) int { return strings.Compare(a.path, b.path) })
	for i, f := range files {
		first := slices.IndexFunc(files[:i], func(o seen) bool { return os.SameFile(o.info, f.info) })
		if first >= 0 {
			tree[f.path] = Hardlink(files[first].path)
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(f.path)))
		must(t, err)
		tree[f.path] = File{Content: string(content), Mode: f.info.Mode().Perm(), Mtime: f.info.ModTime()}
	}
}

// Content returns the tree with the modes and times of its nodes left out,
// and hard links as the files they are, for comparisons of content alone.
func (tree Tree) Content() Tree {
	plain := Tree{}
	for p, n := range tree {
		switch n := n.(type) {
		case File:
			plain[p] = File{Content: n.Content}
		case Dir:
			plain[p] = Dir{}
		case Hardlink:
			f, _ := tree[string(n)].(File)
			plain[p] = File{Content: f.Content}
		default:
			plain[p] = n
		}
	}
	return plain
}

// Without returns the tree without the paths whose last element is one of
// the names.
func (tree Tree) Without(names ...string) Tree {
	rest := Tree{}
	for p, n := range tree {
		if !slices.Contains(names, path.Base(p)) {
			rest[p] = n
		}
	}
	return rest
}

// Equal reports every difference between two trees as a test failure.
func Equal(t testing.TB, got, want Tree) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("trees differ (-want +got):\n%s", diff)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
