package execute

import (
	"context"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/meta"
	"phlb/internal/sums"
	"phlb/internal/vouch"
)

// takeOver looks for the file among what an interrupted run had finished. It
// serves only if the source still is what the journal says was copied. Nil:
// it must be copied.
func (h *hands) takeOver(ctx context.Context, t *task) (*outcome, error) {
	e, ok := h.b.staging.Earlier(sums.StoredPath(t.Path))
	if !ok {
		return nil, nil
	}
	now, xattrs, ok := h.look(t)
	if !ok || now.Kind != meta.File || now.Ctime.IsZero() || e.Size != now.Size || e.Mtime != now.Mtime {
		return nil, nil
	}
	if h.b.src.StableInodes() && (e.Ctime != now.Ctime || e.Ino != now.Ino) {
		return nil, nil
	}
	if e.Racy && !h.stillHas(ctx, t, &now, e.SHA256) {
		return nil, ctx.Err()
	}
	ok, err := h.b.staging.TakeOver(ctx, e, h.stage, t.name())
	if !ok || err != nil {
		return nil, writing(err)
	}
	st, err := h.stage.Lstat(t.name())
	if err != nil {
		return nil, writing(err)
	}
	h.b.log.Info("taken over from an interrupted run", "path", t.Path)
	h.b.tally(func(r *Report) {
		r.TakenOver.Files++
		r.TakenOver.Bytes += now.Size
	})
	kept := xattrs
	if len(xattrs) > 0 { // the destination may have refused some
		if kept, err = h.stage.Xattrs(t.name()); err != nil {
			return nil, writing(err)
		}
	}
	stored := storedOf(catalog.StoredCopy, &st, kept)
	return &outcome{
		info: now, xattrs: xattrs, sum: e.SHA256, racy: racy(now.Ctime, h.b.now()), stored: stored, unread: now.Size, ready: true,
	}, nil
}

// stillHas reads the source's file, of which the metadata alone cannot prove
// that it is what was copied.
func (h *hands) stillHas(ctx context.Context, t *task, now *meta.Info, want digest.Sum) bool {
	dir, err := h.source()
	if err != nil {
		return false
	}
	sum, err := vouch.Hash(ctx, dir, base(t.Path), now, h.buf)
	return err == nil && sum == want
}

// look tells what the task's file is like in the source, without reading it.
// ok is false when that cannot be told.
func (h *hands) look(t *task) (now meta.Info, xattrs meta.Xattrs, ok bool) {
	dir, err := h.source()
	if err != nil {
		return now, nil, false
	}
	if now, err = dir.Lstat(base(t.Path)); err != nil {
		return now, nil, false
	}
	if now.Ctime == t.Ctime {
		return now, t.Xattrs, true // they cannot change without the ctime
	}
	xattrs, err = dir.Xattrs(base(t.Path))
	return now, xattrs, err == nil
}
