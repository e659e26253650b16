package restore

import (
	"context"
	"io"

	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// cloneMin is the size from which on sharing data is cheaper than copying it.
const cloneMin = 128 << 10

// stream brings the data of src into dst and returns the hash of what is in
// dst then. Holes stay holes.
func (h *hands) stream(ctx context.Context, t *task, dst, src *fsys.File, info *meta.Info) (sum digest.Sum, err error) {
	h.hash.Reset()
	s := streamer{hands: h, dst: dst, src: src, tells: info.Size > int64(len(h.buf))}
	if info.Size >= event.LargeFile {
		h.Events.Send(event.Event{Kind: event.File, Phase: event.Restore, Path: t.path, Bytes: info.Size})
		defer h.Events.Send(event.Event{Kind: event.FileDone, Phase: event.Restore, Path: t.path})
	}
	if h.clone(dst, src, info) {
		s.dst, s.src = nil, dst
	}
	err = s.all(ctx, t, info)
	h.hash.Sum(sum[:0])
	return sum, err
}

// clone lets dst share src's data, where both lie on a file system that can do
// that: what is written to one later does not show in the other. One refusal
// is enough to ask no more.
func (h *hands) clone(dst, src *fsys.File, info *meta.Info) bool {
	if info.Size < cloneMin || h.noClone.Load() {
		return false
	}
	err := dst.Clone(src)
	switch fsys.ClassOf(err) {
	case fsys.ClassUnsupported, fsys.ClassLinkRefused, fsys.ClassPermission, fsys.ClassName:
		h.noClone.Store(true)
	}
	return err == nil // whatever went wrong, copying will tell
}

// streamer hashes src and copies it to dst.
type streamer struct {
	*hands
	dst, src *fsys.File // dst nil: only hash
	tells    bool       // progress, as it goes
}

func (s *streamer) all(ctx context.Context, t *task, info *meta.Info) error {
	if info.Sparse() && info.Size > int64(len(s.buf)) {
		return s.sparse(ctx, t, info.Size)
	}
	_, err := s.part(ctx, t, info.Size)
	return err
}

// part takes up to limit bytes from the current positions and returns how many
// there were.
func (s *streamer) part(ctx context.Context, t *task, limit int64) (int64, error) {
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
		if s.dst != nil {
			if _, err := s.dst.Write(buf[:n]); err != nil {
				return total, writing(err)
			}
		}
		total += int64(n)
		s.tell(t, int64(n))
	}
	return total, nil
}

func (s *streamer) tell(t *task, n int64) {
	if s.tells {
		s.Events.Send(event.Event{Kind: event.Advance, Phase: event.Restore, Path: t.path, Bytes: n})
	}
}

// sparse takes only the ranges that hold data. A file that is shorter than it
// said ends where it ends, and its hash tells.
func (s *streamer) sparse(ctx context.Context, t *task, size int64) error {
	var off int64
	for off < size {
		start, end, ok := s.src.NextData(off, size)
		if !ok {
			start, end = size, size
		}
		if err := s.hole(ctx, t, start-off); err != nil {
			return err
		}
		n, err := s.segment(ctx, t, start, end)
		if err != nil {
			return err
		}
		if off = start + n; n < end-start {
			break
		}
	}
	if s.dst == nil {
		return nil
	}
	return writing(s.dst.Truncate(off))
}

// segment takes the bytes from start to end.
func (s *streamer) segment(ctx context.Context, t *task, start, end int64) (int64, error) {
	if _, err := s.src.Seek(start, io.SeekStart); err != nil {
		return 0, err
	}
	if s.dst != nil {
		if _, err := s.dst.Seek(start, io.SeekStart); err != nil {
			return 0, writing(err)
		}
	}
	return s.part(ctx, t, end-start)
}

// hole hashes n zero bytes that are neither read nor written.
func (s *streamer) hole(ctx context.Context, t *task, n int64) error {
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
		s.tell(t, part)
	}
	return nil
}
