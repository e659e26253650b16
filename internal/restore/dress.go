package restore

import (
	"maps"
	"slices"
	"strings"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// roomLeft is how many free bytes tell a full disk from attributes that are
// too large for their file system, which says "no space left", too.
const roomLeft = 1 << 20

// xattrs sets extended attributes, in a fixed order.
func (d *dresser) xattrs(set func(name string, value []byte) error, xattrs meta.Xattrs) {
	for _, name := range slices.Sorted(maps.Keys(xattrs)) {
		err := set(name, xattrs[name])
		switch fsys.ClassOf(err) {
		case fsys.ClassFull:
			if free, ferr := d.target.dir.FS(); ferr == nil && free.Free >= roomLeft {
				d.lost, err = true, nil
			}
		case fsys.ClassOther:
			d.lost = d.lost || err != nil // the value is too long for this file system
			err = nil
		}
		d.try(err)
	}
}

// check notes a time that the file system has cut short without a word.
func (d *dresser) check(now *meta.Info, err error, want *attributes) {
	d.try(err)
	d.lost = d.lost || err == nil && now.Mtime != want.mtime
}

// dress gives an unfinished file its metadata. The order matters: a change of
// owner drops set-uid bits and capabilities, and an ACL changes the mode.
func (h *hands) dress(f *fsys.File, want *attributes) error {
	d := dresser{run: h.run}
	info, err := f.Stat()
	if err != nil {
		return writing(err)
	}
	mode := want.mode
	if !d.owner(f, &info, want) {
		mode &^= setID // it would lend the wrong user's rights
	}
	if h.node.inherits {
		d.try(f.DropACL())
	}
	d.xattrs(f.SetXattr, want.xattrs)
	d.try(f.SetMtime(want.mtime))
	info, err = f.Stat()
	d.check(&info, err, want)
	if info.Mode != mode {
		d.try(f.Chmod(mode))
	}
	return d.done()
}

// dressSymlink gives an unfinished symbolic link its metadata.
func (h *hands) dressSymlink(name string, want *attributes) error {
	d := dresser{run: h.run}
	info, err := h.to.Lstat(name)
	if err != nil {
		return writing(err)
	}
	d.owner(lowner{h.to, name}, &info, want)
	d.xattrs(func(attr string, value []byte) error { return h.to.LsetXattr(name, attr, value) }, want.xattrs)
	d.try(h.to.LsetMtime(name, want.mtime))
	info, err = h.to.Lstat(name)
	d.check(&info, err, want)
	return d.done()
}

// wears reports whether what is in the target has the metadata already, as
// far as this user could give it.
func (h *hands) wears(info *meta.Info, xattrs meta.Xattrs, want *attributes) (same, whole bool) {
	mode := want.mode
	whole = info.UID == want.uid && info.GID == want.gid
	if !whole {
		if h.UID == 0 || int64(info.UID) != int64(h.UID) {
			return false, false
		}
		mode &^= setID
	}
	if info.Kind != meta.Symlink && info.Mode != mode || info.Mtime != want.mtime {
		return false, false
	}
	if xattrs.Equal(want.xattrs) {
		return true, whole
	}
	return h.UID != 0 && settable(xattrs).Equal(settable(want.xattrs)), false
}

// settable returns the attributes that an ordinary user can set.
func settable(x meta.Xattrs) meta.Xattrs {
	own := meta.Xattrs{}
	for name, value := range x {
		if !strings.HasPrefix(name, "trusted.") && !strings.HasPrefix(name, "security.") {
			own[name] = value
		}
	}
	return own
}
