package execute

import (
	"hash/maphash"

	"phlb/internal/sums"
	"phlb/plan"
)

// planMemory is how much of a plan's entries stay in memory, in bytes, unless
// Options says otherwise: some 120,000 files.
const planMemory = 32 << 20

// What an entry takes without its texts, about, in bytes; and an own map of
// extended attributes.
const (
	entrySize  = 224
	xattrsSize = 400
	xattrSize  = 40
)

// chunkSize is how many elements of a long list are allocated at once.
const chunkSize = 512

// chunks are a list that becomes longer without being copied.
type chunks[T any] [][]T

func (c *chunks[T]) add(element *T) {
	last := len(*c) - 1
	if last < 0 || len((*c)[last]) == chunkSize {
		*c = append(*c, make([]T, 0, chunkSize))
		last++
	}
	(*c)[last] = append((*c)[last], *element)
}

// entryList holds the entries of one source from the first reading of a plan,
// which saves the second. One that finds no room is empty from then on.
type entryList struct {
	chunks chunks[plan.Entry]
	size   int64 // bytes
	whole  bool  // nothing was left out
}

// add keeps a copy of an entry as long as room, in bytes, is left.
func (l *entryList) add(e *plan.Entry, room *int64) {
	if !l.whole {
		return
	}
	size := entrySize + int64(len(e.Path)+len(e.Target)+len(e.Hardlink))
	if len(e.Xattrs) > 0 {
		size += xattrsSize
	}
	for name, value := range e.Xattrs {
		size += xattrSize + int64(len(name)+len(value))
	}
	if *room -= size; *room < 0 {
		*room += l.size + size
		*l = entryList{}
		return
	}
	l.size += size
	l.chunks.add(e)
}

// each calls f with the entries in order, once: it lets go of what is done, and
// the list is not whole afterwards.
func (l *entryList) each(f func(*plan.Entry) error) error {
	l.whole = false
	for c, chunk := range l.chunks {
		l.chunks[c] = nil
		for i := range chunk {
			if err := f(&chunk[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// peek calls f with the entries in order, and lets go of none.
func (l *entryList) peek(f func(*plan.Entry) error) error {
	for _, chunk := range l.chunks {
		for i := range chunk {
			if err := f(&chunk[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// files knows the regular files of a plan so far by keyed hashes of their
// stored paths: eight bytes each, where the paths themselves would not fit.
type files struct {
	hash  maphash.Hash
	known map[uint64]struct{}
	// fresh are not yet in known: mostly nobody asks, and a list costs less.
	fresh chunks[uint64]
}

// add notes the file at a path of a source.
func (f *files) add(snapshot, path string) {
	f.hash.Reset()
	f.hash.WriteString(snapshot)
	f.hash.WriteByte('/')
	f.hash.WriteString(sums.StoredPath(path))
	f.fresh.add(new(f.hash.Sum64()))
}

// has reports whether a file was noted.
func (f *files) has(stored string) bool {
	if f.known == nil {
		f.known = make(map[uint64]struct{}, len(f.fresh)*chunkSize)
	}
	for _, chunk := range f.fresh {
		for _, h := range chunk {
			f.known[h] = struct{}{}
		}
	}
	f.fresh = nil
	f.hash.Reset()
	f.hash.WriteString(stored)
	_, ok := f.known[f.hash.Sum64()]
	return ok
}
