package execute

import (
	"maps"
	"slices"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// dresser gives one new file, directory or symbolic link its metadata. What
// the destination cannot hold, or the user may not set, is lost for this path
// and stands in the catalogue alone; any other error ends the run.
type dresser struct {
	*builder
	lost bool
	err  error
}

// owned is what owner changes the owner of.
type owned interface {
	Chown(uid, gid uint32) error
}

// lowner changes the owner of a symbolic link.
type lowner struct {
	dir  *fsys.Dir
	name string
}

func (l lowner) Chown(uid, gid uint32) error { return l.dir.Lchown(l.name, uid, gid) }

// owner sets the owner where it differs from what new files get. Only root may
// give files away; others can still give them to a group of theirs.
func (d *dresser) owner(f owned, uid, gid uint32) {
	if uid == d.uid && gid == d.gid {
		return
	}
	err := f.Chown(uid, gid)
	d.try(err)
	if err != nil && d.err == nil && uid != d.uid && gid != d.gid {
		_ = f.Chown(d.uid, gid) // it is lost already, in part
	}
}

// compare looks whether what was set is there. Some file systems cut times to
// what they can hold, ignore modes or owners, and say nothing.
func (d *dresser) compare(now *meta.Info, want *meta.Info) {
	if now.Mtime != want.Mtime || now.UID != want.UID || now.GID != want.GID ||
		now.Mode != want.Mode && now.Kind != meta.Symlink {
		d.lost = true
	}
}

// try takes the result of setting something.
func (d *dresser) try(err error) {
	if err == nil || d.err != nil {
		return
	}
	switch fsys.ClassOf(err) {
	case fsys.ClassPermission, fsys.ClassUnsupported, fsys.ClassName, fsys.ClassLinkRefused:
		d.lost = true
		return
	}
	d.err = err
}

// roomLeft is how many free bytes tell a full disk from attributes that are
// too large for their file system, which says "no space left", too.
const roomLeft = 1 << 20

// xattrs sets extended attributes, in a fixed order.
func (d *dresser) xattrs(set func(name string, value []byte) error, xattrs map[string][]byte) {
	for _, name := range slices.Sorted(maps.Keys(xattrs)) {
		err := set(name, xattrs[name])
		switch fsys.ClassOf(err) {
		case fsys.ClassFull:
			if free, ferr := d.tree.FS(); ferr == nil && free.Free >= roomLeft {
				err = nil
				d.lost = true
			}
		case fsys.ClassOther:
			d.lost = d.lost || err != nil // the value is too long for this file system
			err = nil
		}
		d.try(err)
	}
}

// done counts what was lost and returns the error that ends the run.
func (d *dresser) done() error {
	if d.lost && d.err == nil {
		d.tally(func(r *Report) { r.NotKept++ })
	}
	return d.err
}
