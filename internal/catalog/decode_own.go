package catalog

import (
	"phlb/internal/jsonl"
	"phlb/internal/meta"
)

// own decodes a record in exactly the spelling of Append, which is most of
// what is ever read. It accepts nothing that the general way would not, with
// the same outcome. Else it returns false, and the line is to be decoded from
// its start: it may be in another spelling, hold something rare, end in the
// middle, be the trailer, or be wrong.
func (l *line) own(t *jsonl.Line) bool {
	l.reset()
	r := &l.record
	t.Want(`{"path":`)
	path := t.Text()
	l.ownKind(t)
	t.Want(`,"uid":`)
	r.UID = t.Uint32()
	t.Want(`,"gid":`)
	r.GID = t.Uint32()
	t.Want(`,"mtime_ns":`)
	r.Mtime = t.Time()
	if t.Has(`,"ctime_ns":`) {
		r.Ctime = t.Time()
	}
	if t.Has(`,"ino":`) {
		r.Ino = t.Uint64()
	}
	if t.Has(`,"xattrs":`) {
		r.Xattrs = t.Xattrs()
	}
	if t.Has(`,"sha256":`) {
		r.SHA256 = t.Sum()
	}
	l.ownContent(t)
	t.Want(`}`)
	if !t.OK() {
		return false
	}
	if r.Path = l.expected; string(path) != l.expected {
		r.Path = l.paths.Join(path, "")
	}
	return true
}

// ownKind reads the kind and what only some kinds have.
func (l *line) ownKind(t *jsonl.Line) {
	r := &l.record
	t.Want(`,"kind":"`)
	switch {
	case t.Has(`file","size":`):
		r.Kind = meta.File
		r.Size = t.Count()
		t.Want(`,"mode":`)
		r.Mode = t.Mode()
	case t.Has(`dir","mode":`):
		r.Kind = meta.Dir
		r.Mode = t.Mode()
	case t.Has(`symlink"`):
		r.Kind = meta.Symlink
		if t.Has(`,"mode":`) {
			r.Mode = t.Mode()
		}
	default:
		t.GiveUp()
	}
}

// ownContent reads what follows the SHA-256.
func (l *line) ownContent(t *jsonl.Line) {
	r := &l.record
	if r.Kind == meta.Symlink {
		t.Want(`,"target":`)
		r.Target = string(t.Text())
	}
	if t.Has(`,"hardlink":`) {
		r.Hardlink = string(t.Text())
	}
	r.Racy = t.Has(`,"racy":true`)
	if r.Kind == meta.File && t.Has(`,"stored":{"action":`) {
		l.ownStored(t)
	}
}

func (l *line) ownStored(t *jsonl.Line) {
	r, s := &l.record, &l.stored
	l.hasStored = true
	*s = Stored{Mode: r.Mode, UID: r.UID, GID: r.GID, Mtime: r.Mtime, Xattrs: r.Xattrs}
	switch {
	case t.Has(`"link"`):
		s.Action = StoredLink
	case t.Has(`"copy"`):
		s.Action = StoredCopy
	default:
		t.GiveUp()
	}
	if t.Has(`,"mode":`) {
		s.Mode = t.Mode()
	}
	if t.Has(`,"uid":`) {
		s.UID = t.Uint32()
	}
	if t.Has(`,"gid":`) {
		s.GID = t.Uint32()
	}
	if t.Has(`,"mtime_ns":`) {
		s.Mtime = t.Time()
	}
	if t.Has(`,"ctime_ns":`) {
		s.Ctime = t.Time()
	}
	if t.Has(`,"ino":`) {
		s.Ino = t.Uint64()
	}
	if t.Has(`,"xattrs":`) {
		s.Xattrs = t.Xattrs()
	}
	t.Want(`}`)
}
