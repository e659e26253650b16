package execute

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/lookup"
	"phlb/internal/meta"
	"phlb/internal/pool"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
	"phlb/internal/vouch"
)

// lookupChunk is how many new contents are sorted and written at once.
const lookupChunk = 64 << 10

// lookupCare says what to do with an existing lookup entry.
type lookupCare int

const (
	keepGood  lookupCare = iota // leave it if what it points to is good
	pointHere                   // what it points to could not be linked to: replace it
)

// content is one file whose size and hash the lookups must know.
type content struct {
	path string // relative to the source
	sum  digest.Sum
	size int64
	care lookupCare
}

// lookupNews is what a run found out that concerns the lookups.
type lookupNews struct {
	again    map[digest.Sum]lookupCare // contents whose entry is not good any more
	all      bool                      // they are too many: each entry may be one
	added    []content                 // contents that may lack an entry
	complete bool                      // added has all of them; otherwise the catalogue tells
}

// lookAgain notes a content whose entry is not good any more.
func (n *lookupNews) lookAgain(sum digest.Sum, care lookupCare) {
	if n.all {
		return
	}
	n.again[sum] = max(care, n.again[sum])
	if len(n.again) > lookupChunk {
		*n = lookupNews{all: true}
	}
}

// care says what to do with the entry of a content, if anything is.
func (n *lookupNews) care(sum digest.Sum, isNew bool) (care lookupCare, wanted bool) {
	if n.all && isNew {
		return pointHere, true
	}
	care, wanted = n.again[sum]
	return care, wanted || n.all
}

// add remembers contents as long as they are few: a million take too much
// memory, and then the catalogue is read again.
func (n *lookupNews) add(contents []content) {
	if len(n.added)+len(contents) > lookupChunk {
		n.added, n.complete = nil, false
	}
	if n.complete {
		n.added = append(n.added, contents...)
	}
}

// fillLookups adds what a published snapshot stored to the lookups. After a
// crash it can simply be repeated: the catalogue tells the same as the news.
func (r *runner) fillLookups(ctx context.Context, src *checkedSource, news *lookupNews) error {
	l := &lookupWriter{runner: r, snapshot: src.Snapshot, writers: r.lookupWriters()}
	l.pool = pool.New(l.writers)
	var err error
	if news.complete {
		err = l.addAll(ctx, news)
	} else {
		err = l.addRecorded(ctx, src, news)
	}
	if last := l.close(ctx); err == nil {
		err = last
	}
	if err != nil {
		return fmt.Errorf("write lookups of %s: %w", src.Snapshot, err)
	}
	return nil
}

func (l *lookupWriter) addAll(ctx context.Context, news *lookupNews) error {
	for _, c := range news.added {
		c.care, _ = news.care(c.sum, true)
		if err := l.add(ctx, c); err != nil {
			return err
		}
	}
	return nil
}

// addRecorded adds what the snapshot's catalogue tells.
func (l *lookupWriter) addRecorded(ctx context.Context, src *checkedSource, news *lookupNews) error {
	err := l.eachRecord(ctx, src.id, func(rec *catalog.Record) error {
		if rec.Kind != meta.File || rec.Stored == nil || rec.Size < src.threshold() {
			return nil
		}
		isNew := rec.Stored.Action == catalog.StoredCopy
		care, wanted := news.care(rec.SHA256, isNew)
		if !isNew && (!wanted || care == pointHere) {
			return nil // it has the old inode
		}
		return l.add(ctx, content{rec.Path, rec.SHA256, rec.Size, care})
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil // somebody deleted the catalogue: a rebuild finds what is missing
	}
	return err
}

// eachRecord reads the catalogue of a snapshot.
func (r *runner) eachRecord(ctx context.Context, id snapshot.ID, each func(*catalog.Record) error) error {
	f, err := r.root.CatalogFile(id)
	if err != nil {
		return err
	}
	defer f.Close()
	c, err := catalog.NewReader(f)
	if err != nil {
		return err
	}
	defer c.Close()
	var rec catalog.Record
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		switch err := c.Next(&rec); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if err := each(&rec); err != nil {
			return err
		}
	}
}

// lookupWriter writes entries in parallel, in the order of the directories
// they lie in: neighbours in the file system are then made one after the
// other, which costs it a fifth less, and workers do not meet in a directory.
type lookupWriter struct {
	*runner
	snapshot string
	writers  int // entries written at the same time
	pool     *pool.Pool
	chunk    []content
}

func (l *lookupWriter) add(ctx context.Context, c content) error {
	l.chunk = append(l.chunk, c)
	if len(l.chunk) < lookupChunk {
		return nil
	}
	return l.flush(ctx)
}

func (l *lookupWriter) flush(ctx context.Context) error {
	chunk := l.chunk
	l.chunk = nil
	sizes := make([]int64, len(chunk))
	for i := range chunk {
		sizes[i] = chunk[i].size
	}
	slices.Sort(sizes)
	err := inParts(ctx, l, slices.Compact(sizes), func(size *int64) error { return l.lookups.AddSize(*size) })
	if err != nil {
		return err
	}
	slices.SortStableFunc(chunk, func(a, b content) int { return bytes.Compare(a.sum[:], b.sum[:]) })
	return inParts(ctx, l, chunk, func(c *content) error { return l.put(ctx, c) })
}

// partsPerWriter is how many tasks a writer gets of each chunk, so that none has
// to wait long for the others.
const partsPerWriter = 4

// lookupWriters is how many entries are written at the same time. Making small
// files is waiting as much as working: for the file system's locks, and for the
// blocks that its journal is just writing. Who wants one thing done at a time
// gets that.
func (r *runner) lookupWriters() int {
	if r.opts.Workers == 1 {
		return 1
	}
	return 4 * r.opts.Workers
}

// inParts hands the items to the pool, in parts of neighbours.
func inParts[T any](ctx context.Context, l *lookupWriter, items []T, do func(*T) error) error {
	size := len(items)/(l.writers*partsPerWriter) + 1
	for part := range slices.Chunk(items, size) {
		err := l.pool.Submit(func() error {
			for i := range part {
				if err := ctx.Err(); err != nil {
					return err
				}
				if err := do(&part[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *lookupWriter) close(ctx context.Context) error {
	err := l.flush(ctx)
	if last := l.pool.Wait(); err == nil {
		err = last
	}
	return err
}

// put adds one content. An entry that is still good is left alone: writing it
// again would cost a flush on ext4 and gain nothing.
func (l *lookupWriter) put(ctx context.Context, c *content) error {
	stored := l.snapshot + "/" + sums.StoredPath(c.path)
	added, err := l.lookups.Add(c.sum, stored)
	if errors.Is(err, lookup.ErrPath) {
		return nil // too long for an entry: the content will be stored again
	}
	if added || err != nil {
		return err
	}
	old, ok, err := l.lookups.Get(c.sum)
	if err != nil {
		return err
	}
	if ok && (old == stored || c.care == keepGood && l.holds(ctx, old, c)) {
		return ctx.Err()
	}
	return l.lookups.Put(c.sum, stored)
}

// holds reports whether an entry's path is a published file with the content:
// a wrong entry would never go away, as nobody links to what it names.
func (l *lookupWriter) holds(ctx context.Context, stored string, c *content) bool {
	if !l.isFile(stored, c.size) {
		return false
	}
	dir, err := l.root.Dir().OpenDirAt(path.Dir(stored))
	if err != nil {
		return false
	}
	defer dir.Close()
	st, err := dir.Lstat(path.Base(stored))
	if err != nil {
		return false
	}
	known := l.sums.Get().(*vouch.Sums)
	defer l.sums.Put(known)
	buf := l.buffer()
	defer l.recycle(buf)
	sum, err := known.Content(ctx, dir, path.Dir(stored), path.Base(stored), &st, buf)
	return err == nil && sum == c.sum
}

// isFile reports whether a stored path is a published file of a size.
func (r *runner) isFile(stored string, size int64) bool {
	if _, _, ok := snapshot.Published(stored); !ok {
		return false
	}
	st, err := r.root.Dir().LstatAt(stored)
	return err == nil && st.Kind == meta.File && st.Size == size
}

// pointsToFile reports whether a content's lookup entry points to a file that
// can have it. Whether it does is judged by whoever links to it.
func (r *runner) pointsToFile(sum digest.Sum, size int64) (bool, error) {
	stored, ok, err := r.lookups.Get(sum)
	return ok && r.isFile(stored, size), err
}
