package catalog

import (
	"fmt"
	"io"
	"strings"

	"phlb/internal/meta"
)

// Cursor reads a catalogue in step with a walk over its snapshot. Once an
// error turned up it has no more records, and the walk goes on without.
type Cursor struct {
	// Record is the next one. Reading on writes over what it points to.
	Record Record
	// Err is why there is none; io.EOF: everything was read.
	Err error

	file   io.Closer
	reader *Reader
	from   Source
}

// Source gives one record after the other, as Reader.Next does.
type Source interface{ Next(r *Record) error }

// NewCursor reads the catalogue of a snapshot up to its first record. It
// closes file, even when it fails.
func NewCursor(file io.ReadCloser, name, time string) (*Cursor, error) {
	reader, err := NewReader(file)
	if err != nil {
		file.Close()
		return nil, err
	}
	c := &Cursor{file: file, reader: reader, from: reader}
	if h := reader.Header(); h.Name != name || h.Snapshot != time {
		c.Close()
		return nil, fmt.Errorf("it is the catalogue of %s/%s", h.Name, h.Snapshot)
	}
	c.Next()
	return c, nil
}

// Close gives up what the cursor holds. Nothing was written.
func (c *Cursor) Close() {
	c.reader.Close()
	c.file.Close()
}

// Header returns what stands before the records.
func (c *Cursor) Header() Header { return c.reader.Header() }

// Next goes on to the next record.
func (c *Cursor) Next() {
	if c.Err == nil {
		c.Err = c.from.Next(&c.Record)
	}
}

// Restart goes back to the first record. All of them come from the source now,
// to which they were given as they were read.
func (c *Cursor) Restart(from Source) {
	c.from, c.Record, c.Err = from, Record{}, nil
	c.Next()
}

// Usable reports whether the catalogue could be read so far; a nil Cursor
// stands for none.
func (c *Cursor) Usable() bool { return c != nil && (c.Err == nil || c.Err == io.EOF) }

// Failure returns what is wrong with the catalogue, as far as it was read.
func (c *Cursor) Failure() error {
	if c == nil || c.Usable() {
		return nil
	}
	return c.Err
}

// Child returns the name of the next record if it is directly in dir, a path
// as the catalogue has it.
func (c *Cursor) Child(dir string) (name string, ok bool) {
	if c == nil || c.Err != nil {
		return "", false
	}
	name, ok = below(c.Record.Path, dir)
	if !ok {
		return "", false
	}
	if strings.Contains(name, "/") {
		c.Err = fmt.Errorf("it lists %q without its directory", c.Record.Path)
		return "", false
	}
	return name, true
}

// below returns the part of a path that follows a directory.
func below(path, dir string) (rest string, ok bool) {
	if dir == "." {
		return path, true
	}
	rest, ok = strings.CutPrefix(path, dir)
	if !ok || rest == "" || rest[0] != '/' {
		return "", false
	}
	return rest[1:], true
}

// SkipBelow passes over what is below a path.
func (c *Cursor) SkipBelow(path string) {
	for c.Err == nil && strings.HasPrefix(c.Record.Path, path+"/") {
		c.Next()
	}
}

// SkipBelowChild is SkipBelow for a name in a directory, without an allocation.
func (c *Cursor) SkipBelowChild(dir, name string) {
	for c.Err == nil {
		inside, ok := below(c.Record.Path, dir)
		if !ok {
			return
		}
		if _, ok := below(inside, name); !ok {
			return
		}
		c.Next()
	}
}

// SkipTo passes over everything before a path, and reports whether the next
// record is the path's.
func (c *Cursor) SkipTo(path string) bool {
	for c.Err == nil && meta.ComparePaths(c.Record.Path, path) < 0 {
		c.Next()
	}
	return c.Err == nil && c.Record.Path == path
}
