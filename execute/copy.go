package execute

import (
	"context"
	"errors"
	"fmt"
	"io"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
	"phlb/internal/transfer"
	"phlb/plan"
)

// maxAttempts is how often a file that changes while it is read is read.
const maxAttempts = 3

// outcome is what storing one file came to.
type outcome struct {
	info   meta.Info // of the source, from the descriptor that was read
	xattrs meta.Xattrs
	sum    digest.Sum
	racy   bool
	torn   bool  // it changed during each attempt
	unread int64 // bytes that progress has not counted
	ready  bool  // an interrupted run had stored it
	stored catalog.Stored
}

// copy stores a file's content from the source.
func (h *hands) copy(ctx context.Context, t *task) error {
	out, err := h.obtain(ctx, t)
	if out == nil {
		return err
	}
	return h.finishCopy(t, out)
}

// obtain puts the file into the snapshot, from what an interrupted run left
// or from the source. Without an outcome nothing was stored; if the error is
// nil, too, that has been noted.
func (h *hands) obtain(ctx context.Context, t *task) (*outcome, error) {
	out, err := h.takeOver(ctx, t)
	if err == nil && out == nil {
		out, err = h.copyFile(ctx, t)
	}
	if err != nil {
		h.b.settle(t.Path, digest.Sum{})
		return nil, h.b.sourceFault(ctx, t, err)
	}
	return out, nil
}

// finishCopy accounts for a file that was copied.
func (h *hands) finishCopy(t *task, out *outcome) error {
	if why := h.b.drift(&t.Entry, out); why != "" {
		if err := h.b.drifted(t.Path, why); err != nil {
			return err
		}
		if inherited(t) && t.Change != plan.ChangeContent && out.sum != t.SHA256 {
			h.b.tally(func(*Report) { h.b.altered++ })
		}
	}
	h.stored(t, &catalog.Record{
		Size: out.info.Size, Mode: out.info.Mode, UID: out.info.UID, GID: out.info.GID,
		Mtime: out.info.Mtime, Ctime: out.info.Ctime, Ino: out.info.Ino, Xattrs: out.xattrs,
		SHA256: out.sum, Racy: out.racy || out.torn, Stored: &out.stored,
	})
	countFile(&h.totals.Copy, out.info.Size)
	if out.info.Size >= h.b.src.threshold() {
		h.added = append(h.added, content{path: t.Path, sum: out.sum, size: out.info.Size})
	}
	h.b.settle(t.Path, out.sum)
	if h.b.debug {
		h.b.log.Debug("copied", "path", t.Path, "bytes", out.info.Size, "sha256", out.sum.String())
	}
	done := event.Event{Kind: event.Advance, Phase: event.Apply, Files: 1, Bytes: out.unread, Ready: out.ready, Path: t.Path}
	if h.small(&out.info) {
		done.Small, done.SmallBytes = 1, out.unread
	}
	h.b.events.Send(done)
	if out.torn {
		return nil // no later run could tell what state of it this is
	}
	return h.b.check.add(snapshot.JournalEntry{
		Path: sums.StoredPath(t.Path), Size: out.info.Size, Mtime: out.info.Mtime, Ctime: out.info.Ctime, Ino: out.info.Ino,
		SHA256: out.sum, StagedIno: out.stored.Ino, StagedMtime: out.stored.Mtime, Racy: out.racy,
	})
}

// drift says in which way what was stored is not what the plan saw; "" means
// it is the same.
func (b *builder) drift(e *plan.Entry, out *outcome) string {
	switch {
	case out.torn:
		return fmt.Sprintf("changed while it was being read, %d times", maxAttempts)
	case out.info.Size != e.Size:
		return fmt.Sprintf("size is %d, planned %d", out.info.Size, e.Size)
	case !e.SHA256.IsZero() && out.sum != e.SHA256:
		return "content is not what was planned"
	}
	return b.src.driftOf(e, &out.info)
}

// driftOf is drift as far as it shows without reading. A source without stable
// inodes has others after each mount, and may have no ctime that means anything:
// there the attributes, which cannot change without it elsewhere, are compared.
func (s *checkedSource) driftOf(e *plan.Entry, now *meta.Info) string {
	switch {
	case now.Size != e.Size:
		return fmt.Sprintf("size is %d, planned %d", now.Size, e.Size)
	case now.Mtime != e.Mtime:
		return "modification time is not what was planned"
	case !s.StableInodes():
		if now.Mode != e.Mode || now.UID != e.UID || now.GID != e.GID {
			return "mode or owner is not what was planned"
		}
	case !e.Ctime.IsZero() && now.Ctime != e.Ctime:
		return "change time (ctime) is not what was planned"
	case e.Ino != 0 && now.Ino != e.Ino:
		return "it is another file (inode) than planned"
	}
	return ""
}

// errOther means that the path is of another type than planned.
var errOther = errors.New("it is no regular file any more")

// ofAnotherType explains why something could not be opened as a file: what is
// a symbolic link now looks like "too many levels of symbolic links".
func ofAnotherType(dir *fsys.Dir, name string, err error) error {
	if now, statErr := dir.Lstat(name); statErr == nil && now.Kind != meta.File {
		return fmt.Errorf("%w but a %s", errOther, now.Kind)
	}
	return err
}

// copyFile copies one file into staging: content and metadata come from one
// descriptor, and the hash is that of the bytes that were written.
func (h *hands) copyFile(ctx context.Context, t *task) (*outcome, error) {
	dir, err := h.source()
	if err != nil {
		return nil, err
	}
	src, err := dir.OpenFile(base(t.Path))
	if err != nil {
		return nil, ofAnotherType(dir, base(t.Path), err)
	}
	defer src.Close()
	out := &outcome{}
	if out.info, err = src.Stat(); err != nil {
		return nil, err
	}
	if out.info.Kind != meta.File {
		return nil, fmt.Errorf("%w but a %s", errOther, out.info.Kind)
	}
	dst, err := h.stage.Create(t.name(), stagedMode(t))
	if err != nil {
		return nil, writing(making(h.stage, err))
	}
	err = h.attempts(ctx, t, dst, src, out)
	if err == nil {
		err = h.dress(t, dst, src, out)
	}
	// Network file systems report late what could not be written.
	if cerr := dst.Close(); err == nil {
		err = writing(cerr)
	}
	if err != nil {
		return nil, h.abandon(t, err)
	}
	return out, nil
}

// stagedMode is what a file is made with: the planned mode, which mostly is
// the final one and then need not be set, unless that could keep its owner from
// writing attributes.
func stagedMode(t *task) uint32 {
	if len(t.Xattrs) > 0 || t.Mode&^0o777 != 0 {
		return 0o600
	}
	return t.Mode
}

// abandon removes a file that could not be finished, so that no half of it
// gets into the snapshot; where that fails the snapshot must not be published.
func (h *hands) abandon(t *task, why error) error {
	if err := h.stage.Remove(t.name()); err != nil {
		//nolint:errorlint // why it was abandoned must not be found in it: this stops the run
		return writing(fmt.Errorf("%v; and removing what was written of it failed: %w", why, err))
	}
	return why
}

// attempts reads the file until it did not change meanwhile.
func (h *hands) attempts(ctx context.Context, t *task, dst, src *fsys.File, out *outcome) error {
	if out.info.Size >= event.LargeFile {
		h.b.events.Send(event.Event{Kind: event.File, Phase: event.Apply, Path: t.Path, Bytes: out.info.Size})
		defer h.b.events.Send(event.Event{Kind: event.FileDone, Phase: event.Apply, Path: t.Path})
	}
	for attempt := 1; ; attempt++ {
		began := h.b.now()
		sum, size, err := h.stream(ctx, t, dst, src, &out.info)
		if err != nil {
			return err
		}
		now, err := src.Stat()
		if err != nil {
			return err
		}
		if h.small(&out.info) {
			out.unread += size
		}
		same := size == now.Size && now.Size == out.info.Size && now.Mtime == out.info.Mtime && now.Ctime == out.info.Ctime
		out.sum, out.info, out.racy = sum, now, racy(now.Ctime, began)
		if same {
			return nil
		}
		if attempt == maxAttempts {
			out.torn = true
			out.info.Size = size // what was stored
			return nil
		}
		if err := rewind(dst, src); err != nil {
			return err
		}
	}
}

func rewind(dst, src *fsys.File) error {
	if _, err := src.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if err := dst.Truncate(0); err != nil {
		return writing(err)
	}
	_, err := dst.Seek(0, io.SeekStart)
	return writing(err)
}

// dress gives the staged file its final metadata and notes what it became.
// The order matters: a change of owner drops set-uid bits and capabilities,
// and an ACL changes the mode.
func (h *hands) dress(t *task, dst, src *fsys.File, out *outcome) error {
	out.xattrs = t.Xattrs
	if t.Ctime.IsZero() || out.info.Ctime != t.Ctime {
		// Attributes cannot change without the ctime, so the plan's are right
		// only while that is the planned one.
		var err error
		if out.xattrs, err = src.Xattrs(); err != nil {
			return err
		}
	}
	d := h.b.dresser()
	d.owner(dst, out.info.UID, out.info.GID)
	d.Xattrs(dst, out.xattrs)
	d.Try(dst.SetMtime(out.info.Mtime))
	st, err := dst.Stat()
	if err == nil {
		mode := plan.StoredMode(out.info.Mode, st.UID == out.info.UID, st.GID == out.info.GID)
		if st.Mode != mode {
			d.Try(dst.Chmod(mode))
			st, err = dst.Stat()
		}
	}
	if err != nil {
		return writing(err)
	}
	d.compare(&st, &out.info)
	if err := d.done(); err != nil {
		return writing(err)
	}
	kept := out.xattrs
	if d.Lost {
		if kept, err = dst.Xattrs(); err != nil {
			return writing(err)
		}
	}
	out.stored = storedOf(catalog.StoredCopy, &st, kept)
	return nil
}

func storedOf(action string, st *meta.Info, xattrs meta.Xattrs) catalog.Stored {
	return catalog.Stored{
		Action: action, Ino: st.Ino, Mode: st.Mode, UID: st.UID, GID: st.GID, Mtime: st.Mtime, Ctime: st.Ctime, Xattrs: xattrs,
	}
}

// writing marks an error of the destination, so that it is not taken for one of
// the source. Nil stays nil.
func writing(err error) error { return transfer.Writing(err) }
