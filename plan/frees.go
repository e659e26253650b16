package plan

import (
	"context"
	"errors"
	"io/fs"
	"path"

	"phlb/internal/catalog"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/scan"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
)

// frees counts, for each of the snapshots that go, the bytes that come free
// when those before it in the list are gone: of inodes all of whose links lie
// in snapshots that go, each counted where its last one does.
//
// What a neighbour that stays has at the same path in the same inode, as the
// catalogues say, is not even looked at, and neither is what the plan links
// to. Of everything else the link count is asked for.
func (r *retention) frees(ctx context.Context, going []goingSnapshot) ([]int64, error) {
	c := &freeCount{retention: r, open: map[inode]uint64{}}
	var freed []int64
	for _, g := range going {
		c.freed = 0
		if err := c.snapshot(ctx, g); err != nil {
			return nil, err
		}
		freed = append(freed, c.freed)
	}
	return freed, nil
}

// freeCount counts what comes free.
type freeCount struct {
	*retention
	freed int64
	// open holds how many links have been met of inodes that have more.
	open map[inode]uint64
	dir  *fsys.Dir // kept open: neighbours come together
	at   string
}

func (c *freeCount) snapshot(ctx context.Context, g goingSnapshot) error {
	own := openCatalogOf(c.build.root, g.id)
	if own == nil {
		return c.walk(ctx, g.id)
	}
	defer own.Close()
	defer c.leave()
	var beside []*catalogParent
	for _, id := range g.neighbours {
		if n := openCatalogOf(c.build.root, id); n != nil {
			defer n.Close()
			beside = append(beside, n)
		}
	}
	native := own.exact || c.build.root.HasReport(g.id)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		rec, err := own.Peek()
		if err != nil || rec == nil {
			return nil //nolint:nilerr // damaged: it is an estimate
		}
		if err := c.record(rec, g.id, native, beside); err != nil {
			return err
		}
		own.Advance()
	}
}

// record counts one path of a catalogue.
func (c *freeCount) record(rec *catalog.Record, id snapshot.ID, native bool, beside []*catalogParent) error {
	p := rec.Path
	if native {
		p = sums.StoredPath(p)
	}
	switch rec.Kind {
	case meta.Dir:
		return c.lookAt(path.Join(id.String(), p), sums.FileName)
	case meta.File:
		if sharedWith(rec, beside) || c.isLinked(id.String()+"/"+p) {
			return nil
		}
		dir, name := path.Split(id.String() + "/" + p)
		return c.lookAt(dir[:len(dir)-1], name)
	}
	return nil
}

// sharedWith reports whether one of the catalogues has the record's inode at
// the same path.
func sharedWith(rec *catalog.Record, beside []*catalogParent) bool {
	if rec.Stored == nil || rec.Stored.Ino == 0 {
		return false
	}
	for _, n := range beside {
		if other := n.seek(rec.Path); other != nil && other.Stored != nil && other.Stored.Ino == rec.Stored.Ino {
			return true
		}
	}
	return false
}

// seek moves to a path and returns its record, nil if there is none. Paths
// that are asked for ascend.
func (p *catalogParent) seek(path string) *catalog.Record {
	for {
		rec, err := p.Peek()
		if err != nil || rec == nil {
			return nil // a damaged catalogue has nothing more to tell
		}
		if order := meta.ComparePaths(rec.Path, path); order >= 0 {
			if order > 0 {
				return nil
			}
			return rec
		}
		p.Advance()
	}
}

// lookAt counts a stored file. What is not there frees nothing.
func (c *freeCount) lookAt(dir, name string) error {
	if c.dir == nil || c.at != dir {
		c.leave()
		d, err := c.build.root.Dir().OpenDirAt(dir)
		if err != nil {
			return unlessGone(err)
		}
		c.dir, c.at = d, dir
	}
	info, err := c.dir.Lstat(name)
	if err != nil {
		return unlessGone(err)
	}
	c.count(&info)
	return nil
}

func (c *freeCount) leave() {
	if c.dir != nil {
		c.dir.Close()
		c.dir = nil
	}
}

// unlessGone lets pass what somebody removed, replaced or closed: a plan does
// not fail because an old snapshot is not whole.
func unlessGone(err error) error {
	switch fsys.ClassOf(err) {
	case fsys.ClassVanished, fsys.ClassType, fsys.ClassPermission:
		return nil
	}
	return err
}

// count counts one link of an inode.
func (c *freeCount) count(info *meta.Info) {
	if info.Kind != meta.File {
		return
	}
	key := inode{info.Dev, info.Ino}
	if info.Nlink > 1 {
		if c.open[key]++; c.open[key] < info.Nlink {
			return
		}
		delete(c.open, key)
	}
	if info.Sparse() {
		c.freed += info.Blocks * statBlock
	} else {
		c.freed += info.Size
	}
}

// walk counts all files of a snapshot that has no catalogue.
func (c *freeCount) walk(ctx context.Context, id snapshot.ID) error {
	dir, err := c.build.root.OpenSnapshot(id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // removed meanwhile
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	return scan.Walk(ctx, dir, scan.Options{Workers: max(c.build.opts.Workers, 1)}, func(e *scan.Entry) error {
		if e.Skip == "" && !c.isLinked(id.String()+"/"+e.Path) {
			c.count(&e.Info)
		}
		return nil
	})
}

// openCatalogOf opens a snapshot's catalogue; nil: there is none that could
// be believed.
func openCatalogOf(root *snapshot.Root, id snapshot.ID) *catalogParent {
	f, err := root.CatalogFile(id)
	if err != nil {
		return nil
	}
	return newCatalogParent(id, f)
}
