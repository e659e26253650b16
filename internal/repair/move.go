package repair

import (
	"context"
	"errors"
	"io/fs"
	"strings"

	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/verify"
)

// mover makes the paths of a journal names of its new inode.
type mover struct {
	*workplace
	*journal
	// isWhole says that the new inode lies in the working directory.
	isWhole bool
	moved   []verify.Path
	left    map[string]string // path → why it was not moved
	// full: the new inode takes no further names; the links left need another
	// one.
	full []link
}

// run goes through the links directory by directory.
func (m *mover) run(ctx context.Context) error {
	m.left = map[string]string{}
	for i := 0; i < len(m.Links); {
		if err := ctx.Err(); err != nil {
			return err
		}
		dir := parentOf(string(m.Links[i].Path))
		end := i + 1
		for end < len(m.Links) && parentOf(string(m.Links[end].Path)) == dir {
			end++
		}
		if err := m.directory(dir, i, end); err != nil {
			return err
		}
		i = end
	}
	return nil
}

// directory deals with the links from begin to end, which are all in dir.
func (m *mover) directory(dir string, begin, end int) error {
	d, err := m.root.OpenDirAt(dir)
	switch fsys.ClassOf(err) {
	case fsys.ClassVanished, fsys.ClassPermission, fsys.ClassType:
		for _, l := range m.Links[begin:end] {
			m.left[string(l.Path)] = cause(err)
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close()
	for i := begin; i < end && err == nil; i++ {
		err = m.move(d, i)
	}
	// Whatever happened: the directory looks as it did before.
	err = errors.Join(err, m.putBack(d, dir))
	if err != nil {
		return err
	}
	return d.SyncNames()
}

// move makes one path a name of the new inode, unless it is one already or
// has become something else than it was.
func (m *mover) move(d *fsys.Dir, i int) error {
	l := m.Links[i]
	name := baseOf(string(l.Path))
	now, err := d.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		now = meta.Info{}
	case err != nil:
		return err
	case now.Ino == m.NewInode && now.Kind == meta.File:
		m.moved = append(m.moved, l.Path)
		return nil
	}
	if now.Ino != l.Inode || l.Inode != 0 && now.Kind != meta.File || !m.isWhole {
		m.left[string(l.Path)] = whyMoved
		return nil
	}
	if len(m.full) > 0 {
		m.full = append(m.full, l)
		return nil
	}
	return m.place(d, name, i)
}

// place renames a name of the new inode over the path. The last one is moved
// itself; the others get a name of their own first.
func (m *mover) place(d *fsys.Dir, name string, i int) error {
	from := newName
	if i < len(m.Links)-1 {
		err := m.link()
		switch {
		case fsys.ClassOf(err) == fsys.ClassLinkRefused:
			// It takes no more names: this path gets the last one.
		case err != nil:
			return err
		default:
			from = linkName
		}
	}
	err := m.rename(d, from, name)
	if fsys.ClassOf(err) == fsys.ClassPermission {
		m.left[string(m.Links[i].Path)] = cause(err)
		return nil
	}
	if err != nil {
		return err
	}
	m.moved = append(m.moved, m.Links[i].Path)
	if from == newName {
		m.isWhole = false
		m.full = append(m.full, m.Links[i+1:]...)
	}
	return nil
}

func (m *mover) link() error {
	if err := m.dir.Remove(linkName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return m.dir.Link(m.dir, newName, linkName)
}

// rename replaces a name in a snapshot. A directory that its owner may not
// write is made writable; putBack undoes that.
func (m *mover) rename(d *fsys.Dir, from, name string) error {
	err := m.dir.Rename(from, d, name)
	if fsys.ClassOf(err) != fsys.ClassPermission {
		return err
	}
	info, serr := d.Stat()
	if serr != nil || info.Mode&0o300 == 0o300 || d.Chmod(info.Mode|0o300) != nil {
		return err
	}
	return m.dir.Rename(from, d, name)
}

// putBack gives a directory the mode and the time that it had.
func (m *mover) putBack(d *fsys.Dir, path string) error {
	for i := range m.Dirs {
		was := &m.Dirs[i]
		if string(was.Path) != path {
			continue
		}
		now, err := d.Stat()
		if err != nil {
			return err
		}
		if now.Mode != uint32(was.Mode) {
			err = d.Chmod(uint32(was.Mode))
		}
		if now.Mtime != was.Mtime {
			terr := d.SetMtime(was.Mtime)
			if fsys.ClassOf(terr) == fsys.ClassPermission {
				// Whoever may write to a directory need not be its owner, who
				// alone may set its time.
				m.Repair.MetadataNotKept, terr = true, nil
			}
			err = errors.Join(err, terr)
		}
		return err
	}
	return nil
}

// parentOf and baseOf split a slash-separated path, byte for byte.
func parentOf(p string) string {
	i := strings.LastIndexByte(p, '/')
	if i < 0 {
		return "."
	}
	return p[:i]
}

func baseOf(p string) string { return p[strings.LastIndexByte(p, '/')+1:] }
