package plan

import (
	"context"
	"errors"
	"io"
	"io/fs"

	"phlb/internal/catalog"
	"phlb/internal/fsys"
	"phlb/internal/snapshot"
)

// parent streams what the parent snapshot holds, in path order.
type parent interface {
	// Peek returns the current record, nil at the end. It is valid until the
	// Peek after the next Advance. Soon after the context ends that the parent
	// was opened with, there is its error instead of records.
	Peek() (*catalog.Record, error)
	Advance()
	// Exact reports whether the records tell a source file's identity, so
	// that an unchanged one need not be read.
	Exact() bool
	Close()
}

// openParent opens the parent's catalogue, or walks the snapshot itself where
// there is none or it is damaged.
//
// native says that phlb, not PHLB, made the parent: then stored names may have
// a ".source" more than the source's.
func (s *sourceBuild) openParent(ctx context.Context) (p parent, native bool, err error) {
	if s.Parent == nil {
		return noParent{}, false, nil
	}
	c, err := s.openCatalog()
	if err != nil {
		return nil, false, err
	}
	if c != nil {
		return decodeAhead(ctx, c), c.exact || s.root.HasReport(s.parentID), nil
	}
	native = s.root.HasReport(s.parentID)
	p, err = s.walkParent(ctx, native)
	return p, native, err
}

// startIndex has a reader make the index of the parent snapshot, for when it
// will be needed.
func (s *sourceBuild) startIndex(ctx context.Context) (err error) {
	if s.oldIndex != nil {
		return nil
	}
	s.oldIndex, err = start(ctx, s.build, taskBytes, func(*fileReader) (*index, error) {
		p, _, err := s.openParent(ctx)
		if err != nil {
			return nil, err
		}
		defer p.Close()
		return indexParent(s.keys, p)
	})
	return err
}

// parentIndex returns the index of the parent snapshot.
func (s *sourceBuild) parentIndex(ctx context.Context) (*index, error) {
	if err := s.startIndex(ctx); err != nil {
		return nil, err
	}
	return s.oldIndex.wait()
}

// openCatalog opens the parent's catalogue; nil without an error: there is
// none that could be believed.
func (s *sourceBuild) openCatalog() (*catalogParent, error) {
	if s.distrusted[s.parentID] {
		return nil, nil
	}
	f, err := s.root.CatalogFile(s.parentID)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return newCatalogParent(s.parentID, f), nil
}

// newCatalogParent reads a catalogue, and closes f with it; nil: it is none,
// which is as good as none at all.
func newCatalogParent(id snapshot.ID, f *fsys.File) *catalogParent {
	r, err := catalog.NewReader(f)
	if err != nil {
		f.Close()
		return nil
	}
	return &catalogParent{id: id, file: f, reader: r, exact: r.Header().Origin == catalog.OriginApply}
}

type noParent struct{}

func (noParent) Peek() (*catalog.Record, error) { return nil, nil }
func (noParent) Advance()                       {}
func (noParent) Exact() bool                    { return false }
func (noParent) Close()                         {}

type catalogParent struct {
	id     snapshot.ID
	file   *fsys.File
	reader *catalog.Reader
	rec    catalog.Record
	have   bool
	end    bool
	exact  bool
}

func (p *catalogParent) Peek() (*catalog.Record, error) {
	if p.have || p.end {
		return p.current(), nil
	}
	switch err := p.reader.Next(&p.rec); {
	case err == io.EOF:
		p.end = true
	case err != nil:
		return nil, &damagedCatalog{p.id, err}
	default:
		p.have = true
	}
	return p.current(), nil
}

func (p *catalogParent) current() *catalog.Record {
	if !p.have {
		return nil
	}
	return &p.rec
}

func (p *catalogParent) Advance()    { p.have = false }
func (p *catalogParent) Exact() bool { return p.exact }

func (p *catalogParent) Close() {
	p.reader.Close()
	p.file.Close()
}
