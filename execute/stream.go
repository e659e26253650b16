package execute

import (
	"context"
	"io"

	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// stream brings the data of src into dst once and returns its hash and size,
// both of what is in dst. Holes stay holes.
func (h *hands) stream(ctx context.Context, t *task, dst, src *fsys.File, info *meta.Info) (sum digest.Sum, size int64, err error) {
	h.hash.Reset()
	s := streamer{hands: h, task: t, dst: dst, src: src, events: h.b.events}
	if h.small(info) {
		s.events = event.Discard // counted with the file
	}
	if h.clone(dst, src, info) {
		stored, err := dst.Stat()
		if err == nil {
			s.dst, s.src = nil, dst // what is left is to hash what is stored
			size, err = s.all(ctx, &stored)
		}
		s.hash.Sum(sum[:0])
		return sum, size, writing(err)
	}
	size, err = s.all(ctx, info)
	s.hash.Sum(sum[:0])
	return sum, size, err
}

// all takes as much as an fstat told: a file that grows is noticed by the look
// at it afterwards, and no read is spent on finding its end.
func (s *streamer) all(ctx context.Context, info *meta.Info) (int64, error) {
	if info.Sparse() && info.Size > int64(len(s.buf)) {
		return s.sparse(ctx, info.Size)
	}
	return s.run(ctx, info.Size)
}

// cloneMin is the size from which on sharing data is cheaper than copying it.
const cloneMin = 128 << 10

// clone lets dst share src's data, where both lie on a file system that can
// do that. One refusal is enough to ask no more.
func (h *hands) clone(dst, src *fsys.File, info *meta.Info) bool {
	if info.Size < cloneMin || h.b.noClone.Load() {
		return false
	}
	err := dst.Clone(src)
	switch fsys.ClassOf(err) {
	case fsys.ClassUnsupported, fsys.ClassLinkRefused, fsys.ClassPermission, fsys.ClassName:
		h.b.noClone.Store(true)
	}
	return err == nil // whatever went wrong, copying will tell
}

// small reports whether a file is copied too fast for progress of its own.
func (h *hands) small(info *meta.Info) bool { return info.Size <= int64(len(h.buf)) }

// streamer hashes src and, unless that is what was stored already, copies it
// to dst.
type streamer struct {
	*hands
	task     *task
	dst, src *fsys.File // dst nil: only hash
	events   event.Sink
}

// run takes up to limit bytes from the current positions and returns how many
// there were.
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
		if err := s.put(buf[:n]); err != nil {
			return total, err
		}
		total += int64(n)
		s.advance(int64(n))
	}
	return total, nil
}

func (s *streamer) put(b []byte) error {
	if s.dst == nil {
		return nil
	}
	_, err := s.dst.Write(b)
	return writing(err)
}

func (s *streamer) advance(n int64) {
	s.events.Send(event.Event{Kind: event.Advance, Phase: event.Apply, Bytes: n, Path: s.task.Path})
}

// sparse takes only the ranges that hold data, and returns how many bytes
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
	if s.dst == nil {
		return off, nil
	}
	return off, writing(s.dst.Truncate(off))
}

// segment takes the bytes from start to end.
func (s *streamer) segment(ctx context.Context, start, end int64) (int64, error) {
	if _, err := s.src.Seek(start, io.SeekStart); err != nil {
		return 0, err
	}
	if s.dst != nil {
		if _, err := s.dst.Seek(start, io.SeekStart); err != nil {
			return 0, writing(err)
		}
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
		s.advance(part)
	}
	return nil
}
