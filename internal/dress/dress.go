// Package dress gives new files, directories and symbolic links their metadata.
// What their file system cannot hold, or the user may not set, is lost, which
// is for others to count; it must never keep content from being stored.
//
// It must never touch anything but the one path it is handed, and nothing that
// has more names than one: metadata belongs to the inode.
package dress

import (
	"maps"
	"slices"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// SetID are the mode bits that lend a file's owner's, or group's, rights to
// whoever runs it. They are not for a file that could not be given to them.
const SetID = 0o6000

// Object is what is dressed: a *fsys.File, a *fsys.Dir, or a Link.
type Object interface {
	Chown(uid, gid uint32) error
	SetXattr(name string, value []byte) error
}

// Link is a symbolic link, in a directory.
type Link struct {
	Dir  *fsys.Dir
	Name string
}

// Chown changes the owner of the link itself.
func (l Link) Chown(uid, gid uint32) error { return l.Dir.Lchown(l.Name, uid, gid) }

// SetXattr sets an extended attribute of the link itself.
func (l Link) SetXattr(name string, value []byte) error {
	return l.Dir.LsetXattr(l.Name, name, value)
}

// Owner is a user and a group.
type Owner struct{ UID, GID uint32 }

// OwnerOf returns an inode's.
func OwnerOf(info *meta.Info) Owner { return Owner{info.UID, info.GID} }

// Dresser sets the metadata of one object and notes what became of it. After
// an error that is more than a loss it notes no other.
//
// The order is up to the caller, and matters: a change of owner drops set-uid
// bits and capabilities, and an ACL changes the mode.
type Dresser struct {
	FS   *fsys.Dir // of the same file system; nil: attributes that do not fit are a failure
	Lost bool      // something could not be set
	Err  error     // the first failure that is not due to what can be set here
}

// Try takes the result of setting something.
func (d *Dresser) Try(err error) {
	if err == nil || d.Err != nil {
		return
	}
	switch fsys.ClassOf(err) {
	case fsys.ClassPermission, fsys.ClassUnsupported, fsys.ClassName, fsys.ClassLinkRefused:
		d.Lost = true
		return
	}
	d.Err = err
}

// Owner sets the owner where it differs, and returns whether it is right now.
// Only root may give files away; others can still give what is theirs to a
// group of theirs.
func (d *Dresser) Owner(on Object, have, want Owner) bool {
	if have == want {
		return true
	}
	err := on.Chown(want.UID, want.GID)
	if err == nil {
		return true
	}
	d.Try(err)
	if d.Err == nil && have.UID != want.UID && have.GID != want.GID {
		_ = on.Chown(have.UID, want.GID) // it is lost already, in part
	}
	return false
}

// roomLeft is how many free bytes tell a full disk from attributes that are
// too large for their file system, which says "no space left", too.
const roomLeft = 1 << 20

// Xattrs sets extended attributes, in a fixed order.
func (d *Dresser) Xattrs(on Object, xattrs meta.Xattrs) {
	if len(xattrs) == 0 {
		return // nearly always: sorting nothing costs memory
	}
	for _, name := range slices.Sorted(maps.Keys(xattrs)) {
		err := on.SetXattr(name, xattrs[name])
		if d.FS != nil && d.tooLarge(err) {
			d.Lost, err = true, nil
		}
		d.Try(err)
	}
}

// tooLarge reports whether an attribute could not be set because of its size.
func (d *Dresser) tooLarge(err error) bool {
	switch fsys.ClassOf(err) {
	case fsys.ClassFull:
		free, ferr := d.FS.FS()
		return ferr == nil && free.Free >= roomLeft
	case fsys.ClassOther:
		return err != nil // the value is too long for this file system
	}
	return false
}
