package plan

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/klauspost/compress/s2"

	"phlb/internal/digest"
	"phlb/internal/jsonl"
	"phlb/internal/meta"
)

// MaxEntry is the longest an entry may be in the file, in bytes. Only absurd
// xattrs come near it; readers hold no more than that in memory.
const MaxEntry = 1 << 20

// Spool holds the entries of one source, encoded and, where they are many,
// compressed, until the guards and totals that stand before them in the file
// are known. It is not safe for concurrent use.
type Spool struct {
	totals  Totals
	entries block
	deleted block
	entry   order
	gone    order
}

// sumGrowth is what expandSums adds to an entry, at most.
const sumGrowth = len(digest.Sum{}) - 1

// NewSpool returns an empty spool.
func NewSpool() *Spool { return &Spool{} }

// Add encodes an entry; it keeps nothing of e. Entries come in the order of
// meta.ComparePaths, each path once.
func (s *Spool) Add(e *Entry) error {
	if err := s.entry.next(e.Path); err != nil {
		return err
	}
	if err := s.totals.add(e); err != nil {
		return fmt.Errorf("plan %q: %w", e.Path, err)
	}
	b := &s.entries
	start, growth := b.begin(), 0
	if b.packs() {
		b.buf, growth = appendEntry(b.buf, e, appendRawSum), sumGrowth
	} else {
		b.buf = appendEntry(b.buf, e, appendHexSum)
	}
	if n := len(b.buf) - start + growth; n > MaxEntry {
		return fmt.Errorf("plan %q: its entry would have %d bytes, more than %d", e.Path, n, MaxEntry)
	}
	b.end()
	return nil
}

// AddDeleted notes a path that the parent has and the source has no more.
// They come in the order of meta.ComparePaths, each once, too.
func (s *Spool) AddDeleted(path string) error {
	if err := s.gone.next(path); err != nil {
		return fmt.Errorf("deleted: %w", err)
	}
	s.totals.Deleted++
	b := &s.deleted
	b.begin()
	b.buf = appendDeleted(b.buf, path)
	b.end()
	return nil
}

// Totals returns the sums of what has been added.
func (s *Spool) Totals() Totals { return s.totals }

// order checks that paths ascend.
type order struct {
	last string
	some bool
}

func (o *order) next(path string) error {
	if o.some && meta.ComparePaths(o.last, path) >= 0 {
		return fmt.Errorf("path %q does not come after %q", path, o.last)
	}
	o.last, o.some = path, true
	return nil
}

var errOverflow = errors.New("the sizes' sum exceeds 64 bits")

// add counts an entry, and refuses one that no plan may hold.
func (t *Totals) add(e *Entry) error {
	switch {
	case e.Size < 0:
		return fmt.Errorf("size %d is negative", e.Size)
	case e.Mode > 0o7777:
		return fmt.Errorf("mode %o has more than permission bits", e.Mode)
	case !e.Change.known():
		return fmt.Errorf("unknown change %q", e.Change)
	}
	switch e.Action {
	case ActionCopy:
		return t.Copy.add(1, e.Size)
	case ActionLink:
		return t.Link.add(1, e.Size)
	case ActionSkip:
		return t.Skip.add(1, e.Size)
	case ActionMkdir:
		t.Mkdir++
	case ActionSymlink:
		t.Symlink++
	default:
		return fmt.Errorf("unknown action %q", e.Action)
	}
	return nil
}

func (c *Count) add(files, bytes int64) error {
	if bytes > math.MaxInt64-c.Bytes {
		return errOverflow
	}
	c.Files += files
	c.Bytes += bytes
	return nil
}

// sum adds another source's totals.
func (t *Totals) sum(o *Totals) error {
	t.Mkdir += o.Mkdir
	t.Symlink += o.Symlink
	t.Deleted += o.Deleted
	return errors.Join(
		t.Copy.add(o.Copy.Files, o.Copy.Bytes),
		t.Link.add(o.Link.Files, o.Link.Bytes),
		t.Skip.add(o.Skip.Files, o.Skip.Bytes))
}

const (
	// blockSize is how much of a block is stored at once, and blockSlack room
	// for most of what its last value has beyond.
	blockSize  = 256 << 10
	blockSlack = 8 << 10
	// maxPlain is how much of a block is held as it will stand in the file, so
	// that plans of ordinary size need no compression; what comes behind it is
	// compressed.
	maxPlain = 40 << 20
)

// block is a list of JSON values, one a line, held in memory.
type block struct {
	buf     []byte // not yet stored
	plain   [][]byte
	size    int    // of plain
	scratch []byte // of pack
	packed  [][]byte
	some    bool
}

// packs reports whether what is added now will be compressed, so that hashes
// are to be raw.
func (b *block) packs() bool { return b.size >= maxPlain }

// begin makes room for a value, which is then to be appended to buf, and
// returns where it begins.
func (b *block) begin() (start int) {
	if b.buf == nil {
		b.buf = make([]byte, 0, blockSize+blockSlack)
	}
	if b.some {
		b.buf = append(b.buf, ',')
	}
	b.some = true
	b.buf = append(b.buf, '\n')
	return len(b.buf)
}

// end stores what was appended, if it is worth that.
func (b *block) end() {
	switch {
	case len(b.buf) < blockSize:
	case b.packs():
		b.pack()
		b.buf = b.buf[:0]
	default:
		b.plain = append(b.plain, b.buf)
		b.size += len(b.buf)
		b.buf = nil
	}
}

func (b *block) pack() {
	// Encode wants room for the worst case; keep only what is used.
	packed := s2.Encode(b.scratch[:cap(b.scratch)], b.buf)
	b.scratch = packed
	b.packed = append(b.packed, append(make([]byte, 0, len(packed)), packed...))
}

// writeTo writes all lines, each behind a line break.
func (b *block) writeTo(w io.Writer) error {
	for _, text := range b.plain {
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	if !b.packs() {
		_, err := w.Write(b.buf)
		return err
	}
	var unpacked, text []byte
	for _, packed := range b.packed {
		var err error
		if unpacked, err = s2.Decode(unpacked[:cap(unpacked)], packed); err != nil {
			return fmt.Errorf("unpack entries: %w", err)
		}
		text = expandSums(text[:0], unpacked)
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	_, err := w.Write(expandSums(text[:0], b.buf))
	return err
}

// NewZstdWriter compresses a plan on its way to w, at the fastest level.
// Closing it ends the compressed stream and does not close w.
func NewZstdWriter(w io.Writer) (io.WriteCloser, error) { return jsonl.NewZstdWriter(w) }
