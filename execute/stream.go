package execute

import (
	"context"

	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/transfer"
)

// stream brings the data of src into dst once and returns its hash and size,
// both of what is in dst.
func (h *hands) stream(ctx context.Context, t *task, dst, src *fsys.File, info *meta.Info) (digest.Sum, int64, error) {
	c := transfer.Copier{Hash: h.hash, Buf: h.buf, NoClone: &h.b.noClone}
	if !h.small(info) {
		c.Advance = func(n int64) {
			h.b.events.Send(event.Event{Kind: event.Advance, Phase: event.Apply, Bytes: n, Path: t.Path})
		}
	}
	return c.Copy(ctx, dst, src, info)
}

// small reports whether a file is copied too fast for progress of its own: it
// is counted when it is done.
func (h *hands) small(info *meta.Info) bool { return info.Size <= int64(len(h.buf)) }
