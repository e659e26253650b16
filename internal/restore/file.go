package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// verdict is what came of comparing content with what is on record.
type verdict struct {
	sum        digest.Sum
	damage     string // "": none
	unverified bool
}

// errLeftOut ends the restoring of damaged content.
var errLeftOut = errors.New("damaged")

// file restores a regular file.
func (h *hands) file(ctx context.Context, t *task) error {
	src, err := h.from.OpenFile(t.name)
	if err != nil {
		return err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return err
	}
	if info.Kind != meta.File {
		return fmt.Errorf("it was replaced by a %s", info.Kind)
	}
	want, err := h.wanted(t, &info, src.Xattrs)
	if err != nil {
		return err
	}
	old, err := h.present(t)
	if err != nil {
		return err
	}
	if old.Kind == meta.File {
		same, err := h.unchanged(ctx, t, &info, &old, &want)
		if same || err != nil {
			return err
		}
	}
	if t.suspect == "" && t.rec != nil && info.Size != t.rec.Size {
		t.suspect = fmt.Sprintf("its size is %d, on record %d", info.Size, t.rec.Size)
	}
	if t.suspect != "" && !h.AllowDamaged {
		h.damaged(t.path, t.suspect, false)
		return nil
	}
	v := verdict{damage: t.suspect}
	if !h.DryRun {
		err = h.copy(ctx, t, src, &info, &want, &v)
	}
	if errors.Is(err, errLeftOut) {
		h.damaged(t.path, v.damage, false)
		return nil
	}
	if err != nil {
		return err
	}
	h.restored(t, &v, info.Size, old.Kind != meta.Unknown)
	return nil
}

// wanted returns the metadata that a path is to have.
func (h *hands) wanted(t *task, info *meta.Info, xattrs func() (meta.Xattrs, error)) (attributes, error) {
	if t.rec != nil {
		return recorded(t.rec), nil
	}
	return carried(info, xattrs)
}

// present looks at what has the path's name in the target already; its kind is
// Unknown if there is nothing.
func (h *hands) present(t *task) (meta.Info, error) {
	if !h.Overwrite || h.to == nil {
		return meta.Info{}, nil
	}
	old, err := h.to.Lstat(t.source)
	switch {
	case fsys.ClassOf(err) == fsys.ClassVanished:
		return meta.Info{}, nil
	case err != nil:
		return meta.Info{}, writing(err)
	case old.Kind == meta.Dir:
		return meta.Info{}, errDirectory
	}
	return old, nil
}

// unchanged reports whether the target has the file already, content
// included. One that is not quite the same is made anew, never altered: other
// names of it may be anywhere, even in a snapshot.
func (h *hands) unchanged(ctx context.Context, t *task, stored, old *meta.Info, want *attributes) (bool, error) {
	names := uint64(1)
	if t.group != nil {
		names += uint64(t.group.members)
	}
	if len(t.sums) != 1 || old.Nlink > names || old.Mtime != want.mtime || old.SameFile(stored) ||
		t.rec != nil && old.Size != t.rec.Size || t.rec == nil && old.Size != stored.Size {
		return false, nil
	}
	f, err := h.to.OpenFile(t.source)
	if err != nil {
		return false, nil // it can still be replaced
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.SameFile(old) {
		return false, nil
	}
	x, err := f.Xattrs()
	if err != nil && fsys.ClassOf(err) != fsys.ClassUnsupported {
		return false, nil
	}
	same, whole := h.wears(&info, x, want)
	if !same {
		return false, nil
	}
	if !h.DryRun {
		sum, err := h.sum(ctx, f, &info)
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err != nil || sum != t.sums[0] {
			return false, nil
		}
	}
	h.settle(t, t.sums[0])
	h.count(func(r *Result) {
		r.Unchanged.Files++
		r.Unchanged.Bytes += info.Size
		if !whole {
			r.NotKept++
		}
	})
	done := h.content(info.Size)
	done.Path, done.Ready = t.path, h.DryRun
	h.advance(done)
	return true, nil
}

// copy makes the file beside its place and moves it there when it is whole.
func (h *hands) copy(ctx context.Context, t *task, src *fsys.File, info *meta.Info, want *attributes, v *verdict) error {
	var dst *fsys.File
	temp, err := h.temporary(func(name string) (err error) {
		dst, err = h.to.Create(name, tempMode)
		return err
	})
	if err != nil {
		return err
	}
	err = h.fill(ctx, t, dst, src, info, v)
	if err == nil {
		err = h.dress(dst, want)
	}
	if err == nil && h.target.name != "" {
		err = writing(dst.Sync())
	}
	// Network file systems report late what could not be written.
	if cerr := dst.Close(); err == nil {
		err = writing(cerr)
	}
	if err == nil {
		err = h.place(temp, t.source)
	}
	if err != nil {
		return h.abandon(temp, err)
	}
	return nil
}

// fill copies the content and compares it with what is on record.
func (h *hands) fill(ctx context.Context, t *task, dst, src *fsys.File, info *meta.Info, v *verdict) error {
	var err error
	if v.sum, err = h.stream(ctx, t, dst, src, info); err != nil {
		return err
	}
	switch {
	case v.damage != "": // known before
	case len(t.sums) == 0:
		v.unverified = true
	case !slices.Contains(t.sums, v.sum):
		v.damage = fmt.Sprintf("its SHA-256 is %s, on record %s", v.sum, t.sums[0])
		if !h.AllowDamaged {
			return errLeftOut
		}
	}
	return nil
}

// restored accounts for a file that is in its place.
func (h *hands) restored(t *task, v *verdict, size int64, replaced bool) {
	if v.damage != "" {
		h.damaged(t.path, v.damage, true)
	}
	if v.unverified {
		h.note(&h.Result.Unverified, Problem{t.path, "nothing on record confirms its content", true})
	}
	h.count(func(r *Result) {
		r.Restored.Files++
		r.Restored.Bytes += size
		if replaced {
			r.Replaced++
		}
	})
	h.settle(t, v.sum)
	done := h.content(size)
	if done.Small == 0 && !h.DryRun {
		done.Bytes = 0 // they were counted as they went
	}
	done.Path, done.Ready = t.path, h.DryRun
	h.advance(done)
}

// content tells of a file's content in one event.
func (h *hands) content(size int64) event.Event {
	if size <= int64(len(h.buf)) {
		return event.Event{Bytes: size, Small: 1, SmallBytes: size}
	}
	return event.Event{Bytes: size}
}

// settle lets further names of the file be linked to it.
func (h *hands) settle(t *task, sum digest.Sum) {
	if t.group == nil {
		return
	}
	t.group.state = groupState{at: join(h.node.path, t.source), sum: sum}
}

// symlink restores a symbolic link.
func (h *hands) symlink(t *task) error {
	text, err := h.from.Readlink(t.name)
	if err != nil {
		return err
	}
	info, err := h.from.Lstat(t.name)
	if err != nil {
		return err
	}
	want, err := h.wanted(t, &info, func() (meta.Xattrs, error) { return h.from.Xattrs(t.name) })
	if err != nil {
		return err
	}
	if t.suspect == "" && t.rec != nil && t.rec.Target != text {
		t.suspect = fmt.Sprintf("it leads to %q, on record to %q", text, t.rec.Target)
		if !h.AllowDamaged {
			h.damaged(t.path, t.suspect, false)
			return nil
		}
	}
	old, err := h.present(t)
	if err != nil {
		return err
	}
	if old.Kind == meta.Symlink && h.leads(t, text, &old, &want) {
		h.count(func(r *Result) { r.Unchanged.Files++ })
		return nil
	}
	if err := h.makeSymlink(t, text, &want); err != nil {
		return err
	}
	if t.suspect != "" {
		h.damaged(t.path, t.suspect, true)
	}
	h.count(func(r *Result) {
		r.Symlinks++
		if old.Kind != meta.Unknown {
			r.Replaced++
		}
	})
	return nil
}

// leads reports whether the symbolic link is there already.
func (h *hands) leads(t *task, text string, old *meta.Info, want *attributes) bool {
	x, err := h.to.Xattrs(t.source)
	if err != nil && fsys.ClassOf(err) != fsys.ClassUnsupported {
		return false
	}
	same, _ := h.wears(old, x, want)
	now, err := h.to.Readlink(t.source)
	return same && err == nil && now == text
}

func (h *hands) makeSymlink(t *task, text string, want *attributes) error {
	if h.DryRun {
		return nil
	}
	temp, err := h.temporary(func(name string) error { return h.to.Symlink(text, name) })
	if err != nil {
		return err
	}
	if err = h.dressSymlink(temp, want); err == nil {
		err = h.place(temp, t.source)
	}
	if err != nil {
		return h.abandon(temp, err)
	}
	return nil
}
