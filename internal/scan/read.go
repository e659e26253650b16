package scan

import (
	"slices"
	"strings"
	"sync"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// reader does the workers' part: it lists directories and looks at names.
type reader struct {
	*Options
	schedule *schedule
	dirs     *openDirs
	device   uint64    // the source's
	lists    sync.Pool // of *[]fsys.DirEntry, empty
}

// read reads one piece.
func (r *reader) read(p *piece) {
	dir, err := r.dirs.acquire(p.node)
	if err != nil {
		r.fail(p, err)
		r.dirs.abandon(p)
		return
	}
	if p.lists {
		r.listAndLook(dir, p)
	} else {
		r.look(dir, p)
	}
	r.dirs.release(p)
}

// fail gives what could not be opened its reason: the directory, or the
// names of it that are not looked at yet.
func (r *reader) fail(p *piece, err error) {
	reason := r.reason(err)
	if p.lists {
		p.node.skip, p.node.err = reason, err
		return
	}
	p.children = r.schedule.blanks.take(p.to - p.from)
	for i, e := range p.node.names[p.from:p.to] {
		c := &p.children[i]
		c.Path, c.Kind, c.Skip = e.Name, e.Kind, reason
	}
}

// reason is reasonOf for errors that are about the path. Running out of
// descriptors or memory is not: it ends the walk, since a file must not be
// missing from a backup because of it.
func (r *reader) reason(err error) string {
	if fsys.ClassOf(err) == fsys.ClassExhausted {
		r.schedule.fail(err)
	}
	return reasonOf(err)
}

// listAndLook reads the first piece of a directory. Its list is lent unless
// other pieces need it, too.
func (r *reader) listAndLook(dir *fsys.Dir, p *piece) {
	n := p.node
	list := r.lists.Get()
	if list == nil {
		list = new([]fsys.DirEntry)
	}
	lent := list.(*[]fsys.DirEntry)
	shared := r.list(dir, p, lent)
	r.look(dir, p)
	if shared {
		return
	}
	n.names = nil
	clear(*lent)
	*lent = (*lent)[:0]
	r.lists.Put(lent)
}

// list reads the directory's own metadata and its names, and reports whether
// there are further pieces of them.
func (r *reader) list(dir *fsys.Dir, p *piece, lent *[]fsys.DirEntry) (shared bool) {
	n := p.node
	if err := r.open(dir, n, lent); err != nil {
		n.skip, n.err = r.reason(err), err
	}
	if n.skip != "" {
		return false
	}
	n.names = r.only(n, *lent)
	size := min(maxPiece, r.MaxAhead)
	p.to = min(size, len(n.names))
	more := len(n.names) - p.to
	if more > 0 {
		r.dirs.need(n, (more+size-1)/size)
		r.schedule.listed(n, size)
	}
	return more > 0
}

// open looks at the opened directory itself, which may be another one than
// the name stood for when its parent was read: a file system may have been
// mounted by the very opening.
func (r *reader) open(dir *fsys.Dir, n *node, names *[]fsys.DirEntry) (err error) {
	if n.info, err = dir.Stat(); err != nil {
		return err
	}
	if n.parent != nil {
		n.skip = r.refuse(&n.info)
	}
	if n.skip != "" {
		return nil
	}
	if *names, err = dir.AppendDir(*names); err != nil {
		return err
	}
	sortEntries(*names)
	if n.parent != nil {
		n.skip = r.marked(dir, *names)
	}
	if n.skip == "" && r.Xattrs != XattrsNone {
		n.xattrs, err = supported(dir.SelfXattrs())
	}
	return err
}

// only returns of a directory's names the one that leads to what is asked for.
func (r *reader) only(n *node, names []fsys.DirEntry) []fsys.DirEntry {
	if r.Only == "" {
		return names
	}
	rest, below := strings.CutPrefix(r.Only, r.prefix(n))
	if !below {
		return nil // it is the directory itself
	}
	name, _, _ := strings.Cut(rest, "/")
	i, found := slices.BinarySearchFunc(names, name, func(e fsys.DirEntry, name string) int { return strings.Compare(e.Name, name) })
	if !found {
		return nil
	}
	return names[i : i+1]
}

func sortEntries(names []fsys.DirEntry) {
	slices.SortFunc(names, func(a, b fsys.DirEntry) int { return strings.Compare(a.Name, b.Name) })
}

// look looks at the piece's names.
func (r *reader) look(dir *fsys.Dir, p *piece) {
	prefix := ""
	if r.Excludes != nil && r.Excludes.byPath {
		prefix = r.prefix(p.node)
	}
	p.children = r.schedule.blanks.take(p.to - p.from)
	for i, e := range p.node.names[p.from:p.to] {
		if i%64 == 0 && r.schedule.stopped.Load() {
			return
		}
		c := &p.children[i]
		c.Path, c.Kind = e.Name, e.Kind
		if c.Skip = r.judge(dir, prefix, c); c.Skip == "" && c.Kind == meta.Dir {
			c.node = newNode(p.node, c)
			p.subdirs++
		}
		c.drop = c.Kind == meta.File && slices.Contains(r.Drop, Identity{Dev: c.Dev, Ino: c.Ino})
	}
}

// prefix is what stands before the names of n in paths.
func (r *reader) prefix(n *node) string {
	b := n.appendPath(nil)
	if len(b) > 0 {
		b = append(b, '/')
	}
	return string(b)
}

// judge fills in c and returns why it is skipped, "" if it is not.
func (r *reader) judge(dir *fsys.Dir, prefix string, c *child) (skip string) {
	listedDir := c.Kind == meta.Dir
	skip = r.excluded(prefix, c.Path, listedDir)
	if skip != "" && listedDir {
		return skip // not even looked at: it may be excluded because that hangs
	}
	info, err := dir.Lstat(c.Path)
	if err == nil {
		c.Info = info
		if isDir := info.Kind == meta.Dir; isDir != listedDir {
			skip = r.excluded(prefix, c.Path, isDir)
		}
	}
	switch {
	case skip != "":
		return skip
	case err != nil:
		return r.reason(err)
	}
	return r.inspect(dir, c)
}

func (r *reader) excluded(prefix, name string, isDir bool) string {
	if r.Excludes == nil {
		return ""
	}
	path := name
	if prefix != "" {
		path = prefix + name
	}
	if i, excluded := r.Excludes.match(path, name, isDir); excluded {
		return r.Excludes.reasons[i]
	}
	return ""
}

// inspect does what the kind of c asks for.
func (r *reader) inspect(dir *fsys.Dir, c *child) (skip string) {
	var err error
	switch c.Kind {
	case meta.File:
		if skip := r.refuseFile(dir, c); skip != "" {
			return skip
		}
		if r.Xattrs == XattrsAll {
			c.Xattrs, err = supported(dir.Xattrs(c.Path))
		}
	case meta.Dir:
		return r.refuse(&c.Info)
	case meta.Symlink:
		if c.Target, err = dir.Readlink(c.Path); err == nil && r.Xattrs != XattrsNone {
			c.Xattrs, err = supported(dir.Xattrs(c.Path))
		}
	case meta.Socket, meta.Fifo, meta.Device:
		return c.Kind.String()
	default:
		return unreadable + "unknown kind of file"
	}
	if err != nil {
		return r.reason(err)
	}
	return ""
}
