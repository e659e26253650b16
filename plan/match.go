package plan

import (
	"strings"

	"phlb/internal/meta"
	"phlb/manifest"
)

// Attrs are what files that share an inode share beside their content.
type Attrs struct {
	Mode     uint32
	UID, GID uint32
	Mtime    meta.Time
	Xattrs   meta.Xattrs
}

// LinkRule says when a file may share the inode of a stored one.
type LinkRule struct {
	Match manifest.LinkMatch
	// UID and GID are what files get that the running user makes. Only root
	// can give files away, so what an ordinary user stores is his own whoever
	// owns the source, and that must not make every file a copy.
	UID, GID uint32
	// Exposed says that others can reach the snapshots, and there write to
	// what is theirs. What root stores of one user must then never be another
	// one's to alter, whatever Match says.
	Exposed bool
	// NoXattrs says that the destination has no extended attributes, so that
	// what lacks them is as good as a copy would be.
	NoXattrs bool
}

// Differs returns in what the stored attributes differ from the wanted ones
// so that they cannot share an inode, or "" if they can.
func (r LinkRule) Differs(want, stored *Attrs) string {
	switch {
	case r.Match == manifest.MatchContent:
		return r.exposes(want, stored)
	case r.storedMode(want, stored.UID, stored.GID) != stored.Mode:
		return "mode"
	case !r.sameOwner(want, stored):
		return "owner"
	case !r.sameXattrs(want.Xattrs, stored.Xattrs):
		return "xattrs"
	case r.Match == manifest.MatchMetadata && want.Mtime != stored.Mtime:
		return "modification time"
	}
	return ""
}

// exposes returns by what somebody could write to the stored file who could
// not write to the wanted one, "" if nobody could.
func (r LinkRule) exposes(want, stored *Attrs) string {
	switch {
	case !r.Exposed || r.UID != 0:
		return ""
	case stored.UID != 0 && stored.UID != want.UID:
		return "owner"
	case stored.Mode&othersWrite == 0:
		return ""
	case stored.Mode != want.Mode:
		return "mode"
	case stored.GID != want.GID:
		return "owner"
	case !stored.Xattrs.Equal(want.Xattrs):
		return "xattrs"
	}
	return ""
}

// Copied reports whether the stored attributes, times aside, are what a copy
// gets of a file with the wanted ones, whatever Match says.
func (r LinkRule) Copied(want, stored *Attrs) bool {
	r.Match = manifest.MatchPermissions
	return r.Differs(want, stored) == ""
}

// Lacks reports whether a file that may be linked to by this rule lacks some
// of what the rule is about, because the user or the destination could not
// keep it. Times are for nobody but link_match: metadata.
func (r LinkRule) Lacks(want, stored *Attrs) bool {
	return r.Match != manifest.MatchContent && (want.Mode != stored.Mode || want.UID != stored.UID ||
		want.GID != stored.GID || !want.Xattrs.Equal(stored.Xattrs))
}

func (r LinkRule) sameOwner(want, stored *Attrs) bool {
	if want.UID == stored.UID && want.GID == stored.GID {
		return true
	}
	return r.UID != 0 && stored.UID == r.UID && (stored.GID == want.GID || stored.GID == r.GID)
}

// Bits of modes.
const (
	setID       = 0o6000 // lend the owner's rights to whoever runs the file
	ownerRd     = 0o400
	othersWrite = 0o022
)

// StoredMode is the mode that a file gets in a snapshot, where its owner and
// group are the source's or are not. It must not lend the rights of another
// one to whoever runs it, and whoever stored it must be able to read it.
func StoredMode(mode uint32, isOwner, isGroup bool) uint32 {
	if !isOwner || !isGroup {
		mode &^= setID
	}
	if !isOwner {
		mode |= ownerRd
	}
	return mode
}

func (r LinkRule) storedMode(want *Attrs, uid, gid uint32) uint32 {
	if r.UID == 0 {
		return want.Mode // its owner is kept, or it is not linked to at all
	}
	return StoredMode(want.Mode, want.UID == uid, want.GID == gid)
}

// sameXattrs leaves out what no ordinary user can set: it stands in the
// catalogue alone, and must not make every file a copy.
func (r LinkRule) sameXattrs(want, stored meta.Xattrs) bool {
	if want.Equal(stored) || r.NoXattrs && len(stored) == 0 {
		return true
	}
	if r.UID == 0 {
		return false
	}
	kept := meta.Xattrs{}
	for name, value := range want {
		if _, there := stored[name]; there || !onlyRoots(name) {
			kept[name] = value
		}
	}
	return kept.Equal(stored)
}

// onlyRoots reports whether only root can set an attribute.
func onlyRoots(xattr string) bool {
	return strings.HasPrefix(xattr, "security.") || strings.HasPrefix(xattr, "trusted.")
}

// together reports whether two files of the source can be stored as one
// inode. It is Differs for a file that is not stored yet: what root stores
// has its source's owner; what an ordinary user stores is his own, and has
// its source's group or his, which is the same for both.
func (r LinkRule) together(want, first *Attrs) bool {
	stored := *first
	if r.UID != 0 {
		stored.Mode = r.storedMode(first, r.UID, first.GID)
		stored.UID = r.UID
	}
	return r.Differs(want, &stored) == ""
}
