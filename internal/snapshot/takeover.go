package snapshot

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// Earlier returns what the journals of interrupted runs say of a stored
// path. Whether it still matches the source is for the caller to see, and
// whether the staged file is still there, for TakeOver.
func (s *Staging) Earlier(path string) (e JournalEntry, ok bool) {
	e, ok = s.earlier[path]
	return e, ok
}

// TakeOver moves the staged file that e describes from an old tree to name in
// the directory to, below Tree. It returns false, and changes nothing, unless
// the file is there, reached without a symbolic link, and is still the
// regular file that was journaled: same inode, size and mtime, out of reach
// of others, and with no name outside the old trees, so that it is no
// published file's inode.
func (s *Staging) TakeOver(ctx context.Context, e JournalEntry, to *fsys.Dir, name string) (bool, error) {
	if !isLocal(e.Path) {
		return false, nil
	}
	// Whichever tree holds it: a crash can come between taking a file over
	// and recording it again.
	for _, tree := range s.old {
		ok, err := s.takeFrom(ctx, tree, &e, to, name)
		if err != nil {
			return false, fmt.Errorf("take over staged %s: %w", e.Path, err)
		}
		if ok {
			return true, nil
		}
	}
	return false, nil
}

func (s *Staging) takeFrom(ctx context.Context, tree *fsys.Dir, e *JournalEntry, to *fsys.Dir, name string) (bool, error) {
	dir, err := tree.OpenDirAt(path.Dir(e.Path))
	if err != nil {
		return false, unlessUnusable(err)
	}
	defer dir.Close()
	base := path.Base(e.Path)
	info, err := dir.Lstat(base)
	if err != nil {
		return false, unlessUnusable(err)
	}
	if !s.isAsRecorded(&info, e) {
		return false, nil
	}
	if own, err := s.isStagingsOwn(ctx, &info); err != nil || !own {
		return false, err
	}
	if err := moveOut(dir, base, to, name); err != nil {
		return false, err
	}
	return true, nil
}

// unlessUnusable turns errors that mean that there is no such staged file
// into none.
func unlessUnusable(err error) error {
	switch fsys.ClassOf(err) {
	case fsys.ClassVanished, fsys.ClassType, fsys.ClassPermission:
		return nil
	}
	return err
}

func (s *Staging) isAsRecorded(info *meta.Info, e *JournalEntry) bool {
	return info.Kind == meta.File && info.Size == e.Size && info.Ino == e.StagedIno &&
		info.Mtime == e.StagedMtime && (s.closed || isTrusted(info, s.euid))
}

// isStagingsOwn reports whether all names of the file's inode are in the old
// trees: links that the interrupted run made to the file it had copied.
func (s *Staging) isStagingsOwn(ctx context.Context, info *meta.Info) (bool, error) {
	if info.Nlink <= 1 {
		return true, nil
	}
	s.linksOnce.Do(func() { s.linksErr = s.countLinks(ctx) })
	return s.linksErr == nil && s.links[info.Ino] == info.Nlink, s.linksErr
}

// countLinks counts the names that the inodes of the journals have in the
// old trees. Files that were linked to a published one are not among them.
func (s *Staging) countLinks(ctx context.Context) error {
	s.links = make(map[uint64]uint64, len(s.earlier))
	for _, e := range s.earlier {
		s.links[e.StagedIno] = 0
	}
	for _, tree := range s.old {
		if err := s.countIn(ctx, tree, "."); err != nil {
			return err
		}
	}
	return nil
}

func (s *Staging) countIn(ctx context.Context, tree *fsys.Dir, rel string) error {
	subs, err := s.countDir(ctx, tree, rel)
	if err != nil {
		return unlessUnusable(err)
	}
	for _, sub := range subs {
		if err := s.countIn(ctx, tree, path.Join(rel, sub)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Staging) countDir(ctx context.Context, tree *fsys.Dir, rel string) (subs []string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir, err := tree.OpenDirAt(rel)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	list, err := dir.ReadDir()
	if err != nil {
		return nil, err
	}
	for _, e := range list {
		info, err := dir.Lstat(e.Name)
		switch {
		case err != nil:
			continue // too few names are counted: the file is stored again
		case info.Kind == meta.Dir:
			subs = append(subs, e.Name)
		case info.Nlink > 1:
			if _, ok := s.links[info.Ino]; ok {
				s.links[info.Ino]++
			}
		}
	}
	return subs, nil
}

// moveOut renames a file out of an old tree, whose directories may already
// have their final, read-only modes.
func moveOut(dir *fsys.Dir, name string, to *fsys.Dir, toName string) error {
	err := dir.RenameNew(name, to, toName)
	if fsys.ClassOf(err) != fsys.ClassPermission || makeWritable(dir) != nil {
		return err
	}
	return dir.RenameNew(name, to, toName)
}

// discardWorkers is how many directories of old trees are removed at a time.
const discardWorkers = 4

// DiscardOld removes the trees of interrupted runs and their journals. It
// serves best once the snapshot is published: mass removal slows down
// whatever is created soon after.
func (s *Staging) DiscardOld(ctx context.Context) error {
	numbers, err := s.oldNumbers()
	if err != nil {
		return fmt.Errorf("remove old staging of %s: %w", s.name, err)
	}
	for _, tree := range s.old {
		tree.Close()
	}
	s.old, s.earlier = nil, nil
	for _, n := range numbers {
		if err := removeTree(ctx, s.dir, oldPrefix+strconv.Itoa(n), discardWorkers); err != nil {
			return fmt.Errorf("remove old staging of %s: %w", s.name, err)
		}
	}
	return s.removeJournals()
}

// removeJournals removes the journals of old trees, once there are no old
// trees any more.
func (s *Staging) removeJournals() error {
	names, err := listNames(s.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if !strings.HasPrefix(name, journalPrefix) {
			continue
		}
		if err := s.dir.Remove(name); err != nil {
			return fmt.Errorf("remove old staging of %s: %w", s.name, err)
		}
	}
	return nil
}

// Discard removes everything of this name's staging and closes it.
func (s *Staging) Discard(ctx context.Context) error {
	if s.base == nil {
		return fmt.Errorf("remove staging of %s: %w", s.name, fs.ErrClosed)
	}
	base, err := s.base.OpenDirAt(".")
	if err != nil {
		return err
	}
	defer base.Close()
	if err := s.Close(); err != nil {
		return err
	}
	if err := removeTree(ctx, base, escape(s.name), discardWorkers); err != nil {
		return fmt.Errorf("remove staging of %s: %w", s.name, err)
	}
	return nil
}
