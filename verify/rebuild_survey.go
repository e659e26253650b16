package verify

import (
	"cmp"
	"context"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/lookup"
	"phlb/internal/meta"
	"phlb/internal/sums"
)

// survey walks one snapshot in the order of its catalogue, after all of it
// was judged. It feeds the settler and, if there is a draft, the catalogue.
type survey struct {
	*settler
	tree  *tree
	draft *draft // nil: none is to be written
	err   error  // why the draft cannot become a whole catalogue
}

// position is a directory that is open only while something in it is looked
// at: trees can be deeper than a process may have files open.
type position struct {
	tree *tree
	path string
	open *fsys.Dir
	// lines is read when first needed.
	lines map[string]digest.Sum
}

func (p *position) dir() (*fsys.Dir, error) {
	var err error
	if p.open == nil {
		p.open, err = p.tree.dir.OpenDirAt(p.path)
	}
	return p.open, err
}

func (p *position) close() {
	if p.open != nil {
		p.open.Close()
		p.open = nil
	}
}

// line returns the hash that SHA256SUMS has for a name; zero: none.
func (p *position) line(name string) digest.Sum {
	if p.lines == nil {
		d, err := p.dir()
		if err != nil {
			return digest.Sum{}
		}
		s, _ := readChecksums(d, new(sums.Parser), nil) // judged before: what can be read counts
		p.lines = lineSums(s.lines)
	}
	return p.lines[name]
}

// fail notes that the catalogue would not be whole.
func (w *survey) fail(err error) { w.err = cmp.Or(w.err, err) }

func (w *survey) visit(ctx context.Context, stored, source string) {
	p := &position{tree: w.tree, path: stored}
	defer p.close()
	children, err := w.enter(p, source)
	if err != nil {
		w.fail(err)
		return
	}
	for i := range children {
		if w.ended(ctx) {
			return
		}
		c := &children[i]
		if c.kind == meta.Dir {
			p.close()
			w.visit(ctx, join(stored, c.name), join(source, c.source))
			continue
		}
		if err := w.look(p, c, join(source, c.source)); err != nil && !vanished(err) {
			w.fail(err)
		}
	}
}

// enter lists a directory and records it.
func (w *survey) enter(p *position, source string) ([]child, error) {
	d, err := p.dir()
	if err != nil {
		return nil, err
	}
	if w.draft != nil {
		if err := w.recordDir(d, source); err != nil {
			w.fail(err)
		}
	}
	return p.tree.list(d, nil)
}

func (w *survey) recordDir(d *fsys.Dir, source string) error {
	info, err := d.Stat()
	if err != nil {
		return err
	}
	x, err := supported(d.SelfXattrs())
	if err != nil {
		return err
	}
	return w.draft.add(source, &info, x, catalog.Record{})
}

// supported takes a file system that has no attributes for one without any.
func supported(x meta.Xattrs, err error) (meta.Xattrs, error) {
	if fsys.ClassOf(err) == fsys.ClassUnsupported {
		return nil, nil
	}
	return x, err
}

// look deals with anything but a directory.
func (w *survey) look(p *position, c *child, source string) error {
	d, err := p.dir()
	if err != nil {
		return err
	}
	info, err := d.Lstat(c.name)
	if err != nil {
		return err
	}
	var r catalog.Record
	switch info.Kind {
	case meta.File:
		r.SHA256 = w.file(p, c.name, &info)
	case meta.Symlink:
		if r.Target, err = d.Readlink(c.name); err != nil {
			return err
		}
	default:
		return nil // nothing that phlb or PHLB stores
	}
	if w.draft == nil {
		return nil
	}
	x, err := supported(d.Xattrs(c.name))
	if err != nil {
		return err
	}
	return w.draft.add(source, &info, x, r)
}

// file passes good content on to the lookups. It returns the hash if nothing
// contradicts it.
func (w *survey) file(p *position, name string, info *meta.Info) digest.Sum {
	sum, state := w.judge.inodes.get(keyOf(info))
	switch {
	case state&isBad != 0:
		return digest.Sum{}
	case state&isHashed == 0:
		if w.draft == nil {
			return digest.Sum{}
		}
		return p.line(name) // read and compared with this line before
	}
	if info.Size >= lookup.MinSize {
		w.add(sum, info.Size, w.tree.name+"/"+join(p.path, name))
	}
	return sum
}
