package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"path"
	"strings"

	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/lookup"
	"phlb/internal/meta"
	"phlb/internal/scan"
	"phlb/internal/sums"
)

// pair is a file of the source and the path of its counterpart.
type pair struct {
	source, stored string
	size           int64
}

// pairs collects files until there is enough work for a task.
type pairs struct {
	*comparer
	list  []pair
	bytes int64
}

func (c *comparer) newBatch() *pairs { return &pairs{comparer: c} }

func (b *pairs) add(ctx context.Context, p pair) {
	b.list = append(b.list, p)
	b.bytes += p.size
	if len(b.list) >= batchFiles || b.bytes >= batchBytes {
		b.submit(ctx)
	}
}

func (b *pairs) submit(ctx context.Context) {
	list := b.list
	b.list, b.bytes = nil, 0
	b.crew.submit(func(w *desk) {
		for _, p := range list {
			if ctx.Err() != nil {
				return
			}
			b.compareFile(ctx, p, w.buf)
		}
	})
}

func (c *comparer) compareFile(ctx context.Context, p pair, buf []byte) {
	defer c.events.Send(event.Event{Kind: event.Advance, Phase: event.Compare, Files: 1, Bytes: p.size})
	info, ok := c.other(p.source, meta.File)
	if !ok {
		return
	}
	if info.Size != p.size {
		c.differ(SizeDiffers, p.source, "")
		return
	}
	sum, isEqual, err := c.compareContent(ctx, p, buf)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		c.fail(p.source, cause(err))
	case !isEqual:
		c.differ(HashDiffers, p.source, "")
	default:
		c.count(func(r *CompareResult) {
			r.Successful++
			r.SuccessfulBytes += p.size
		})
		c.checkLookups(p, sum)
	}
}

func (c *comparer) checkLookups(p pair, sum digest.Sum) {
	if p.size < lookup.MinSize {
		c.count(func(r *CompareResult) { r.Small++ })
		return
	}
	if has, err := c.db.HasSize(p.size); err != nil {
		c.fail(p.source, cause(err))
	} else if !has {
		c.differ(NotInSizeLookup, p.source, "")
	}
	if _, has, err := c.db.Get(sum); err != nil {
		c.fail(p.source, cause(err))
	} else if !has {
		c.differ(NotInHashLookup, p.source, "")
	}
}

// compareContent reads both files side by side, up to the first difference.
func (c *comparer) compareContent(ctx context.Context, p pair, buf []byte) (sum digest.Sum, isEqual bool, err error) {
	a, err := openRegular(c.source, p.source)
	if err != nil {
		return sum, false, err
	}
	defer a.Close()
	b, err := openRegular(c.tree.dir, p.stored)
	if err != nil {
		return sum, false, err
	}
	defer b.Close()
	hash := sha256.New()
	half := len(buf) / 2
	for {
		if err := ctx.Err(); err != nil {
			return sum, false, err
		}
		n, err := io.ReadFull(a, buf[:half])
		m, err2 := io.ReadFull(b, buf[half:2*half])
		if err := errors.Join(realError(err), realError(err2)); err != nil {
			return sum, false, err
		}
		if !bytes.Equal(buf[:n], buf[half:half+m]) {
			return sum, false, nil
		}
		hash.Write(buf[:n])
		if n < half {
			hash.Sum(sum[:0])
			return sum, true, nil
		}
	}
}

// realError takes the end of a file for none.
func realError(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return nil
	}
	return err
}

var errNotRegular = errors.New("it is not a regular file any more")

func openRegular(d *fsys.Dir, path string) (*fsys.File, error) {
	f, err := d.OpenFileAt(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Kind != meta.File {
		err = errNotRegular
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func readlinkAt(d *fsys.Dir, rel string) (string, error) {
	dir, name := path.Split(rel)
	if dir == "" {
		return d.Readlink(name)
	}
	sub, err := d.OpenDirAt(strings.TrimSuffix(dir, "/"))
	if err != nil {
		return "", err
	}
	defer sub.Close()
	return sub.Readlink(name)
}

// findGone looks for files, links and directories of the snapshot that the
// source has no more. What the source has but leaves out is not gone.
func (c *comparer) findGone(ctx context.Context) error {
	gone := ""
	o := scan.Options{Workers: 1, CrossFileSystems: true}
	return scan.Walk(ctx, c.tree.dir, o, func(e *scan.Entry) error {
		if path.Base(e.Path) == sums.FileName || e.Path == "." || gone != "" && strings.HasPrefix(e.Path, gone) {
			return nil
		}
		source := c.sourcePath(e.Path)
		_, err := c.source.LstatAt(source)
		switch {
		case err == nil:
		case vanished(err):
			c.differ(GoneFromSource, source, "")
			if e.Kind == meta.Dir {
				gone = e.Path + "/" // one word for all that is below
			}
		default:
			c.fail(source, cause(err))
		}
		return nil
	})
}

// sourcePath is the inverse of stored.
func (c *comparer) sourcePath(stored string) string {
	if !c.tree.renames {
		return stored
	}
	return sums.SourcePath(stored)
}
