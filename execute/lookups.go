package execute

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/lookup"
	"phlb/internal/meta"
	"phlb/internal/pool"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
	"phlb/internal/vouch"
)

// lookupBatch is how many new contents go to the pool at once.
const lookupBatch = 256

// lookupCare says what to do with an existing lookup entry.
type lookupCare int

const (
	keepGood  lookupCare = iota // leave it if what it points to is good
	pointHere                   // what it points to could not be linked to: replace it
)

// content is one file whose size and hash the lookups must know.
type content struct {
	path string // stored path, relative to the root
	sum  digest.Sum
	size int64
	care lookupCare
}

// fillLookups adds what a published snapshot stored to the lookups. It reads
// the snapshot's catalogue again instead of remembering a million files, so
// that after a crash it can simply be repeated. again has contents whose
// entries must be looked at beside those of new files.
func (r *runner) fillLookups(ctx context.Context, src *checkedSource, again map[digest.Sum]lookupCare) error {
	l := &lookupWriter{runner: r, pool: pool.New(r.opts.Workers)}
	err := r.eachRecord(ctx, src.id, func(rec *catalog.Record) error {
		if rec.Kind != meta.File || rec.Stored == nil || rec.Size < src.threshold() {
			return nil
		}
		care, wanted := again[rec.SHA256]
		isNew := rec.Stored.Action == catalog.StoredCopy
		if !isNew && (!wanted || care == pointHere) {
			return nil // it has the old inode
		}
		return l.add(ctx, content{src.Snapshot + "/" + sums.StoredPath(rec.Path), rec.SHA256, rec.Size, care})
	})
	if errors.Is(err, fs.ErrNotExist) {
		err = nil // somebody deleted the catalogue: a rebuild finds what is missing
	}
	if last := l.close(ctx); err == nil {
		err = last
	}
	if err != nil {
		return fmt.Errorf("write lookups of %s: %w", src.Snapshot, err)
	}
	return nil
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

// lookupWriter writes entries in parallel.
type lookupWriter struct {
	*runner
	pool  *pool.Pool
	batch []content
}

func (l *lookupWriter) add(ctx context.Context, c content) error {
	l.batch = append(l.batch, c)
	if len(l.batch) < lookupBatch {
		return nil
	}
	return l.flush(ctx)
}

func (l *lookupWriter) flush(ctx context.Context) error {
	batch := l.batch
	l.batch = nil
	return l.pool.Submit(func() error {
		for i := range batch {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := l.put(ctx, &batch[i]); err != nil {
				return err
			}
		}
		return nil
	})
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
	if err := l.lookups.AddSize(c.size); err != nil {
		return err
	}
	old, ok, err := l.lookups.Get(c.sum)
	if err != nil {
		return err
	}
	if ok && (old == c.path || c.care == keepGood && l.holds(ctx, old, c)) {
		return ctx.Err()
	}
	err = l.lookups.Put(c.sum, c.path)
	if errors.Is(err, lookup.ErrPath) {
		return nil // too long for an entry: the content will be stored again
	}
	return err
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
