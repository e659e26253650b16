package plan

import (
	"context"

	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/manifest"
)

// Reasons that stand in plans for people to read.
const (
	reasonUnchanged = "unchanged"
	reasonSmall     = "small file"
	reasonNewSize   = "new size"
	reasonContent   = "new content"
	reasonKnown     = "known content"
	reasonInPlan    = "same content as an earlier file of this plan"
	reasonHardlink  = "hard link in the source"
	reasonChanged   = "changed while it was read"
	reasonVanished  = "vanished"
)

// joinLinks finds the other names of the file's inode in the source.
func (s *sourceBuild) joinLinks(it *item) {
	id := inode{it.info.Dev, it.info.Ino}
	if it.links = s.groups[id]; it.links != nil {
		it.follows = true
		return
	}
	it.links = &hardlinks{}
	s.groups[id] = it.links
}

// decide settles what becomes of a regular file: contract section 5.
func (s *sourceBuild) decide(ctx context.Context, it *item) error {
	if err := s.readSums(ctx, it); err != nil || !it.file {
		return err
	}
	if g := it.links; g != nil && g.placed {
		it.Hardlink = g.path
		if it.SHA256.IsZero() {
			it.SHA256 = g.sum
		}
	}
	it.Change, it.Quiet = it.changeOf(), it.changedQuietly()
	it.Action = ActionCopy
	stored, err := s.choose(ctx, it)
	if err != nil {
		return err
	}
	if it.Change == ChangeNew && stored {
		if err := s.findMove(ctx, it); err != nil {
			return err
		}
	}
	s.settle(it, stored)
	return nil
}

// settle lets later files of the plan be linked to this one.
func (s *sourceBuild) settle(it *item, stored bool) {
	if g := it.links; g != nil {
		if !g.placed {
			g.path, g.placed, g.known = it.Path, true, stored
		}
		if g.sum.IsZero() {
			g.sum = it.SHA256
		}
	}
	if it.mine == nil {
		return
	}
	it.mine.placed = true
	if it.sum != nil && !it.SHA256.IsZero() {
		s.planned.keep(it.mine, it.SHA256)
	}
}

// readSums waits for the hashes that are being made.
func (s *sourceBuild) readSums(ctx context.Context, it *item) error {
	if it.unchanged {
		it.SHA256 = it.rec.SHA256
	}
	if it.sum != nil {
		r, err := it.sum.wait()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			it.SHA256, it.hint, it.asked = r.sum, r.hint, r.asked
		case changed(err):
			it.Reason = reasonChanged // applying will store what it finds
		default:
			it.unreadable(err)
		}
	}
	if it.oldSum != nil {
		// Where it cannot be read the content counts as changed.
		if sum, err := it.oldSum.wait(); err == nil {
			it.rec.SHA256 = sum
		}
	}
	return ctx.Err()
}

// choose decides between copy and link. The content is stored if the root
// has it already, with whatever attributes.
func (s *sourceBuild) choose(ctx context.Context, it *item) (stored bool, err error) {
	switch g := it.links; {
	case it.Size < s.threshold():
		it.Reason = reasonSmall
		if s.Settings.SmallFiles == manifest.SmallFilesLink {
			s.linkParent(it)
		}
		return false, nil
	case g != nil && g.placed:
		s.chooseLinks(it)
		return g.known, nil
	case it.SHA256.IsZero():
		if it.Reason == "" {
			it.Reason = whyUnread(it)
		}
		return false, nil
	case s.linkParent(it):
		return true, nil
	}
	return s.chooseContent(ctx, it)
}

func whyUnread(it *item) string {
	if it.sample != nil {
		return reasonContent
	}
	return reasonNewSize
}

// linkParent links to the parent snapshot's file of the same path, if it has
// the content and its inode may be shared.
func (s *sourceBuild) linkParent(it *item) bool {
	if !it.sameSize() || it.SHA256.IsZero() || it.SHA256 != it.rec.SHA256 || !s.completeStored(it) {
		return false
	}
	want, have := it.attrs(), recordedAttrs(&it.rec)
	if what := s.rule.Differs(&want, &have); what != "" {
		it.Reason = reasonDiffers(what)
		return false
	}
	it.Action, it.Target, it.Reason = ActionLink, s.parentPath(it.Path), reasonUnchanged
	if it.links != nil && !it.links.placed {
		it.links.linked = it.old.Ino
	}
	return true
}

// completeStored looks at the parent's file where its record does not tell
// what was stored, as in a catalogue that was rebuilt.
func (s *sourceBuild) completeStored(it *item) bool {
	if it.rec.Stored != nil {
		return true
	}
	dirPath, name := split(s.parentPath(it.Path))
	dir, err := s.stored.open(dirPath)
	if err != nil {
		return false
	}
	st, err := dir.Lstat(name)
	if err != nil || st.Kind != meta.File || st.Size != it.Size {
		return false
	}
	have, err := attrsOf(dir, name, &st)
	if err != nil {
		return false
	}
	it.old.Ino, it.old.Mode, it.old.UID, it.old.GID = st.Ino, have.Mode, have.UID, have.GID
	it.old.Mtime, it.old.Ctime, it.old.Xattrs = have.Mtime, st.Ctime, have.Xattrs
	it.rec.Stored = &it.old
	return true
}

func reasonDiffers(what string) string { return "stored with another " + what }

// chooseLinks keeps the hard links of the source together as one inode.
func (s *sourceBuild) chooseLinks(it *item) {
	if g := it.links; it.unchanged && g.linked != 0 && it.old.Ino == g.linked && s.linkParent(it) {
		return // the parent has them as one inode already
	}
	it.Action, it.Target, it.Reason = ActionLink, s.storedPath(it.links.path), reasonHardlink
}

// chooseContent links to known content of the same hash, wherever it is.
func (s *sourceBuild) chooseContent(ctx context.Context, it *item) (stored bool, err error) {
	found, err := s.stored.find(ctx, s, it)
	if err != nil {
		return false, err
	}
	if found.path != "" {
		it.Action, it.Target, it.Reason = ActionLink, found.path, reasonKnown
		return true, nil
	}
	if m := s.planned.find(s, it); m != nil {
		it.Action, it.Target, it.Reason = ActionLink, m.stored(), reasonInPlan
		return found.known, nil
	}
	switch {
	case it.Reason != "": // the parent's file cannot be linked to
	case found.differs != "":
		it.Reason = reasonDiffers(found.differs)
	default:
		it.Reason = reasonContent
	}
	return found.known, nil
}

// findMove finds out whether a new path has the content of one that the
// parent snapshot has and the source no longer. Each of these is the origin
// of one new path only: any other is a copy. One that is still there is not
// looked at again, so that many equal files cost one look each.
func (s *sourceBuild) findMove(ctx context.Context, it *item) error {
	x, err := s.parentIndex(ctx)
	if err != nil {
		return err
	}
	for ctx.Err() == nil {
		path, ok := x.take(&it.SHA256)
		if !ok {
			return nil
		}
		if s.isGone(path) {
			it.Change = ChangeMoved
			return nil
		}
	}
	return ctx.Err()
}

// isGone reports whether the source has nothing at a path.
func (s *sourceBuild) isGone(path string) bool {
	_, err := s.dir.LstatAt(path)
	class := fsys.ClassOf(err)
	return err != nil && (class == fsys.ClassVanished || class == fsys.ClassType)
}
