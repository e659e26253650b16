package plan

import (
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
}

// Differs returns in what the stored attributes differ from the wanted ones
// so that they cannot share an inode, or "" if they can.
func (r LinkRule) Differs(want, stored *Attrs) string {
	switch {
	case r.Match == manifest.MatchContent:
		return ""
	case want.Mode != stored.Mode:
		return "mode"
	case !r.sameOwner(want, stored):
		return "owner"
	case !want.Xattrs.Equal(stored.Xattrs):
		return "xattrs"
	case r.Match == manifest.MatchMetadata && want.Mtime != stored.Mtime:
		return "modification time"
	}
	return ""
}

func (r LinkRule) sameOwner(want, stored *Attrs) bool {
	if want.UID == stored.UID && want.GID == stored.GID {
		return true
	}
	return r.UID != 0 && stored.UID == r.UID && (stored.GID == want.GID || stored.GID == r.GID)
}

// together reports whether two files of the source can be stored as one
// inode. It is Differs for a file that is not stored yet: what root stores
// has its source's owner; what an ordinary user stores is his own, and has
// its source's group or his, which is the same for both.
func (r LinkRule) together(want, first *Attrs) bool {
	stored := *first
	if r.UID != 0 {
		stored.UID = r.UID
	}
	return r.Differs(want, &stored) == ""
}
