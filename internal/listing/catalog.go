package listing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"phlb/internal/catalog"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
)

// fromCatalog reads a catalogue.
type fromCatalog struct {
	stream *Stream
	file   *fsys.File
	reader *catalog.Reader
	header catalog.Header
	top    string // where to begin, as in the source
	sample sample
	check  Check
}

// openCatalog returns nil without an error where there is no catalogue, and
// a *Distrusted for one that cannot be used.
func openCatalog(root *snapshot.Root, id snapshot.ID, o *Options) (*fromCatalog, error) {
	f, err := root.CatalogFile(id)
	if errors.Is(err, fs.ErrNotExist) || fsys.ClassOf(err) == fsys.ClassPermission {
		return nil, nil
	}
	if err != nil {
		return nil, &Distrusted{id, "it cannot be read", err}
	}
	r, err := catalog.NewReader(f)
	if err != nil {
		f.Close()
		return nil, &Distrusted{id, "it is damaged", err}
	}
	c := &fromCatalog{file: f, reader: r, header: r.Header(), check: o.Check}
	if h := c.header; h.Name != id.Name || h.Snapshot != id.Time {
		c.close()
		return nil, &Distrusted{id, fmt.Sprintf("it is that of %s/%s", h.Name, h.Snapshot), errOther}
	}
	return c, nil
}

var errOther = errors.New("the catalogue of another snapshot")

func (c *fromCatalog) begin(s *Stream, o *Options) {
	c.stream, c.top = s, "."
	if o.Path != "" {
		c.top = s.SourcePath(o.Path)
	}
}

func (c *fromCatalog) close() {
	c.reader.Close()
	c.file.Close()
}

func (c *fromCatalog) next(_ context.Context, e *Entry) error {
	for {
		err := c.reader.Next(&e.Record)
		switch {
		case err == io.EOF:
			return c.end()
		case err != nil:
			return &Distrusted{c.stream.id, "it is damaged", err}
		}
		in, behind := within(c.top, e.Path)
		if behind {
			return c.end()
		}
		if in {
			e.Dev, e.Nlink = 0, 0
			if c.check == Identity && e.Kind == meta.File && (e.Stored == nil || e.Stored.Ino == 0) {
				return &Distrusted{c.stream.id, "it does not know the inodes", errOther}
			}
			c.sample.add(&e.Record)
			return nil
		}
	}
}

// within reports whether path is top or below it, or comes after all that is.
func within(top, path string) (in, behind bool) {
	if top == "." || path == top || strings.HasPrefix(path, top+"/") {
		return true, false
	}
	return false, meta.ComparePaths(path, top) > 0
}

// end compares the sample with the files.
func (c *fromCatalog) end() error {
	if why := c.sample.contradicted(c.stream, c.check); why != "" {
		return &Distrusted{c.stream.id, why, nil}
	}
	return io.EOF
}
