//go:build windows || portable

package fsys

import (
	"os"
	"syscall"

	"phlb/internal/meta"
)

// This file holds what happens between two directories. os.Root offers links
// and renames inside one Root only, so they go by the paths from the common
// top, after a look whether these still lead to the open directories. Who
// exchanges a directory for a symbolic link right then can lead the operation
// to another place below the top, but never outside.

// Link makes name in d another name of from's oldName, which is not followed
// if it is a symbolic link. Both directories must have been opened through
// the same Open; otherwise it fails like a link across file systems.
func (d *Dir) Link(from *Dir, oldName, name string) error {
	if err := check(oldName); err != nil {
		return pathError("link", from.path, oldName, err)
	}
	return d.below(OpLink, name, func() error {
		return between(from, oldName, d, name, (*os.Root).Link)
	})
}

// Rename moves name to toName in the directory to, replacing what is there,
// unless that is a directory. Like Link it stays below one Open.
func (d *Dir) Rename(name string, to *Dir, toName string) error {
	if err := check(toName); err != nil {
		return pathError("rename", to.path, toName, err)
	}
	return d.below(OpRename, name, func() error {
		return between(d, name, to, toName, (*os.Root).Rename)
	})
}

// RenameNew is Rename that fails with fs.ErrExist if toName exists. Between
// processes there is a gap between looking and renaming.
func (d *Dir) RenameNew(name string, to *Dir, toName string) error {
	if err := check(toName); err != nil {
		return pathError("rename", to.path, toName, err)
	}
	return d.below(OpRename, name, func() error {
		d.top.renames.Lock()
		defer d.top.renames.Unlock()
		if _, err := to.lstat(toName); ClassOf(err) != ClassVanished {
			if err == nil {
				err = syscall.EEXIST
			}
			return err
		}
		return between(d, name, to, toName, (*os.Root).Rename)
	})
}

func between(from *Dir, oldName string, to *Dir, newName string, call func(*os.Root, string, string) error) error {
	if from == to {
		return call(to.root, oldName, newName)
	}
	if from.top != to.top {
		return syscall.EXDEV
	}
	for _, d := range []*Dir{from, to} {
		if err := d.inPlace(); err != nil {
			return err
		}
	}
	return call(from.top.root, join(from.rel, oldName), join(to.rel, newName))
}

// inPlace fails if the path from the top no longer leads to d.
func (d *Dir) inPlace() error {
	there, err := d.top.root.Lstat(d.rel)
	if err != nil {
		return bare(err)
	}
	here, err := d.self.Stat()
	if err != nil {
		return bare(err)
	}
	if !os.SameFile(there, here) {
		return syscall.ENOENT
	}
	return nil
}

// Chmod sets the permission bits of the directory itself. On Windows only the
// owner's write bit has a meaning, and for files only.
func (d *Dir) Chmod(mode uint32) error {
	return d.onSelf(OpChmod, func() error { return d.root.Chmod(".", stdMode(mode)) })
}

// LchmodDir sets the permission bits of the directory called name. It is for
// directories whose bits keep even their owner from opening them; others have
// Chmod.
func (d *Dir) LchmodDir(name string, mode uint32) error {
	return d.below(OpChmod, name, func() error {
		info, err := d.root.Lstat(name)
		if err != nil {
			return bare(err)
		}
		if !info.IsDir() {
			return errNotDir
		}
		return d.root.Chmod(name, stdMode(mode))
	})
}

// Chown sets the owner of the directory itself.
func (d *Dir) Chown(uid, gid uint32) error {
	return d.onSelf(OpChown, func() error { return noOwners(d.root.Chown(".", int(uid), int(gid))) })
}

// Lchown sets the owner of name without following it.
func (d *Dir) Lchown(name string, uid, gid uint32) error {
	return d.below(OpChown, name, func() error { return noOwners(d.root.Lchown(name, int(uid), int(gid))) })
}

// SetMtime sets the modification time of the directory itself; the access
// time becomes the same.
func (d *Dir) SetMtime(t meta.Time) error {
	return d.onSelf(OpTimes, func() error { return setDirTimes(d.self, t) })
}

// LsetMtime sets the modification time of name without following it; the
// access time becomes the same.
func (d *Dir) LsetMtime(name string, t meta.Time) error {
	return d.below(OpTimes, name, func() error { return setTimesAt(d.self, name, t) })
}

// Sync makes the directory's entries durable where there is such a call.
func (d *Dir) Sync() error { return d.onSelf(OpSync, func() error { return syncDir(d.self) }) }

// SyncFS returns ErrUnsupported: callers sync file by file.
func (d *Dir) SyncFS() error { return d.onSelf(OpSyncFS, func() error { return ErrUnsupported }) }

// SelfXattrs returns none: extended attributes are not reached here.
func (d *Dir) SelfXattrs() (meta.Xattrs, error) { return nil, nil }

// Xattrs returns none: extended attributes are not reached here.
func (d *Dir) Xattrs(name string) (meta.Xattrs, error) {
	return nil, pathError("getxattr", d.path, name, check(name))
}

// SetXattr returns ErrUnsupported.
func (d *Dir) SetXattr(string, []byte) error {
	return d.onSelf(OpSetXattr, func() error { return ErrUnsupported })
}

// LsetXattr returns ErrUnsupported.
func (d *Dir) LsetXattr(name, _ string, _ []byte) error {
	return d.below(OpSetXattr, name, func() error { return ErrUnsupported })
}

// stdMode converts permission bits to the standard library's.
func stdMode(mode uint32) os.FileMode {
	m := os.FileMode(mode & 0o777)
	for bit, std := range map[uint32]os.FileMode{0o4000: os.ModeSetuid, 0o2000: os.ModeSetgid, 0o1000: os.ModeSticky} {
		if mode&bit != 0 {
			m |= std
		}
	}
	return m
}
