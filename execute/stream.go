package execute

import (
	"context"
	"io"

	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// stream copies the data once and returns its hash and size. Holes stay
// holes.
func (h *hands) stream(ctx context.Context, t *task, dst, src *fsys.File, info *meta.Info) (sum digest.Sum, size int64, err error) {
	h.hash.Reset()
	s := streamer{hands: h, task: t, dst: dst, src: src}
	if info.Sparse() && info.Size > int64(len(h.buf)) {
		size, err = s.sparse(ctx, info.Size)
	} else {
		// Up to the size that fstat told: a file that grows is noticed by the
		// look at it afterwards, and no read is spent on finding its end.
		size, err = s.run(ctx, info.Size)
	}
	s.hash.Sum(sum[:0])
	return sum, size, err
}

type streamer struct {
	*hands
	task     *task
	dst, src *fsys.File
}

// run copies up to limit bytes from the current positions and returns how
// many there were.
func (s *streamer) run(ctx context.Context, limit int64) (int64, error) {
	var total int64
	for total < limit {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		buf := s.buf[:min(limit-total, int64(len(s.buf)))]
		n, err := s.src.Read(buf)
		if err == io.EOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
		s.hash.Write(buf[:n])
		if _, err := s.dst.Write(buf[:n]); err != nil {
			return total, writing(err)
		}
		total += int64(n)
		s.b.events.Send(event.Event{Kind: event.Advance, Phase: event.Apply, Bytes: int64(n), Path: s.task.Path})
	}
	return total, nil
}

// sparse copies only the ranges that hold data, and returns how many bytes
// there are, holes included. A file that shrinks on the way ends where it ends.
func (s *streamer) sparse(ctx context.Context, size int64) (int64, error) {
	var off int64
	for off < size {
		start, end, ok := s.src.NextData(off, size)
		if !ok {
			start, end = size, size
		}
		if err := s.hole(ctx, start-off); err != nil {
			return off, err
		}
		n, err := s.segment(ctx, start, end)
		if err != nil {
			return off, err
		}
		if off = start + n; n < end-start {
			break // it shrank
		}
	}
	return off, writing(s.dst.Truncate(off))
}

// segment copies the bytes from start to end.
func (s *streamer) segment(ctx context.Context, start, end int64) (int64, error) {
	if _, err := s.src.Seek(start, io.SeekStart); err != nil {
		return 0, err
	}
	if _, err := s.dst.Seek(start, io.SeekStart); err != nil {
		return 0, writing(err)
	}
	return s.run(ctx, end-start)
}

// hole hashes n zero bytes that are neither read nor written.
func (s *streamer) hole(ctx context.Context, n int64) error {
	if n == 0 {
		return nil
	}
	clear(s.buf)
	for n > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		part := min(n, int64(len(s.buf)))
		s.hash.Write(s.buf[:part])
		n -= part
		s.b.events.Send(event.Event{Kind: event.Advance, Phase: event.Apply, Bytes: part, Path: s.task.Path})
	}
	return nil
}
