package jsonl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// ErrTooLong says that a value is longer than an Input holds in memory.
var ErrTooLong = errors.New("longer than a value may be")

// maxDepth bounds how deep skipped values may nest.
const maxDepth = 100

// chunk is how much an Input reads at once.
const chunk = 256 << 10

// maxIdle is how many reads in a row may give nothing.
const maxIdle = 100

// Input finds one JSON value after the other in a stream.
type Input struct {
	r   io.Reader
	max int
	tap Tap

	buf      []byte
	pos, end int // buf[pos:end] has been read and not yet passed
	tapped   int // what stood before buf[tapped] was given to the tap
	counted  int // up to where in buf line ends were counted
	line     int // of buf[counted], from 1
	err      error
}

// Tap is told what passes, for checksums. The zero Tap hears nothing.
type Tap struct {
	Passed func(b []byte) // some bytes have been passed; together they are the stream
	Key    func()         // everything before a key's opening quote has been passed, and nothing more
}

// NewInput reads from r; no value may be longer than max bytes.
func NewInput(r io.Reader, max int, tap Tap) *Input {
	return &Input{r: r, max: max, tap: tap, buf: make([]byte, chunk), line: 1}
}

// Line returns the number of the line, from 1, of the current position.
func (in *Input) Line() int {
	in.line += bytes.Count(in.buf[in.counted:in.pos], []byte{'\n'})
	in.counted = in.pos
	return in.line
}

// Advance passes the next n bytes, which must have been seen.
func (in *Input) Advance(n int) { in.pos += n }

func (in *Input) flush() {
	if in.tap.Passed != nil && in.pos > in.tapped {
		in.tap.Passed(in.buf[in.tapped:in.pos])
	}
	in.tapped = in.pos
}

// fill reads more behind what is in memory.
func (in *Input) fill() error {
	in.flush()
	in.Line() // counts
	if in.err != nil {
		return in.err
	}
	copy(in.buf, in.buf[in.pos:in.end])
	in.end -= in.pos
	in.pos, in.tapped, in.counted = 0, 0, 0
	if in.end == len(in.buf) {
		in.buf = append(in.buf, make([]byte, len(in.buf))...)
	}
	return in.read()
}

// read gets at least a fair part of a chunk, so that a value that arrives in
// crumbs is not searched for its end again and again.
func (in *Input) read() error {
	start := in.end
	enough := start + min(chunk/4, len(in.buf)-start)
	for idle := 0; in.end < enough && in.err == nil; idle++ {
		var n int
		n, in.err = in.r.Read(in.buf[in.end:])
		in.end += n
		if n > 0 {
			idle = 0
		} else if idle == maxIdle && in.err == nil {
			in.err = io.ErrNoProgress
		}
	}
	if in.end > start {
		return nil
	}
	return in.err
}

// Peek moves to the next byte that is not white space and returns it; at the
// end of the stream the error is io.EOF.
func (in *Input) Peek() (byte, error) {
	if in.pos < in.end && in.buf[in.pos] > ' ' {
		return in.buf[in.pos], nil
	}
	return in.peekFurther()
}

func (in *Input) peekFurther() (byte, error) {
	for {
		for i, c := range in.buf[in.pos:in.end] {
			if !space(c) {
				in.Advance(i)
				return c, nil
			}
		}
		in.Advance(in.end - in.pos)
		if err := in.fill(); err != nil {
			return 0, err
		}
	}
}

// Value returns the whole next value without passing it. It is only valid
// until the next call.
func (in *Input) Value() ([]byte, error) {
	if _, err := in.peekInside(); err != nil {
		return nil, err
	}
	for {
		n, ok := endOfValue(in.buf[in.pos:in.end])
		switch {
		case n > in.max:
			return nil, fmt.Errorf("%w (%d bytes)", ErrTooLong, in.max)
		case ok && n == 0:
			return nil, fmt.Errorf("want a value, found %s", found(in.buf[in.pos]))
		case ok:
			return in.buf[in.pos : in.pos+n], nil
		}
		if err := in.fill(); err != nil {
			return nil, truncated(err)
		}
	}
}

// peekInside is Peek where the stream may not end.
func (in *Input) peekInside() (byte, error) {
	c, err := in.Peek()
	return c, truncated(err)
}

func truncated(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Decode lets decode take the next value apart with d, and returns the
// value's length without passing it. decode may be called twice: first with
// what happens to be in memory, then with the whole value.
func (in *Input) Decode(d *Decoder, decode func()) (n int, err error) {
	if _, err := in.peekInside(); err != nil {
		return 0, err
	}
	d.Reset(in.buf[in.pos:in.end])
	decode()
	// A number that ends with the memory might go on.
	if d.err == nil && d.i < len(d.b) && d.i <= in.max {
		return d.i, nil
	}
	raw, err := in.Value()
	if err != nil {
		return 0, err
	}
	d.Reset(raw)
	if decode(); d.err == nil && d.i != len(raw) {
		d.want("the value's end")
	}
	return d.i, d.err
}

// Take is Decode for a value that is then passed.
func (in *Input) Take(d *Decoder, decode func()) error {
	n, err := in.Decode(d, decode)
	if err == nil {
		in.Advance(n)
	}
	return err
}

// Object passes an object that need not fit into memory: member is called
// with each key and passes the value.
func (in *Input) Object(member func(key string) error) error {
	return in.container('{', '}', func(d *Decoder) error {
		if in.tap.Key != nil {
			in.flush()
			in.tap.Key()
		}
		var key string
		if err := in.Take(d, func() { key = d.Text() }); err != nil {
			return err
		}
		if err := in.punctuation(':'); err != nil {
			return err
		}
		return member(key)
	})
}

// Array passes an array that need not fit into memory: element is called for
// each element and passes it.
func (in *Input) Array(element func() error) error {
	return in.container('[', ']', func(*Decoder) error { return element() })
}

func (in *Input) container(open, end byte, item func(*Decoder) error) error {
	if err := in.punctuation(open); err != nil {
		return err
	}
	var d Decoder
	for first := true; ; first = false {
		c, err := in.peekInside()
		if err != nil {
			return err
		}
		if c == end {
			in.Advance(1)
			return nil
		}
		if !first {
			if err := in.punctuation(','); err != nil {
				return err
			}
			if _, err := in.peekInside(); err != nil {
				return err
			}
		}
		if err := item(&d); err != nil {
			return err
		}
	}
}

func (in *Input) punctuation(want byte) error {
	c, err := in.peekInside()
	if err != nil {
		return err
	}
	if c != want {
		return fmt.Errorf("want %q, found %s", want, found(c))
	}
	in.Advance(1)
	return nil
}

// Skip passes a value of any length.
func (in *Input) Skip() error { return in.skip(maxDepth) }

func (in *Input) skip(depth int) error {
	c, err := in.peekInside()
	switch {
	case err != nil:
		return err
	case depth == 0:
		return errors.New("nested too deep")
	case c == '{':
		return in.Object(func(string) error { return in.skip(depth - 1) })
	case c == '[':
		return in.Array(func() error { return in.skip(depth - 1) })
	}
	var d Decoder
	return in.Take(&d, d.Skip)
}
