package execute

import (
	"context"
	"errors"
	"path"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/lookup"
	"phlb/internal/meta"
	"phlb/internal/sums"
	"phlb/internal/vouch"
)

// errAll begins anew and looks at the entry of every file.
var errAll = errors.New("the lookups point here in masses")

// recorded goes through the snapshot's catalogue.
func (m *mover) recorded(ctx context.Context) error {
	s := sampler{}
	return m.eachRecord(ctx, m.id, func(rec *catalog.Record) error {
		if rec.Kind != meta.File || rec.Size < lookup.MinSize {
			return nil
		}
		c := content{path: storedPath(rec, m.native), sum: rec.SHA256, size: rec.Size}
		if !m.mayPointHere(rec) {
			if s.takes() && m.pointsHere(&c) {
				return errAll
			}
			return nil
		}
		return m.add(ctx, c)
	})
}

// storedPath is a record's path in the snapshot. native says that the
// catalogue tells the source's names.
func storedPath(rec *catalog.Record, native bool) string {
	if rec.Stored != nil || native {
		return sums.StoredPath(rec.Path)
	}
	return rec.Path
}

func (m *mover) mayPointHere(rec *catalog.Record) bool {
	if m.all || rec.Stored == nil || rec.Stored.Action != catalog.StoredLink {
		return true
	}
	_, ok := m.listed[rec.SHA256]
	return ok
}

// sampler takes the first of many things and ever fewer of the later ones.
type sampler struct{ seen, next int }

func (s *sampler) takes() bool {
	s.seen++
	if s.seen <= s.next {
		return false
	}
	s.next = s.seen + s.seen/8
	return true
}

func (m *mover) pointsHere(c *content) bool {
	old, ok, err := m.lookups.Get(c.sum)
	return err == nil && ok && old == m.place(c)
}

// place is where a content's file was published.
func (m *mover) place(c *content) string { return m.id.String() + "/" + c.path }

// walked goes through the snapshot's SHA256SUMS.
func (m *mover) walked(ctx context.Context) error {
	return m.eachListed(ctx, m.tree, ".", func(dir *fsys.Dir, rel, name string, sum digest.Sum) error {
		st, err := dir.Lstat(name)
		if err != nil || st.Kind != meta.File || st.Size < lookup.MinSize {
			return nil //nolint:nilerr // the entry then points to nothing
		}
		return m.add(ctx, content{path: path.Join(rel, name), sum: sum, size: st.Size})
	})
}

// eachListed goes through the lines of a directory's SHA256SUMS and those
// below it, as far as they can be trusted. What cannot be read is passed over.
func (r *runner) eachListed(ctx context.Context, tree *fsys.Dir, rel string, each func(dir *fsys.Dir, rel, name string, sum digest.Sum) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	subs, err := r.listedIn(tree, rel, each)
	if err != nil {
		return err
	}
	for _, sub := range subs {
		if err := r.eachListed(ctx, tree, path.Join(rel, sub), each); err != nil {
			return err
		}
	}
	return nil
}

// listedIn is eachListed for one directory, and returns those in it.
func (r *runner) listedIn(tree *fsys.Dir, rel string, each func(dir *fsys.Dir, rel, name string, sum digest.Sum) error) (subs []string, err error) {
	dir, err := tree.OpenDirAt(rel)
	if err != nil {
		return nil, nil //nolint:nilerr // some entries then point to nothing
	}
	defer dir.Close()
	lines, err := vouch.Trusted(r.root, dir)
	if err != nil {
		lines = nil // likewise
	}
	for name, sum := range lines {
		if err := each(dir, rel, name, sum); err != nil {
			return nil, err
		}
	}
	list, err := dir.ReadDir()
	if err != nil {
		return nil, nil //nolint:nilerr // likewise
	}
	for _, e := range list {
		if e.Kind == meta.Dir {
			subs = append(subs, e.Name)
		}
	}
	return subs, nil
}
