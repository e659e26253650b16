package restore

import (
	"strings"

	"phlb/internal/dress"
	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// dresser gives one new path its metadata. What is lost is counted; any other
// error is returned.
type dresser struct {
	*run
	dress.Dresser
}

func (r *run) dresser() *dresser {
	return &dresser{run: r, Dresser: dress.Dresser{FS: r.target.dir}}
}

// owner sets the owner where it differs, and returns whether it is right now.
func (d *dresser) owner(on dress.Object, have *meta.Info, want *attributes) bool {
	return d.Owner(on, dress.OwnerOf(have), dress.Owner{UID: want.uid, GID: want.gid})
}

// check notes a time that the file system has cut short without a word.
func (d *dresser) check(now *meta.Info, err error, want *attributes) {
	d.Try(err)
	d.Lost = d.Lost || err == nil && now.Mtime != want.mtime
}

// done counts what was lost and returns what else went wrong.
func (d *dresser) done() error {
	if d.Lost && d.Err == nil {
		d.count(func(r *Result) { r.NotKept++ })
	}
	return writing(d.Err)
}

// dress gives an unfinished file its metadata. The order matters: a change of
// owner drops set-uid bits and capabilities, and an ACL changes the mode.
func (h *hands) dress(f *fsys.File, want *attributes) error {
	d := h.dresser()
	info, err := f.Stat()
	if err != nil {
		return writing(err)
	}
	mode := want.mode
	if !d.owner(f, &info, want) {
		mode &^= dress.SetID // it would lend the wrong user's rights
	}
	if h.node.inherits {
		d.Try(f.DropACL())
	}
	d.Xattrs(f, want.xattrs)
	d.Try(f.SetMtime(want.mtime))
	info, err = f.Stat()
	d.check(&info, err, want)
	if info.Mode != mode {
		d.Try(f.Chmod(mode))
	}
	return d.done()
}

// dressSymlink gives an unfinished symbolic link its metadata.
func (h *hands) dressSymlink(name string, want *attributes) error {
	d := h.dresser()
	info, err := h.to.Lstat(name)
	if err != nil {
		return writing(err)
	}
	link := dress.Link{Dir: h.to, Name: name}
	d.owner(link, &info, want)
	d.Xattrs(link, want.xattrs)
	d.Try(h.to.LsetMtime(name, want.mtime))
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
		mode &^= dress.SetID
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
