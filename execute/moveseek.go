package execute

import (
	"context"
	"errors"
	"path"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
)

// errNoMore ends reading when everything that is searched for was found.
var errNoMore = errors.New("all was found")

// seeker looks in one snapshot for the contents that a mover searches for,
// which do not change meanwhile. It writes nothing.
type seeker struct {
	*mover
	id    snapshot.ID
	found map[digest.Sum]string // paths below the root
	read  int64                 // records, or lines of SHA256SUMS
}

// seek reads the snapshot's catalogue or, as far as that is missing or
// damaged, its SHA256SUMS. Only the end of ctx is an error.
func (s *seeker) seek(ctx context.Context) error {
	if err := s.inCatalog(ctx); err != nil && !errors.Is(err, errNoMore) {
		s.inLists(ctx)
	}
	return ctx.Err()
}

func (s *seeker) inCatalog(ctx context.Context) error {
	native := s.root.HasReport(s.id)
	return s.eachRecord(ctx, s.id, func(rec *catalog.Record) error {
		if rec.Kind != meta.File {
			return nil
		}
		return s.see(rec.SHA256, func() string { return storedPath(rec, native) })
	})
}

func (s *seeker) inLists(ctx context.Context) {
	tree, err := s.root.OpenSnapshot(s.id)
	if err != nil {
		return
	}
	defer tree.Close()
	_ = s.eachListed(ctx, tree, ".", func(_ *fsys.Dir, rel, name string, sum digest.Sum) error {
		return s.see(sum, func() string { return path.Join(rel, name) })
	})
}

// see takes a file that is said to have a content. at is asked for its path in
// the snapshot.
func (s *seeker) see(sum digest.Sum, at func() string) error {
	s.read++
	c, ok := s.searched[sum]
	if !ok {
		return nil
	}
	if _, ok := s.found[sum]; ok {
		return nil
	}
	to := s.id.String() + "/" + at()
	if !s.isFile(to, c.size) {
		return nil
	}
	s.found[sum] = to
	if len(s.found) == len(s.searched) {
		return errNoMore
	}
	return nil
}
