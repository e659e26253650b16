package verify

import (
	"errors"
	"io"
	"io/fs"

	"phlb/internal/catalog"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
)

// cursor reads a catalogue in step with a walk over its snapshot.
type cursor struct{ *catalog.Cursor }

// openCursor returns nil without an error if there is no catalogue.
func openCursor(root *snapshot.Root, id snapshot.ID) (*cursor, error) {
	f, err := root.CatalogFile(id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	c, err := catalog.NewCursor(f, id.Name, id.Time)
	if err != nil {
		return nil, err
	}
	return &cursor{c}, nil
}

// usable reports whether the catalogue could be read so far.
func (c *cursor) usable() bool { return c != nil && c.Usable() }

// top takes the record of the snapshot itself.
func (c *cursor) top() bool {
	if c.Err != nil || c.Record.Path != "." || c.Record.Kind != meta.Dir {
		if c.Err == nil || c.Err == io.EOF {
			c.Err = errors.New("its first record is not that of the source")
		}
		return false
	}
	c.Next()
	return true
}

// take returns the record that Child told of.
func (c *cursor) take() record {
	r := record{kind: c.Record.Kind, sum: c.Record.SHA256, target: c.Record.Target}
	c.Next()
	return r
}
