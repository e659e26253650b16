// Package transfer brings the content of one file into another and hashes it
// on the way: content is read once, and the hash is that of what was written.
//
// It knows open files and nothing else: it must never open, name or remove
// one, nor set metadata.
package transfer

import (
	"context"
	"hash"
	"io"
	"sync/atomic"

	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// cloneMin is the size in bytes from which on sharing data is cheaper than
// copying it.
const cloneMin = 128 << 10

// Copier copies files, one at a time.
type Copier struct {
	Hash hash.Hash // SHA-256; reset for each file
	Buf  []byte    // what is read at a time; not empty
	// Advance is told how many bytes more are done, holes included. Nil: nobody.
	Advance func(n int64)
	// NoClone is set when the file systems turn out not to share data, which
	// is then not tried again. Nil: it is never tried.
	NoClone *atomic.Bool
}

// Copy copies src, of which an fstat told info, into the empty dst, both from
// their current positions, which must be their beginnings. Holes stay holes;
// where both files lie on a file system that can do that, they share their
// data. It returns the hash and the size in bytes of what is in dst then.
//
// As much is copied as info says: a file that grows is noticed by whoever
// looks at it afterwards, and no read is spent on finding its end. One that
// shrinks ends where it ends, or with zeros in place of what it lost, which the
// same look tells.
//
// An error of dst is a *WriteError; any other is of src, or the end of ctx.
func (c *Copier) Copy(ctx context.Context, dst, src *fsys.File, info *meta.Info) (digest.Sum, int64, error) {
	if !c.clone(dst, src, info) {
		return c.run(ctx, dst, src, info)
	}
	stored, err := dst.Stat()
	if err != nil {
		return digest.Sum{}, 0, Writing(err)
	}
	// What is left is to hash what is in dst.
	sum, size, err := c.run(ctx, nil, dst, &stored)
	return sum, size, Writing(err)
}

// Sum hashes a file from its current position, which must be its beginning, as
// Copy does.
func (c *Copier) Sum(ctx context.Context, f *fsys.File, info *meta.Info) (digest.Sum, int64, error) {
	return c.run(ctx, nil, f, info)
}

// clone lets dst share src's data: what is written to one later does not show
// in the other. One refusal is enough to ask no more.
func (c *Copier) clone(dst, src *fsys.File, info *meta.Info) bool {
	if c.NoClone == nil || info.Size < cloneMin || c.NoClone.Load() {
		return false
	}
	err := dst.Clone(src)
	switch fsys.ClassOf(err) {
	case fsys.ClassUnsupported, fsys.ClassLinkRefused, fsys.ClassPermission, fsys.ClassName:
		c.NoClone.Store(true)
	}
	return err == nil // whatever went wrong, copying will tell
}

func (c *Copier) run(ctx context.Context, dst, src *fsys.File, info *meta.Info) (sum digest.Sum, size int64, err error) {
	c.Hash.Reset()
	if info.Sparse() && info.Size > int64(len(c.Buf)) {
		size, err = c.sparse(ctx, dst, src, info.Size)
	} else {
		size, err = c.part(ctx, dst, src, info.Size)
	}
	c.Hash.Sum(sum[:0])
	return sum, size, err
}

// part takes up to limit bytes from the current positions and returns how many
// there were. dst nil: they are only hashed.
func (c *Copier) part(ctx context.Context, dst, src *fsys.File, limit int64) (int64, error) {
	var total int64
	for total < limit {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		buf := c.Buf[:min(limit-total, int64(len(c.Buf)))]
		n, err := src.Read(buf)
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		c.Hash.Write(buf[:n])
		if dst != nil {
			if _, err := dst.Write(buf[:n]); err != nil {
				return total, Writing(err)
			}
		}
		total += int64(n)
		c.advance(int64(n))
	}
	return total, nil
}

func (c *Copier) advance(n int64) {
	if c.Advance != nil {
		c.Advance(n)
	}
}

// sparse takes only the ranges that hold data, and returns how many bytes
// there are, holes included.
func (c *Copier) sparse(ctx context.Context, dst, src *fsys.File, size int64) (int64, error) {
	var off int64
	for off < size {
		start, end, ok := src.NextData(off, size)
		if !ok {
			start, end = size, size
		}
		if err := c.hole(ctx, start-off); err != nil {
			return off, err
		}
		n, err := c.segment(ctx, dst, src, start, end)
		if err != nil {
			return off, err
		}
		if off = start + n; n < end-start {
			break // it shrank
		}
	}
	if dst == nil {
		return off, nil
	}
	return off, Writing(dst.Truncate(off))
}

// segment takes the bytes from start to end.
func (c *Copier) segment(ctx context.Context, dst, src *fsys.File, start, end int64) (int64, error) {
	if _, err := src.Seek(start, io.SeekStart); err != nil {
		return 0, err
	}
	if dst != nil {
		if _, err := dst.Seek(start, io.SeekStart); err != nil {
			return 0, Writing(err)
		}
	}
	return c.part(ctx, dst, src, end-start)
}

// hole hashes n zero bytes that are neither read nor written.
func (c *Copier) hole(ctx context.Context, n int64) error {
	for n > 0 {
		part := min(n, int64(len(c.Buf)))
		if err := digest.AddZeros(ctx, c.Hash, part); err != nil {
			return err
		}
		n -= part
		c.advance(part)
	}
	return nil
}

// WriteError marks an error of the file that is written to, so that it is not
// taken for one of the file that is read.
type WriteError struct{ Err error }

func (e *WriteError) Error() string { return e.Err.Error() }
func (e *WriteError) Unwrap() error { return e.Err }

// Writing marks err unless it is nil.
func Writing(err error) error {
	if err == nil {
		return nil
	}
	return &WriteError{err}
}
