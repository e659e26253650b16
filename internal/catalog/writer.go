package catalog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"phlb/internal/jsonl"
	"phlb/internal/meta"
)

// maxLine is how long a line may be, in bytes. It leaves room for a plan
// entry's xattrs twice, the source's and the stored inode's.
const maxLine = 4 << 20

// Writer writes a catalogue. It is not safe for concurrent use; Append is.
type Writer struct {
	z       io.WriteCloser
	w       *bufio.Writer // into z
	line    []byte
	entries int64
}

// together is how much is compressed at once, in bytes: what is done between
// drives the compressor's tables out of the processor's caches, and getting
// them back for every single block costs half as much as compressing it.
const together = 512 << 10

// NewWriter writes the header, whose format and version it sets.
func NewWriter(w io.Writer, h Header) (*Writer, error) {
	if !utf8.ValidString(h.Name) {
		return nil, fmt.Errorf("write catalogue: the name %q is not UTF-8", h.Name)
	}
	z, err := jsonl.NewZstdWriter(w)
	if err != nil {
		return nil, fmt.Errorf("write catalogue: %w", err)
	}
	out := &Writer{z: z, w: bufio.NewWriterSize(z, together)}
	if _, err := out.w.Write(appendHeader(nil, &h)); err != nil {
		return nil, errors.Join(fmt.Errorf("write catalogue: %w", err), z.Close())
	}
	return out, nil
}

// WriteLines writes lines that Append made, in the order of their paths and
// after all lines before. The caller sees to the order; readers insist on it.
func (w *Writer) WriteLines(b []byte, entries int) error {
	if err := checkLines(b); err != nil {
		return fmt.Errorf("write catalogue: %w", err)
	}
	if _, err := w.w.Write(b); err != nil {
		return fmt.Errorf("write catalogue: %w", err)
	}
	w.entries += int64(entries)
	return nil
}

// Add encodes and writes one record.
func (w *Writer) Add(r *Record) error {
	switch r.Kind {
	case meta.File, meta.Dir, meta.Symlink:
	default:
		return fmt.Errorf("write catalogue: %q is a %s, which is never stored", r.Path, r.Kind)
	}
	w.line = Append(w.line[:0], r)
	return w.WriteLines(w.line, 1)
}

// Close ends the catalogue with t, whose Entries it sets. It does not close
// the underlying writer.
func (w *Writer) Close(t Trailer) error {
	t.Entries = w.entries
	_, _ = w.w.Write(appendTrailer(nil, &t)) // Flush has its error, too
	if err := errors.Join(w.w.Flush(), w.z.Close()); err != nil {
		return fmt.Errorf("write catalogue: %w", err)
	}
	return nil
}

// checkLines refuses lines that no reader would take.
func checkLines(b []byte) error {
	for len(b) > maxLine {
		n := bytes.IndexByte(b, '\n') + 1
		if n == 0 || n > maxLine {
			return fmt.Errorf("a record of more than %d bytes", maxLine)
		}
		b = b[n:]
	}
	return nil
}
