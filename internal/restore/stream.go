package restore

import (
	"context"
	"io"

	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/transfer"
)

// stream brings the data of src into dst and returns the hash of what is in
// dst then.
func (h *hands) stream(ctx context.Context, t *task, dst, src *fsys.File, info *meta.Info) (digest.Sum, error) {
	c := transfer.Copier{Hash: h.hash, Buf: h.buf, NoClone: &h.noClone}
	if info.Size > int64(len(h.buf)) {
		c.Advance = func(n int64) {
			h.Events.Send(event.Event{Kind: event.Advance, Phase: event.Restore, Path: t.path, Bytes: n})
		}
	}
	if info.Size >= event.LargeFile {
		h.Events.Send(event.Event{Kind: event.File, Phase: event.Restore, Path: t.path, Bytes: info.Size})
		defer h.Events.Send(event.Event{Kind: event.FileDone, Phase: event.Restore, Path: t.path})
	}
	sum, _, err := c.Copy(ctx, dst, src, info) // a file that is shorter than it said has another hash
	return sum, err
}

// sum hashes a file of the target.
func (h *hands) sum(ctx context.Context, f *fsys.File, info *meta.Info) (sum digest.Sum, err error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return sum, err
	}
	c := transfer.Copier{Hash: h.hash, Buf: h.buf}
	sum, _, err = c.Sum(ctx, f, info)
	return sum, err
}
