package scan

import (
	"slices"
	"strings"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// reader does the workers' part: it lists directories and looks at names. It
// holds no state of its own.
type reader struct {
	*Options
	schedule *schedule
	dirs     *openDirs
	device   uint64 // the source's
}

// read reads one piece and hands it on.
func (r *reader) read(p *piece) {
	n := p.node
	dir, err := r.dirs.acquire(n)
	if p.lists && n.parent != nil {
		r.dirs.need(n.parent, -1)
	}
	if err != nil {
		r.fail(p, err)
	} else {
		if p.lists {
			r.list(dir, p)
		}
		r.look(dir, p)
		r.dirs.need(n, p.subdirs()-1)
		r.dirs.release(n)
	}
	r.schedule.finish(p)
}

// fail gives what could not be opened its reason: the directory, or the
// names of it that are not looked at yet.
func (r *reader) fail(p *piece, err error) {
	r.dirs.need(p.node, -1)
	reason := r.reason(err)
	if p.lists {
		p.node.skip, p.node.err = reason, err
		return
	}
	for _, e := range p.node.names[p.from:p.to] {
		p.children = append(p.children, child{name: e.Name, info: meta.Info{Kind: e.Kind}, skip: reason})
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

// list reads the directory's own metadata and its names.
func (r *reader) list(dir *fsys.Dir, p *piece) {
	n := p.node
	names, err := r.open(dir, n)
	if err != nil {
		n.skip, n.err = r.reason(err), err
	}
	if n.skip != "" {
		return
	}
	n.names = names
	size := min(maxPiece, r.MaxAhead)
	p.to = min(size, len(names))
	if more := len(names) - p.to; more > 0 {
		r.dirs.need(n, (more+size-1)/size)
		r.schedule.listed(n, size)
	}
}

// open looks at the opened directory itself, which may be another one than
// the name stood for when its parent was read: a file system may have been
// mounted by the very opening.
func (r *reader) open(dir *fsys.Dir, n *node) (names []fsys.DirEntry, err error) {
	if n.info, err = dir.Stat(); err != nil {
		return nil, err
	}
	if n.parent != nil {
		n.skip = r.refuse(&n.info)
	}
	if n.skip == "" {
		names, err = dir.ReadDir()
	}
	if n.skip != "" || err != nil {
		return nil, err
	}
	slices.SortFunc(names, func(a, b fsys.DirEntry) int { return strings.Compare(a.Name, b.Name) })
	if n.parent != nil {
		n.skip = r.marked(dir, names)
	}
	if n.skip == "" && r.Xattrs != XattrsNone {
		n.xattrs, err = supported(dir.SelfXattrs())
	}
	return names, err
}

// look looks at the piece's names.
func (r *reader) look(dir *fsys.Dir, p *piece) {
	prefix := ""
	if r.Excludes != nil && r.Excludes.byPath {
		prefix = r.prefix(p.node)
	}
	p.children = make([]child, p.to-p.from)
	for i, e := range p.node.names[p.from:p.to] {
		if i%64 == 0 && r.schedule.halted() {
			return
		}
		c := &p.children[i]
		c.name, c.info.Kind = e.Name, e.Kind
		if c.skip = r.judge(dir, prefix, c); c.skip == "" && c.info.Kind == meta.Dir {
			c.node = newNode(p.node, c)
		}
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
	listedDir := c.info.Kind == meta.Dir
	skip = r.excluded(prefix, c.name, listedDir)
	if skip != "" && listedDir {
		return skip // not even looked at: it may be excluded because that hangs
	}
	info, err := dir.Lstat(c.name)
	if err == nil {
		c.info = info
		if isDir := info.Kind == meta.Dir; isDir != listedDir {
			skip = r.excluded(prefix, c.name, isDir)
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
	switch c.info.Kind {
	case meta.File:
		if skip := r.refuseFile(dir, c); skip != "" {
			return skip
		}
		if r.Xattrs == XattrsAll {
			c.xattrs, err = supported(dir.Xattrs(c.name))
		}
	case meta.Dir:
		return r.refuse(&c.info)
	case meta.Symlink:
		if c.target, err = dir.Readlink(c.name); err == nil && r.Xattrs != XattrsNone {
			c.xattrs, err = supported(dir.Xattrs(c.name))
		}
	case meta.Socket, meta.Fifo, meta.Device:
		return c.info.Kind.String()
	default:
		return unreadable + "unknown kind of file"
	}
	if err != nil {
		return r.reason(err)
	}
	return ""
}
