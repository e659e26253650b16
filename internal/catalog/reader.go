package catalog

import (
	"errors"
	"fmt"
	"io"

	"phlb/internal/jsonl"
	"phlb/internal/meta"
)

// Reader reads a catalogue record by record.
type Reader struct {
	plain   io.ReadCloser
	in      *jsonl.Input
	dec     jsonl.Decoder
	header  Header
	trailer Trailer
	line    line
	last    string
	entries int64
	err     error // sticks; io.EOF after the trailer
}

// NewReader reads the header. The caller closes the Reader, which does not
// close r.
func NewReader(r io.Reader) (*Reader, error) {
	plain, err := jsonl.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("read catalogue: %w", err)
	}
	c := &Reader{plain: plain, in: jsonl.NewInput(plain, maxLine, jsonl.Tap{})}
	if err := c.readHeader(); err != nil {
		return nil, errors.Join(c.located(err), plain.Close())
	}
	return c, nil
}

func (c *Reader) readHeader() error {
	if err := c.in.Take(&c.dec, func() { decodeHeader(&c.dec, &c.header) }); err != nil {
		return err
	}
	return checkFormat(&c.header)
}

func (c *Reader) located(err error) error {
	return fmt.Errorf("read catalogue: line %d: %w", c.in.Line(), err)
}

// Header returns the catalogue's first line.
func (c *Reader) Header() Header { return c.header }

// Trailer returns the last line. It is zero until Next has returned io.EOF.
func (c *Reader) Trailer() Trailer { return c.trailer }

// Close gives the reader's memory back.
func (c *Reader) Close() error { return c.plain.Close() }

// Expect says which path the next records are likely to have: one that does
// shares its memory.
func (c *Reader) Expect(path string) { c.line.expected = path }

// Next reads the next record into r. It returns io.EOF itself after the last
// one, if the trailer is there and agrees; an error that wraps
// io.ErrUnexpectedEOF if it is missing. Every error is final, and r is then as
// it was.
//
// The reader writes over what r.Stored points to. A caller that hands in the
// same r again, which saves an allocation a file, must not hold on to Stored;
// a copy of *Stored, and everything else in a record, may be kept.
func (c *Reader) Next(r *Record) error {
	if c.err == nil {
		c.err = c.next(r)
		if c.err != nil && c.err != io.EOF {
			c.err = c.located(c.err)
		}
	}
	return c.err
}

func (c *Reader) next(r *Record) error {
	n, err := c.in.Decode(&c.dec, func() { c.line.decode(&c.dec) })
	if err != nil {
		return err
	}
	if c.line.seen&keyEnd != 0 {
		return c.end()
	}
	if path := c.line.record.Path; c.entries > 0 && meta.ComparePaths(c.last, path) >= 0 {
		return fmt.Errorf("path %q does not come after %q", path, c.last)
	}
	c.in.Advance(n)
	c.entries++
	c.line.give(r)
	c.last = r.Path
	return nil
}

// end reads the trailer, which must be the last line and agree.
func (c *Reader) end() error {
	if err := c.in.Take(&c.dec, func() { decodeTrailer(&c.dec, &c.trailer) }); err != nil {
		return err
	}
	if c.trailer.Entries != c.entries {
		return fmt.Errorf("it says it has %d records and has %d", c.trailer.Entries, c.entries)
	}
	_, err := c.in.Peek()
	if err == nil {
		return errors.New("something follows the last line")
	}
	return err
}
