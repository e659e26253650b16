package execute

import (
	"context"
	"slices"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
	"phlb/internal/vouch"
	"phlb/plan"
)

// takeOver looks for the file among what an interrupted run had finished. It
// serves only if the source still is what the journal says was copied. Nil:
// it must be copied.
func (h *hands) takeOver(ctx context.Context, t *task) (*outcome, error) {
	e, ok := h.b.staging.Earlier(sums.StoredPath(t.Path))
	if !ok {
		return nil, nil
	}
	began := h.b.now()
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
	stored, err := h.asStaged(t, &e, &now, xattrs)
	if stored == nil {
		return nil, writing(err)
	}
	h.b.log.Info("taken over from an interrupted run", "path", t.Path)
	h.b.tally(func(r *Report) {
		r.TakenOver.Files++
		r.TakenOver.Bytes += now.Size
	})
	return &outcome{
		info: now, xattrs: xattrs, sum: e.SHA256, racy: racy(now.Ctime, began), stored: *stored, unread: now.Size, ready: true,
	}, nil
}

// asStaged tells what the file that was moved is like. Where the source's mode,
// owner or attributes can have changed without its ctime telling, and a copy
// would now be another, it is removed again: nil. It must not be dressed: it
// may share its inode with other staged files.
func (h *hands) asStaged(t *task, e *snapshot.JournalEntry, now *meta.Info, xattrs meta.Xattrs) (*catalog.Stored, error) {
	st, err := h.stage.Lstat(t.name())
	if err != nil {
		return nil, err
	}
	kept, err := h.stage.Xattrs(t.name()) // the destination may have refused some
	if err != nil {
		return nil, err
	}
	stored := storedOf(catalog.StoredCopy, &st, kept)
	if h.b.src.StableInodes() && !e.Racy || h.b.wouldBe(now, xattrs, &stored) {
		return &stored, nil
	}
	return nil, h.stage.Remove(t.name())
}

// wouldBe reports whether a copy of the source's file would have the mode, the
// owner and the attributes that are stored, as far as the destination keeps any.
func (b *builder) wouldBe(now *meta.Info, xattrs meta.Xattrs, in *catalog.Stored) bool {
	want, have := plan.Attrs{Mode: now.Mode, UID: now.UID, GID: now.GID, Xattrs: xattrs}, attrsOf(in)
	return b.rule.Copied(&want, &have) || slices.Contains(b.tree.Limits(), fsys.LimitModes)
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
