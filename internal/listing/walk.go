package listing

import (
	"context"
	"errors"
	"io"
	"path"
	"slices"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/sums"
)

// walk reads the files themselves. It walks in the order of the source's
// names, which is not quite that of the stored ones, and holds what lies in
// the directories on the way to where it is.
type walk struct {
	stream *Stream
	detail Detail
	top    string // as stored
	begun  bool
	levels []level
}

// level is a directory on the way.
type level struct {
	children []child // those still to come
}

// child is one name in a directory.
type child struct {
	Entry
	stored string // path
}

func newWalk(s *Stream, o *Options) *walk {
	return &walk{stream: s, detail: o.Detail, top: path.Clean("./" + o.Path)}
}

func (w *walk) close() {}

func (w *walk) next(ctx context.Context, e *Entry) error {
	if !w.begun {
		w.begun = true
		if err := w.begin(); err != nil {
			return err
		}
	}
	for len(w.levels) > 0 {
		l := &w.levels[len(w.levels)-1]
		if len(l.children) == 0 {
			w.levels = w.levels[:len(w.levels)-1]
			continue
		}
		c := l.children[0]
		l.children = l.children[1:]
		if c.Kind == meta.Dir {
			w.enter(&c)
		}
		*e = c.Entry
		return ctx.Err()
	}
	return io.EOF
}

// begin makes a level of the place to begin at alone.
func (w *walk) begin() error {
	parent, name := path.Split(w.top)
	dir, err := w.stream.dir.OpenDirAt(path.Clean("./" + parent))
	if isGone(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	c, ok := w.look(dir, name, w.top)
	if !ok {
		return nil
	}
	top := []child{c}
	if w.detail == Content {
		addSums(dir, top)
	}
	w.levels = append(w.levels, level{children: top})
	return nil
}

func isGone(err error) bool {
	class := fsys.ClassOf(err)
	return err != nil && (class == fsys.ClassVanished || class == fsys.ClassType)
}

// enter lists a directory.
func (w *walk) enter(c *child) {
	dir, err := w.stream.dir.OpenDirAt(c.stored)
	if err != nil {
		w.fail(err)
		return
	}
	defer dir.Close()
	names, err := dir.ReadDir()
	if err != nil {
		w.fail(err)
		return
	}
	l := level{children: make([]child, 0, len(names))}
	for _, n := range names {
		if n.Name == sums.FileName && n.Kind != meta.Dir && n.Kind != meta.Symlink {
			continue
		}
		if sub, ok := w.look(dir, n.Name, path.Join(c.stored, n.Name)); ok {
			l.children = append(l.children, sub)
		}
	}
	if w.detail == Content {
		addSums(dir, l.children)
	}
	slices.SortFunc(l.children, func(a, b child) int { return meta.ComparePaths(a.Path, b.Path) })
	w.levels = append(w.levels, l)
}

// fail notes what cannot be looked at. What is gone was removed meanwhile.
func (w *walk) fail(err error) {
	if isGone(err) {
		return
	}
	info := &w.stream.info
	if info.Unreadable++; info.FirstError == nil {
		info.FirstError = err
	}
}

// look makes the entry of a name; "" is the directory itself. ok is false for
// what is gone, or of a kind that is never stored.
func (w *walk) look(dir *fsys.Dir, name, stored string) (c child, ok bool) {
	info, err := lstat(dir, name)
	if err != nil {
		w.fail(err)
		return c, false
	}
	c = child{stored: stored, Entry: Entry{Dev: info.Dev, Nlink: info.Nlink}}
	c.Record = catalog.Record{
		Path: w.stream.SourcePath(stored), Kind: info.Kind, Mode: info.Mode, UID: info.UID, GID: info.GID, Mtime: info.Mtime,
	}
	switch info.Kind {
	case meta.File:
		c.Size = info.Size
	case meta.Symlink:
		c.Mode = 0
	case meta.Dir:
	default:
		return c, false
	}
	if w.detail == Content {
		w.lookCloser(dir, name, &c.Record)
	}
	if info.Kind == meta.File {
		c.Stored = &catalog.Stored{
			Action: catalog.StoredCopy, Ino: info.Ino, Mode: info.Mode, UID: info.UID, GID: info.GID,
			Mtime: info.Mtime, Ctime: info.Ctime, Xattrs: c.Xattrs,
		}
	}
	return c, true
}

func lstat(dir *fsys.Dir, name string) (meta.Info, error) {
	if name == "" || name == "." {
		return dir.Stat()
	}
	return dir.Lstat(name)
}

func (w *walk) lookCloser(dir *fsys.Dir, name string, r *catalog.Record) {
	var err error
	if r.Kind == meta.Symlink {
		if r.Target, err = dir.Readlink(name); err != nil {
			w.fail(err)
		}
	}
	if name == "" || name == "." {
		r.Xattrs, err = dir.SelfXattrs()
	} else {
		r.Xattrs, err = dir.Xattrs(name)
	}
	if err != nil && fsys.ClassOf(err) != fsys.ClassUnsupported && !errors.Is(err, fsys.ErrUnsupported) {
		w.fail(err)
	}
}

// addSums gives files the hashes that their directory's SHA256SUMS tells. A
// name about which it contradicts itself has none, and so have all where it
// cannot be read.
func addSums(dir *fsys.Dir, children []child) {
	f, err := dir.OpenFile(sums.FileName)
	if err != nil {
		return
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Kind != meta.File {
		return
	}
	lines, _, err := sums.Parse(f)
	if err != nil {
		return
	}
	known := make(map[string]digest.Sum, len(lines))
	for _, l := range lines {
		if other, twice := known[l.Name]; twice && other != l.Sum {
			l.Sum = digest.Sum{}
		}
		known[l.Name] = l.Sum
	}
	for i := range children {
		if c := &children[i]; c.Kind == meta.File {
			c.SHA256 = known[path.Base(c.stored)]
		}
	}
}
