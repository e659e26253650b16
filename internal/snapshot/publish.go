package snapshot

import (
	"errors"
	"fmt"
	"path"

	"phlb/internal/fsys"
)

// openParent opens the directory that holds the last element of rel.
func openParent(base *fsys.Dir, rel string) (*fsys.Dir, string, error) {
	dir, err := base.OpenDirAt(path.Dir(rel))
	return dir, path.Base(rel), err
}

// Publish makes the tree of s the snapshot id, in one rename and never over
// anything (fs.ErrExist). The directories of its name are made (0700) if they
// are missing. The caller has made everything in the tree durable, and put
// catalogue and report into place.
//
// After an error the snapshot is there whole or not at all; it is there only
// if making the rename durable failed.
func (r *Root) Publish(s *Staging, id ID) error {
	if err := id.check(); err != nil {
		return err
	}
	if id.Name != s.name {
		return fmt.Errorf("publish %s: staged for %s: %w", id, s.name, ErrName)
	}
	dir, err := makeDirs(r.dir, id.Name)
	if err != nil {
		return fmt.Errorf("publish %s: %w", id, err)
	}
	defer dir.Close()
	if err := s.publishInto(dir, id.Time); err != nil {
		return fmt.Errorf("publish %s: %w", id, err)
	}
	// The rename counts once both directories it touched are on disk.
	if err := errors.Join(dir.SyncNames(), s.dir.SyncNames()); err != nil {
		return fmt.Errorf("publish %s: %w", id, err)
	}
	return nil
}

func (s *Staging) publishInto(dir *fsys.Dir, name string) error {
	err := s.dir.RenameNew(treeDir, dir, name)
	if fsys.ClassOf(err) != fsys.ClassPermission {
		return err
	}
	info, serr := s.tree.Stat()
	if serr != nil || info.Mode&ownerAll == ownerAll {
		return err // something else is not permitted
	}
	return s.publishReadOnly(dir, name, info.Mode)
}

// publishReadOnly publishes a tree whose top directory is read-only, as an
// ordinary user. A directory that moves to another parent has to be writable,
// as its ".." changes; one that is renamed within its parent has not. So the
// tree moves beside the snapshots first, gets its mode back there, and only
// then appears.
func (s *Staging) publishReadOnly(dir *fsys.Dir, name string, mode uint32) error {
	if err := makeWritable(s.tree); err != nil {
		return err
	}
	err := s.dir.RenameNew(treeDir, dir, publishingDir)
	if err == nil {
		err = s.appear(dir, name, mode)
	}
	if err != nil {
		// Back to where the next run looks for it.
		return errors.Join(err, s.recallFrom(dir))
	}
	return nil
}

func (s *Staging) appear(dir *fsys.Dir, name string, mode uint32) error {
	if err := s.tree.Chmod(mode); err != nil {
		return err
	}
	// A snapshot must never be seen with another mode than its own.
	if err := s.tree.SyncNames(); err != nil {
		return err
	}
	return dir.RenameNew(publishingDir, dir, name)
}
