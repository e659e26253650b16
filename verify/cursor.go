package verify

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"phlb/internal/catalog"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
)

// cursor reads a catalogue in step with a walk over its snapshot. Once an
// error turned up it has no more records, and the walk goes on without.
type cursor struct {
	file    io.Closer
	reader  *catalog.Reader
	origin  string
	current catalog.Record
	err     error // io.EOF: read to its end
}

// openCursor returns nil without an error if there is no catalogue.
func openCursor(root *snapshot.Root, id snapshot.ID) (*cursor, error) {
	f, err := root.CatalogFile(id)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := catalog.NewReader(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	c := &cursor{file: f, reader: r, origin: r.Header().Origin}
	if h := r.Header(); h.Name != id.Name || h.Snapshot != id.Time {
		c.close()
		return nil, fmt.Errorf("it is the catalogue of %s/%s", h.Name, h.Snapshot)
	}
	c.next()
	return c, nil
}

func (c *cursor) close() {
	c.reader.Close()
	c.file.Close()
}

func (c *cursor) next() {
	if c.err == nil {
		c.err = c.reader.Next(&c.current)
	}
}

// usable reports whether the catalogue could be read so far.
func (c *cursor) usable() bool { return c != nil && (c.err == nil || c.err == io.EOF) }

// top takes the record of the snapshot itself.
func (c *cursor) top() bool {
	if c.err != nil || c.current.Path != "." || c.current.Kind != meta.Dir {
		if c.err == nil || c.err == io.EOF {
			c.err = errors.New("its first record is not that of the source")
		}
		return false
	}
	c.next()
	return true
}

// peek returns the source name of the next record if it is directly in dir.
func (c *cursor) peek(dir string) (name string, ok bool) {
	if c.err != nil {
		return "", false
	}
	name = c.current.Path
	if dir != "." {
		if name, ok = strings.CutPrefix(name, dir+"/"); !ok {
			return "", false
		}
	}
	if strings.Contains(name, "/") {
		c.err = fmt.Errorf("it lists %q without its directory", c.current.Path)
		return "", false
	}
	return name, true
}

// take returns the record that peek saw.
func (c *cursor) take() *record {
	r := &record{kind: c.current.Kind, sum: c.current.SHA256, target: c.current.Target}
	c.next()
	return r
}

// skip passes over what is below a path.
func (c *cursor) skip(path string) {
	for c.err == nil && strings.HasPrefix(c.current.Path, path+"/") {
		c.next()
	}
}

// failure returns what is wrong with the catalogue, as far as it was read.
func (c *cursor) failure() error {
	if c.usable() {
		return nil
	}
	return c.err
}
