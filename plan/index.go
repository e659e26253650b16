package plan

import (
	"cmp"
	"context"
	"encoding/binary"
	"hash/maphash"
	"slices"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
	"phlb/manifest"
)

// index finds the files of a snapshot by their content, and those of a parent
// by what tells that a file of the source is still the one that was stored. It
// takes about 100 bytes a file and is made only when something asks for it: a
// lookup entry that points to nothing, or a new path with old content.
type index struct {
	keys  attrKeys
	files indexed
	refs  []ref
	// known are the parent's files by the inodes that they had in the source.
	known []identity
	// passed is, by the first bytes of a hash, how far take has come in refs.
	passed map[uint64]int
	// The attributes of the last file and their key.
	last    Attrs
	lastKey uint32
}

// ref is one file: the first bytes of its hash, what attributes matter, and
// where it is among those indexed.
type ref struct {
	sum   uint64
	attrs uint32
	file  uint32
}

// identity is a file of the source as it was: its inode, a keyed hash of name,
// size and times, and where it is among those indexed.
type identity struct {
	ino, state uint64
	file       uint32
}

func newIndex(keys attrKeys) *index { return &index{keys: keys, passed: map[uint64]int{}} }

// add takes a record whose content can be linked to, under the path given.
func (x *index) add(rec *catalog.Record, path string) (file uint32, ok bool) {
	if rec.Kind != meta.File || rec.SHA256.IsZero() || rec.Size < manifest.MinSmallFileThreshold {
		return 0, false
	}
	if file, ok = x.files.add(path, &rec.SHA256); ok {
		have := recordedAttrs(rec)
		x.refs = appendDoubling(x.refs, ref{first8(&rec.SHA256), x.attrs(&have), file})
	}
	return file, ok
}

// addSource is add for a record of the parent.
func (x *index) addSource(rec *catalog.Record) {
	file, ok := x.add(rec, rec.Path)
	if ok && !rec.Racy && rec.Ino != 0 && telling(rec.Ctime) {
		x.known = appendDoubling(x.known, identity{rec.Ino, x.state(rec.Path, rec.Size, rec.Mtime, rec.Ctime), file})
	}
}

// appendDoubling is append for a list that becomes long: append would grow it
// by a quarter each time, and touch more than twice the memory.
func appendDoubling[T any](list []T, v T) []T {
	const least = 1024
	if len(list) == cap(list) {
		list = slices.Grow(list, max(len(list), least))
	}
	return append(list, v)
}

// telling reports whether a ctime is one of a file system that keeps more than
// seconds. One that does not, such as SSHFS, often hands out inode numbers anew,
// too: at another path they prove nothing.
func telling(ctime meta.Time) bool { return ctime.Nsec != 0 }

// state leaves out the directory: a name of its own that changes alters the
// ctime, one of a directory above it does not.
func (x *index) state(path string, size int64, mtime, ctime meta.Time) uint64 {
	_, name := split(path)
	return maphash.Comparable(x.keys.seed, struct {
		name         string
		size         int64
		mtime, ctime meta.Time
	}{name, size, mtime, ctime})
}

// attrs returns the key of attributes, which neighbours mostly share.
func (x *index) attrs(a *Attrs) uint32 {
	l := &x.last
	same := x.lastKey != 0 && a.Mode == l.Mode && a.UID == l.UID && a.GID == l.GID && len(a.Xattrs)+len(l.Xattrs) == 0
	if !same || x.keys.match == manifest.MatchMetadata && a.Mtime != l.Mtime {
		x.last, x.lastKey = *a, uint32(x.keys.attrs(a))
	}
	return x.lastKey
}

func first8(sum *digest.Sum) uint64 { return binary.BigEndian.Uint64(sum[:]) }

// order makes what was added findable, in the order it was added.
func (x *index) order() {
	slices.SortFunc(x.refs, func(a, b ref) int {
		if a.sum != b.sum {
			return cmp.Compare(a.sum, b.sum)
		}
		return cmp.Or(cmp.Compare(a.attrs, b.attrs), cmp.Compare(a.file, b.file))
	})
	slices.SortFunc(x.known, func(a, b identity) int { return cmp.Compare(a.ino, b.ino) })
}

// unmoved returns the content of a file that the parent has in whatever
// directory, and that was not touched since: what tells that of a path that
// stays tells it of one that a directory above it was renamed for, too.
func (x *index) unmoved(path string, info *meta.Info) (sum digest.Sum, ok bool) {
	i, _ := slices.BinarySearchFunc(x.known, info.Ino, func(k identity, ino uint64) int { return cmp.Compare(k.ino, ino) })
	state := x.state(path, info.Size, info.Mtime, info.Ctime)
	for ; i < len(x.known) && x.known[i].ino == info.Ino; i++ {
		if x.known[i].state == state {
			return x.files.sum(x.known[i].file), true
		}
	}
	return sum, false
}

// maxTries bounds how many of many files with one content and the same
// attributes are tried before an item is copied.
const maxTries = 16

// fitting yields the paths of files with a content and the attributes.
func (x *index) fitting(sum *digest.Sum, want *Attrs, yield func(path string) bool) {
	key := ref{sum: first8(sum), attrs: uint32(x.keys.attrs(want))}
	for i, tries := x.search(key), 0; i < len(x.refs) && tries < maxTries; i, tries = i+1, tries+1 {
		r := x.refs[i]
		if r.sum != key.sum || r.attrs != key.attrs || !yield(x.files.path(r.file)) {
			return
		}
	}
}

// take returns the path of a file with a content, whatever its attributes, and
// each only once: however many files have it, all that ask take no longer than
// there are files. ok is false when there is no other.
func (x *index) take(sum *digest.Sum) (path string, ok bool) {
	key := first8(sum)
	i, begun := x.passed[key]
	if !begun {
		i = x.search(ref{sum: key})
	}
	if i == len(x.refs) || x.refs[i].sum != key {
		return "", false
	}
	x.passed[key] = i + 1
	return x.files.path(x.refs[i].file), true
}

// search returns where in refs those of a content and attributes begin.
func (x *index) search(key ref) int {
	i, _ := slices.BinarySearchFunc(x.refs, key, func(r, key ref) int {
		return cmp.Or(cmp.Compare(r.sum, key.sum), cmp.Compare(r.attrs, key.attrs))
	})
	return i
}

// recordedAttrs are those of the stored file, as far as a record knows them.
func recordedAttrs(rec *catalog.Record) Attrs {
	if s := rec.Stored; s != nil {
		return Attrs{Mode: s.Mode, UID: s.UID, GID: s.GID, Mtime: s.Mtime, Xattrs: s.Xattrs}
	}
	return Attrs{Mode: rec.Mode, UID: rec.UID, GID: rec.GID, Mtime: rec.Mtime, Xattrs: rec.Xattrs}
}

// addCatalog adds a snapshot's contents by stored path. Where the catalogue
// is missing or damaged, or ctx ends, there is just less to find.
func (x *index) addCatalog(ctx context.Context, root *snapshot.Root, id snapshot.ID) {
	f, err := root.CatalogFile(id)
	if err != nil {
		return
	}
	defer f.Close()
	r, err := catalog.NewReader(f)
	if err != nil {
		return
	}
	defer r.Close()
	var rec catalog.Record
	for ctx.Err() == nil && r.Next(&rec) == nil {
		x.add(&rec, id.String()+"/"+sums.StoredPath(rec.Path))
	}
}

// indexParent makes the index of a parent snapshot, by paths in the source,
// unless the context ends that p was opened with.
func indexParent(keys attrKeys, p parent) (*index, error) {
	x := newIndex(keys)
	for {
		rec, err := p.Peek()
		if err == nil && rec == nil {
			x.order()
			return x, nil
		}
		if err != nil {
			return nil, err
		}
		x.addSource(rec)
		p.Advance()
	}
}
