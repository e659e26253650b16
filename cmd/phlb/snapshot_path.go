package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"phlb/internal/snapshot"
)

// snapshotPath is a path such as /backups/home/2026-11-23-140000/docs, taken
// apart.
type snapshotPath struct {
	root string // /backups
	id   snapshot.ID
	rest string // docs, slash-separated; "." is the snapshot itself
}

// openSnapshotPath finds the snapshot that a path of the user's names or lies
// in, and opens its root. Symbolic links are resolved only where the path as
// it is written leads to no snapshot: one in a snapshot is meant itself.
func openSnapshotPath(arg string) (*snapshot.Root, snapshotPath, error) {
	abs, err := filepath.Abs(arg)
	if err != nil {
		return nil, snapshotPath{}, err
	}
	first := error(nil)
	for _, path := range spellings(abs) {
		p, ok := splitSnapshotPath(path, os.Lstat)
		if !ok {
			continue
		}
		root, err := p.open()
		if err == nil {
			return root, p, nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = usagef("%s names no snapshot: write its path, such as /backups/home/2026-11-23-140000, or that of something in it", arg)
	}
	return nil, snapshotPath{}, first
}

// spellings are the path itself, and what it is with its links resolved.
func spellings(abs string) []string {
	all := []string{abs}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
		all = append(all, filepath.Join(dir, filepath.Base(abs)))
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		all = append(all, real)
	}
	return all
}

func (p snapshotPath) open() (*snapshot.Root, error) {
	root, err := snapshot.Open(p.root)
	if err != nil {
		return nil, notThere("the backup root", p.root, err)
	}
	dir, err := root.OpenSnapshot(p.id)
	if err != nil {
		root.Close()
		if errors.Is(err, fs.ErrNotExist) {
			err = notThere("the snapshot", filepath.Join(p.root, p.id.String()), err)
		}
		return nil, err
	}
	dir.Close()
	return root, nil
}

// splitSnapshotPath takes an absolute path apart. A name may have several
// elements, and what was backed up may hold a backup root itself: the outermost
// element that looks like a snapshot's time and has .phlb above it counts. Where
// .phlb was deleted, one that has phlb's or PHLB's files beside it does, else
// the last; the name is then the element before it.
func splitSnapshotPath(abs string, lstat func(string) (os.FileInfo, error)) (p snapshotPath, ok bool) {
	elements := strings.Split(filepath.ToSlash(abs), "/")
	var last, withFiles *snapshotPath
	for i := 2; i < len(elements); i++ {
		if !snapshot.IsTime(elements[i]) {
			continue
		}
		for j := i - 1; j >= 1; j-- {
			c, valid := snapshotAt(elements, j, i)
			if !valid {
				break // nor is any longer name
			}
			if info, err := lstat(filepath.Join(c.root, snapshot.PrivateDir)); err == nil && info.IsDir() {
				return c, true
			}
			if j < i-1 {
				continue
			}
			if last = &c; withFiles == nil && hasSidecar(c, lstat) {
				withFiles = &c
			}
		}
	}
	switch {
	case withFiles != nil:
		return *withFiles, true
	case last != nil:
		return *last, true
	}
	return snapshotPath{}, false
}

// snapshotAt takes elements from j as the name and element i as the time.
func snapshotAt(elements []string, j, i int) (snapshotPath, bool) {
	p := snapshotPath{
		root: filepath.FromSlash(strings.Join(elements[:j], "/") + "/"),
		id:   snapshot.ID{Name: strings.Join(elements[j:i], "/"), Time: elements[i]},
		rest: ".",
	}
	if i+1 < len(elements) {
		p.rest = strings.Join(elements[i+1:], "/")
	}
	p.root = filepath.Clean(p.root)
	return p, snapshot.CheckName(p.id.Name) == nil
}

func hasSidecar(p snapshotPath, lstat func(string) (os.FileInfo, error)) bool {
	for _, suffix := range []string{snapshot.SuffixReport, snapshot.SuffixSummary, snapshot.SuffixLog} {
		if _, err := lstat(filepath.Join(p.root, filepath.FromSlash(p.id.String())) + suffix); err == nil {
			return true
		}
	}
	return false
}
