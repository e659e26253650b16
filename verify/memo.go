package verify

import (
	"io"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/meta"
)

const (
	// memoLimit bounds what a memo keeps, in bytes: some 300,000 records.
	memoLimit = 24 << 20
	// leafLength is how many records a memo makes room for at a time.
	leafLength = 1024
	// noteSize is what a note takes, but for its text, in bytes.
	noteSize = 64
)

// memo keeps what a walk needs of a catalogue that was read to its end, so
// that it is not decoded once more. One too large to be kept is.
type memo struct {
	limit   int // bytes; what is above it is not kept
	leaves  [][]note
	count   int  // notes
	size    int  // of all, in bytes
	isShort bool // not all fits
	next    int  // to be read
}

func newMemo(limit int) *memo { return &memo{limit: limit} }

// note is what the memo keeps of a record.
type note struct {
	text string // the path and, right behind it, the target of a symbolic link
	sum  digest.Sum
	path int32 // the path's length; a line of a catalogue is far shorter
	kind meta.Kind
}

// begin forgets everything but the memory.
func (m *memo) begin() { m.count, m.size, m.next, m.isShort = 0, 0, 0, false }

// add keeps a record.
func (m *memo) add(r *catalog.Record) {
	m.size += noteSize + len(r.Path) + len(r.Target)
	if m.isShort || m.size > m.limit {
		m.isShort, m.leaves, m.count = true, nil, 0
		return
	}
	leaf, at := m.count/leafLength, m.count%leafLength
	if leaf == len(m.leaves) {
		m.leaves = append(m.leaves, make([]note, leafLength))
	}
	m.leaves[leaf][at] = note{r.Path + r.Target, r.SHA256, int32(len(r.Path)), r.Kind}
	m.count++
}

// Next sets r to the next record, of which it knows path, kind, SHA-256
// and target; io.EOF: there are no more.
func (m *memo) Next(r *catalog.Record) error {
	if m.next == m.count {
		return io.EOF
	}
	n := &m.leaves[m.next/leafLength][m.next%leafLength]
	m.next++
	r.Path, r.Target = n.text[:n.path], n.text[n.path:]
	r.SHA256, r.Kind = n.sum, n.kind
	return nil
}
