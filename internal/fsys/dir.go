package fsys

import (
	"os"
	"path"
	"strings"

	"phlb/internal/meta"
)

// This file holds what every implementation of Dir shares: paths of several
// elements, walked in terms of single names.

// LstatAt is Lstat for a slash-separated relative path; "." is d itself.
func (d *Dir) LstatAt(rel string) (meta.Info, error) {
	if rel == "." {
		return d.Stat()
	}
	return at(d, rel, (*Dir).Lstat)
}

// ReadDir lists the directory from its beginning, without "." and "..", in
// the file system's order.
func (d *Dir) ReadDir() ([]DirEntry, error) {
	list, err := d.AppendDir(nil)
	if err != nil {
		return nil, err
	}
	return list, nil
}

// MkdirAll makes the directories of a relative path that do not exist yet
// and opens the last one; "." opens d itself. Like every other method it
// passes no symbolic link.
func (d *Dir) MkdirAll(rel string, mode uint32) (*Dir, error) {
	return d.mkdirAll(rel, mode, func(*Dir) error { return nil })
}

// MkdirAllDurable is MkdirAll, and each directory that it makes is durable
// before anything is put into it: a crash must not keep what is below and lose
// the way to it.
func (d *Dir) MkdirAllDurable(rel string, mode uint32) (*Dir, error) {
	return d.mkdirAll(rel, mode, (*Dir).SyncNames)
}

// mkdirAll calls made with each directory that something was made in.
func (d *Dir) mkdirAll(rel string, mode uint32, made func(*Dir) error) (*Dir, error) {
	if rel == "." {
		return d.reopen()
	}
	return d.eachElement(rel, func(cur *Dir, name string) (*Dir, error) {
		next, err := cur.OpenDir(name)
		if ClassOf(err) != ClassVanished {
			return next, err
		}
		if err := cur.Mkdir(name, mode); err != nil && !os.IsExist(err) {
			return nil, err
		}
		if err := made(cur); err != nil {
			return nil, err
		}
		return cur.OpenDir(name)
	})
}

// maxPart is how much of a path one call is asked to open, in bytes; systems
// take at least 4096.
const maxPart = 4000

// walk opens a path that one call cannot open: a long one in parts, so that
// the time for very deep trees stays bearable, any other one element after
// the other.
func (d *Dir) walk(rel string) (*Dir, error) {
	cut := 0
	if len(rel) > maxPart && localPath(rel) {
		cut = strings.LastIndexByte(rel[:maxPart], '/')
	}
	if cut <= 0 {
		return d.eachElement(rel, (*Dir).OpenDir)
	}
	head, err := d.OpenDirAt(rel[:cut])
	if err != nil {
		return nil, err
	}
	defer head.Close()
	return head.OpenDirAt(rel[cut+1:])
}

// localPath reports whether every element of rel would pass check.
func localPath(rel string) bool {
	for name := range strings.SplitSeq(rel, "/") {
		if check(name) != nil {
			return false
		}
	}
	return true
}

// eachElement steps from d down to the end of rel and closes what it passes.
func (d *Dir) eachElement(rel string, step func(*Dir, string) (*Dir, error)) (*Dir, error) {
	cur := d
	for name := range strings.SplitSeq(rel, "/") {
		next, err := step(cur, name)
		if cur != d {
			cur.Close()
		}
		if err != nil {
			return nil, err
		}
		cur = next
	}
	return cur, nil
}

// at calls f on the directory that holds the last element of rel.
func at[T any](d *Dir, rel string, f func(*Dir, string) (T, error)) (T, error) {
	dir, name := path.Split(rel)
	if dir == "" {
		return f(d, name)
	}
	var zero T
	if dir == "./" { // "." is a path, not an element of one
		return zero, pathError("open", d.path, rel, ErrEscape)
	}
	sub, err := d.OpenDirAt(strings.TrimSuffix(dir, "/"))
	if err != nil {
		return zero, err
	}
	defer sub.Close()
	return f(sub, name)
}

// refuse asks the injected fault, if any.
func (d *Dir) refuse(op Op, name string) error {
	if d.fault == nil {
		return nil
	}
	return d.fault(op, name)
}

// admit says whether a writing operation on a name below d may be tried.
func (d *Dir) admit(op Op, name string) error {
	if err := check(name); err != nil {
		return err
	}
	return d.refuse(op, name)
}

// admitSelf is admit for operations on the directory itself.
func (d *Dir) admitSelf(op Op) error { return d.refuse(op, path.Base(d.path)) }
