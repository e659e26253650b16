package repair

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
	"phlb/internal/vouch"
	"phlb/verify"
)

// place is one open directory of a snapshot with what its SHA256SUMS says.
type place struct {
	dir       *fsys.Dir
	lines     map[string][]digest.Sum
	isTrusted bool
}

// openPlace opens the directory at a path relative to top.
func openPlace(root *snapshot.Root, top *fsys.Dir, rel string) (*place, error) {
	dir, err := top.OpenDirAt(rel)
	if err != nil {
		return nil, err
	}
	p := &place{dir: dir, lines: map[string][]digest.Sum{}}
	if err := p.read(root); err != nil {
		dir.Close()
		return nil, err
	}
	return p, nil
}

// read takes the lines. Where there are none that can be read nothing is
// proven, which is no error.
func (p *place) read(root *snapshot.Root) error {
	f, err := p.dir.OpenFile(sums.FileName)
	if err != nil {
		return nil //nolint:nilerr // the judge has told
	}
	defer f.Close()
	file, err := f.Stat()
	if err != nil || file.Kind != meta.File {
		return err
	}
	above, err := p.dir.Stat()
	if err != nil {
		return err
	}
	p.isTrusted = root.Trusts(above, file)
	lines, _, err := sums.Parse(f)
	if err != nil {
		return nil //nolint:nilerr // what is half read must not prove anything
	}
	for _, l := range lines {
		if !slices.Contains(p.lines[l.Name], l.Sum) {
			p.lines[l.Name] = append(p.lines[l.Name], l.Sum)
		}
	}
	return nil
}

// examine opens the case: what the judge found is looked at again, together
// with all that is on record.
func (r *runner) examine(ctx context.Context, findings []verify.Finding) (*casebook, error) {
	c := &casebook{runner: r, inodes: map[inodeKey]*inode{}, known: map[string]bool{}}
	var p *place
	var at string
	for i := range findings {
		f := &findings[i]
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if !isContent(f.Kind) || f.Path == "." {
			continue
		}
		if dir := f.Snapshot + "/" + path.Dir(f.Path); p == nil || dir != at {
			if p != nil {
				p.dir.Close()
			}
			var err error
			if p, err = openPlace(r.root, r.root.Dir(), path.Clean(dir)); err != nil {
				p = nil
				r.reasons[f.Snapshot+"/"+f.Path] = "its directory cannot be opened: " + cause(err)
				continue
			}
			at = dir
		}
		if err := c.look(ctx, p, f); err != nil {
			p.dir.Close()
			return nil, err
		}
	}
	if p != nil {
		p.dir.Close()
	}
	if err := c.findOtherNames(ctx); err != nil {
		return nil, err
	}
	return c, c.addRecords(ctx)
}

// look takes up one finding.
func (c *casebook) look(ctx context.Context, p *place, f *verify.Finding) error {
	id, err := snapshot.ParseID(f.Snapshot)
	if err != nil {
		return err
	}
	s := &spot{id: id, rel: f.Path, isTrusted: p.isTrusted}
	name := path.Base(f.Path)
	s.lines = p.lines[name]
	if c.known[s.path()] || name == sums.FileName {
		return nil
	}
	s.info, err = p.dir.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) && f.Kind == verify.Missing:
		s.isMissing = true
		c.missing = append(c.missing, s)
	case err != nil:
		c.refuse(s, cause(err))
		return nil
	case f.Kind == verify.Missing || s.info.Kind != meta.File || s.info.Ino != f.Inode:
		c.refuse(s, whyMoved)
		return nil
	default:
		if err := c.addDamaged(ctx, p, s, f); err != nil {
			return err
		}
	}
	c.known[s.path()] = true
	return nil
}

// addDamaged adds a path of a damaged inode. What the judge could not read is
// read again: only a device that fails makes a file damaged, a missing
// permission does not.
func (c *casebook) addDamaged(ctx context.Context, p *place, s *spot, f *verify.Finding) error {
	key := keyOf(&s.info)
	n := c.inodes[key]
	if n == nil {
		n = &inode{key: key, actual: f.Actual}
		name := path.Base(s.rel)
		if f.Kind == verify.Unreadable {
			var err error
			n.actual, err = vouch.Hash(ctx, p.dir, name, &s.info, c.buf)
			switch {
			case ctx.Err() != nil:
				return ctx.Err()
			case err != nil && fsys.ClassOf(err) != fsys.ClassIO:
				c.refuse(s, "it cannot be read: "+cause(err))
				return nil
			}
		}
		var err error
		if n.xattrs, err = supported(p.dir.Xattrs(name)); err != nil {
			c.refuse(s, "its attributes cannot be read: "+cause(err))
			return nil
		}
		c.inodes[key] = n
	}
	n.spots = append(n.spots, s)
	return nil
}

// supported takes a file system that has no attributes for one without any.
func supported(x meta.Xattrs, err error) (meta.Xattrs, error) {
	if fsys.ClassOf(err) == fsys.ClassUnsupported {
		return nil, nil
	}
	return x, err
}

// findOtherNames sees to it that all names of the damaged inodes are known:
// those in snapshots that were not to be checked, and those without a finding.
func (c *casebook) findOtherNames(ctx context.Context) error {
	for _, n := range c.inodes {
		if uint64(len(n.spots)) < n.spots[0].info.Nlink {
			return c.surveyRoot(ctx)
		}
	}
	return nil
}

// cause is what the system said of an error; the path stands beside it
// anyway.
func cause(err error) string {
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return strings.TrimSpace(err.Error())
}
