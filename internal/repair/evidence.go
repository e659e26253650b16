package repair

import (
	"slices"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
)

// spot is one path of a damaged inode, or one where a file is missing, with
// all that is on record about it.
type spot struct {
	id        snapshot.ID
	rel       string    // below the snapshot, as stored
	isMissing bool      // there is nothing
	info      meta.Info // of what is there
	lines     []digest.Sum
	isTrusted bool // nobody else can have replaced the SHA256SUMS
	record    *catalog.Record
}

// path is relative to the root.
func (s *spot) path() string { return s.id.String() + "/" + s.rel }

// Why something is not touched, in words for people.
const (
	whyNoLine   = "not touched: SHA256SUMS has no line for it, and nothing else proves what it should hold"
	whyTwoLines = "not touched: SHA256SUMS has lines that contradict each other"
	whyRecords  = "not touched: SHA256SUMS and the catalogue disagree about what it should hold"
	whyAgrees   = "not touched: SHA256SUMS and the catalogue disagree, and the content is what one of them says"
	whyForgable = "not touched: others could have replaced its SHA256SUMS, and no catalogue confirms it; if you trust it, close the root (chmod 700) and repair again"
	whyShared   = "not touched: the other paths of its inode disagree about what it should hold"
	whyNoCopy   = "no good copy was found: name a directory that may hold one with --from"
	whyMoved    = "not touched: it changed while it was being repaired"
)

// judge says which content a path is proven to have had, or why it is not
// touched. Actual is what it holds now; zero: nothing that can be read.
func (s *spot) judge(actual digest.Sum) (want digest.Sum, why string) {
	var recorded digest.Sum
	if s.record != nil {
		recorded = s.record.SHA256
	}
	switch {
	case len(s.lines) == 0:
		return digest.Sum{}, whyNoLine
	case !actual.IsZero() && (slices.Contains(s.lines, actual) || actual == recorded):
		return digest.Sum{}, whyAgrees
	case len(s.lines) > 1:
		return digest.Sum{}, whyTwoLines
	case !recorded.IsZero() && recorded != s.lines[0]:
		return digest.Sum{}, whyRecords
	case recorded.IsZero() && !s.isTrusted:
		return digest.Sum{}, whyForgable
	}
	return s.lines[0], ""
}

// follows reports whether a path without a line goes where the other paths of
// its inode go: nothing on record may speak against it.
func (s *spot) follows(want digest.Sum) bool {
	return len(s.lines) == 0 && (s.record == nil || s.record.SHA256.IsZero() || s.record.SHA256 == want)
}

// attrs is the metadata that a new inode gets.
type attrs struct {
	mode     uint32
	uid, gid uint32
	mtime    meta.Time
	xattrs   meta.Xattrs
}

func (a *attrs) equal(o *attrs) bool {
	return a.mode == o.mode && a.uid == o.uid && a.gid == o.gid && a.mtime == o.mtime && a.xattrs.Equal(o.xattrs)
}

func attrsOf(info *meta.Info, x meta.Xattrs) *attrs {
	return &attrs{mode: info.Mode, uid: info.UID, gid: info.GID, mtime: info.Mtime, xattrs: x}
}

// stored is what the catalogue says the inode had; nil: nothing. Of a missing
// file the record of a rebuilt catalogue, which is about the stored file, too,
// is better than nothing.
func (s *spot) stored(want digest.Sum) *attrs {
	r := s.record
	switch {
	case r == nil || r.SHA256 != want:
		return nil
	case r.Stored != nil:
		return &attrs{mode: r.Stored.Mode, uid: r.Stored.UID, gid: r.Stored.GID, mtime: r.Stored.Mtime, xattrs: r.Stored.Xattrs}
	case s.isMissing:
		return &attrs{mode: r.Mode, uid: r.UID, gid: r.GID, mtime: r.Mtime, xattrs: r.Xattrs}
	}
	return nil
}
