package execute

import (
	"context"
	"errors"
	"fmt"
	"path"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/vouch"
	"phlb/plan"
)

// errUnfit is why a link's target cannot be used; the file is then copied
// from the source.
var errUnfit = errors.New("link target unfit")

func unfit(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errUnfit, fmt.Sprintf(format, args...))
}

// target is the file that a task is to be linked to.
type target struct {
	dir  *fsys.Dir
	name string
	// sum is its content's hash as far as a catalogue or this run vouches for
	// it; zero: to be found out.
	sum digest.Sum
	// inPlan says that this run has stored it, or an interrupted one of the
	// same plan.
	inPlan bool
	// private says that nobody else can exchange it.
	private bool
	inode   meta.Info // what an lstat told of it
	linked  meta.Time // its ctime right after linking, where others can reach it
	xattrs  meta.Xattrs
}

// link makes the task's path another name of its target, or a copy of the
// source where that cannot be.
func (h *hands) link(ctx context.Context, t *task) error {
	to, err := h.aim(ctx, t)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		// Whatever is wrong with the target: the source has the content.
		return h.fallBack(ctx, t, 0, err)
	}
	rec, err := h.join(t, to)
	if err == nil {
		return h.finishLink(t, to, rec)
	}
	return h.unlinked(ctx, t, to, err)
}

// unlinked goes on where linking failed.
func (h *hands) unlinked(ctx context.Context, t *task, to *target, why error) error {
	var full uint64
	switch fsys.ClassOf(why) {
	case fsys.ClassLinkRefused:
		full = to.inode.Ino
		if rec, err := h.joinSpare(t, to); err == nil {
			return h.finishLink(t, to, rec)
		}
	case fsys.ClassVanished, fsys.ClassType, fsys.ClassPermission:
	default:
		if !errors.Is(why, errUnfit) {
			h.b.settle(t.Path, digest.Sum{})
			return h.b.destination(t.Path, why)
		}
	}
	return h.fallBack(ctx, t, full, why)
}

// fallBack stores a copy where a link was planned. full is the inode that
// refused another link, 0 if that was not the reason.
func (h *hands) fallBack(ctx context.Context, t *task, full uint64, why error) error {
	h.b.log.Warn("cannot link, copying instead", "path", t.Path, "target", t.Target, "error", why)
	out, err := h.obtain(ctx, t)
	if out == nil {
		return err
	}
	h.b.fellBack(t, why, out.sum)
	h.becomesSpare(t, full, out)
	return h.finishCopy(t, out)
}

// finishLink accounts for a file that was linked.
func (h *hands) finishLink(t *task, to *target, rec *catalog.Record) error {
	h.stored(t, rec)
	if t.vouched && !to.inPlan {
		h.kept++
	}
	countFile(&h.totals.Link, rec.Size)
	if h.lacks(t, rec.Stored) {
		h.lost++
	}
	h.b.settle(t.Path, rec.SHA256)
	if h.b.debug {
		h.b.log.Debug("linked", "path", t.Path, "target", t.Target)
	}
	n := h.linked.Files + 1
	h.linked = event.Event{Kind: event.Advance, Phase: event.Apply, Files: n, Links: n, Path: t.Path}
	if t.vouched || to.inPlan || rec.Size < h.b.src.threshold() {
		return nil
	}
	// Its content was found by a lookup, or in spite of one that is stale.
	there, err := h.b.run.pointsToFile(rec.SHA256, rec.Size)
	if err != nil {
		return err
	}
	if !there {
		h.b.out.lookAgain(rec.SHA256, keepGood)
		h.added = append(h.added, content{path: t.Path, sum: rec.SHA256, size: rec.Size})
	}
	return nil
}

// lacks reports whether an inode that was linked to lacks what its rule would
// have it keep: the destination, or the user's rights, did not allow it when
// it was copied.
func (h *hands) lacks(t *task, in *catalog.Stored) bool {
	want, have := planned(&t.Entry), attrsOf(in)
	return h.b.rule.Lacks(&want, &have)
}

// planned are the attributes that the plan has seen.
func planned(e *plan.Entry) plan.Attrs {
	return plan.Attrs{Mode: e.Mode, UID: e.UID, GID: e.GID, Mtime: e.Mtime, Xattrs: e.Xattrs}
}

func attrsOf(in *catalog.Stored) plan.Attrs {
	return plan.Attrs{Mode: in.Mode, UID: in.UID, GID: in.GID, Mtime: in.Mtime, Xattrs: in.Xattrs}
}

// aim finds the target and makes sure that it is fit to be linked to.
func (h *hands) aim(ctx context.Context, t *task) (to *target, err error) {
	to = &h.to
	if *to, err = h.target(ctx, t); err != nil {
		return nil, err
	}
	if to.inode, err = to.dir.Lstat(to.name); err != nil {
		return nil, err
	}
	if to.xattrs, err = h.fit(t, to, &to.inode); err != nil {
		return nil, err
	}
	if to.sum.IsZero() {
		to.sum, err = h.vouch(ctx, t, to, &to.inode)
	}
	return to, err
}

// join links and returns the record of what was linked, valid until the next
// one.
func (h *hands) join(t *task, to *target) (*catalog.Record, error) {
	if err := h.stage.Link(to.dir, to.name, t.name()); err != nil {
		return nil, err
	}
	if err := h.sameInode(t, to); err != nil {
		return nil, err
	}
	h.inode = storedOf(catalog.StoredLink, &to.inode, to.xattrs)
	h.inode.Ctime = to.linked // zero: linking changed it, to a time in this run's window
	h.rec = catalog.Record{
		Size: t.Size, Mode: t.Mode, UID: t.UID, GID: t.GID, Mtime: t.Mtime, Ctime: t.Ctime, Ino: t.Ino,
		Xattrs: t.Xattrs, SHA256: to.sum, Racy: racy(t.Ctime, h.b.created), Stored: &h.inode,
	}
	return &h.rec, nil
}

// sameInode makes sure that what was linked is what was looked at before. Where
// nobody else can reach the target there is nothing to look for, and a million
// calls to save.
func (h *hands) sameInode(t *task, to *target) error {
	if to.private {
		return nil
	}
	after, err := h.stage.Lstat(t.name())
	if err != nil {
		return writing(err)
	}
	if before := &to.inode; after.Ino != before.Ino || after.Size != before.Size || after.Mtime != before.Mtime {
		return h.abandon(t, unfit("it was replaced while it was linked"))
	}
	to.linked = after.Ctime
	return nil
}

// target opens the directory of the link's target.
func (h *hands) target(ctx context.Context, t *task) (to target, err error) {
	to.name = base(t.Target)
	if t.vouched {
		if !t.SHA256.IsZero() && t.prev.sum != t.SHA256 {
			return to, unfit("its catalogue records other content")
		}
		to.sum, to.private = t.prev.sum, h.b.private
		to.dir, err = h.parentDir()
		return to, err
	}
	id, below, ok := snapshot.Published(t.Target)
	if !ok {
		return to, unfit("it is not in a snapshot")
	}
	top, rel := h.b.root.Dir(), path.Dir(t.Target)
	if p := h.b.run.promises[t.Target]; p != nil {
		to.inPlan = true
		if to.sum, err = p.wait(ctx, t.SHA256); err != nil {
			return to, err
		}
		if id == h.b.src.id {
			top, rel = h.b.tree, path.Dir(below)
		}
	}
	to.private = top == h.b.tree
	to.dir, err = h.otherDir(top, rel)
	return to, err
}

// parentDir opens this directory in the parent snapshot.
func (h *hands) parentDir() (*fsys.Dir, error) {
	var err error
	if h.prev == nil {
		h.prev, err = h.b.parent.OpenDirAt(h.batch.node.stored)
	}
	return h.prev, err
}

// otherDir opens another directory and keeps it: neighbours are often linked
// to neighbours.
func (h *hands) otherDir(top *fsys.Dir, rel string) (*fsys.Dir, error) {
	key := top.Path() + "\x00" + rel
	if h.other != nil && h.path == key {
		return h.other, nil
	}
	dir, err := top.OpenDirAt(rel)
	if err != nil {
		return nil, err
	}
	if h.other != nil {
		h.other.Close()
	}
	h.other, h.path = dir, key
	return dir, nil
}

// fit looks at the target's inode: it must be a regular file of the right
// size, not altered since a catalogue recorded it, and equal in what
// link_match asks for.
func (h *hands) fit(t *task, to *target, st *meta.Info) (meta.Xattrs, error) {
	if st.Kind != meta.File {
		return nil, unfit("it is a %s", st.Kind)
	}
	if st.Size != t.Size {
		return nil, unfit("its size is %d, not %d", st.Size, t.Size)
	}
	have := plan.Attrs{Mode: st.Mode, UID: st.UID, GID: st.GID, Mtime: st.Mtime}
	if err := h.attributes(t, to, st, &have); err != nil {
		return nil, err
	}
	want := planned(&t.Entry)
	if what := h.b.rule.Differs(&want, &have); what != "" {
		return nil, unfit("its %s differs", what)
	}
	return have.Xattrs, nil
}

// attributes fills in the target's extended attributes, and compares it with
// what the parent's catalogue recorded of it. With the ctime that was
// recorded nothing at all can have happened to it; every further link changes
// the ctime, too, so one from a time when phlb itself was linking is nothing
// to wonder about, unless others could alter the file in that time, too. Any
// other means that the content must be read.
func (h *hands) attributes(t *task, to *target, st *meta.Info, have *plan.Attrs) (err error) {
	rec := &t.prev.stored
	untouched := t.vouched && st.Ino == rec.Ino && (st.Ctime == rec.Ctime || h.b.own.cover(st.Ctime) && h.b.root.Fixed(st))
	if untouched {
		have.Xattrs = rec.Xattrs
	} else if have.Xattrs, err = to.dir.Xattrs(to.name); err != nil {
		return err
	}
	if !t.vouched {
		return nil
	}
	if st.Mtime != rec.Mtime || st.Mode != rec.Mode ||
		st.UID != rec.UID || st.GID != rec.GID || !have.Xattrs.Equal(rec.Xattrs) {
		return unfit("it was altered since it was stored")
	}
	if !untouched {
		// Another file, or one that somebody else touched: the catalogue does
		// not know what it holds now.
		to.sum = digest.Sum{}
	}
	return nil
}

// vouch makes sure that the target has the planned content. A file that took
// the place of the one that the catalogue knows must be read.
func (h *hands) vouch(ctx context.Context, t *task, to *target, st *meta.Info) (digest.Sum, error) {
	want := t.SHA256
	var sum digest.Sum
	var err error
	if t.vouched {
		want = t.prev.sum
		sum, err = vouch.Hash(ctx, to.dir, to.name, st, h.buf)
	} else {
		sum, err = h.sums.Content(ctx, to.dir, h.path, to.name, st, h.buf)
	}
	if err != nil {
		return digest.Sum{}, unfit("%v", err)
	}
	if sum != want {
		return digest.Sum{}, unfit("its content is not what the plan says")
	}
	return sum, nil
}
