package execute

import (
	"errors"
	"io/fs"

	"phlb/internal/catalog"
	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// merge walks through the parent's catalogue in step with the plan.
type merge struct {
	file   *fsys.File
	reader *catalog.Reader
	rec    catalog.Record
	valid  bool // rec holds the record that find has not passed yet
}

// openMerge opens the parent's catalogue. Without one links are vouched for
// by SHA256SUMS or by reading, so that is no error.
func (b *builder) openMerge() (*merge, error) {
	m := &merge{}
	if b.parent == nil {
		return m, nil
	}
	f, err := b.root.CatalogFile(b.src.parent)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := catalog.NewReader(f)
	if err != nil {
		f.Close()
		b.log.Warn("catalogue not usable", "snapshot", b.src.parent.String(), "error", err)
		return m, nil
	}
	m.file, m.reader = f, r
	return m, nil
}

// find returns the record of a path; paths must come in ascending order. Nil:
// the catalogue has none, or is damaged from there on.
func (m *merge) find(path string) *catalog.Record {
	for m.reader != nil {
		if !m.valid {
			m.reader.Expect(path)
			if err := m.reader.Next(&m.rec); err != nil {
				m.close()
				return nil //nolint:nilerr // at its end, or damaged: the rest vouches for nothing
			}
			m.valid = true
		}
		switch c := meta.ComparePaths(m.rec.Path, path); {
		case c == 0:
			return &m.rec
		case c > 0:
			return nil
		}
		m.valid = false
	}
	return nil
}

func (m *merge) close() {
	if m.reader == nil {
		return
	}
	m.reader.Close()
	m.file.Close()
	m.reader = nil
}
