package plan

import (
	"phlb/internal/jsonl"
)

// ownEntry decodes an entry in exactly the spelling of appendEntry, which is
// most of what is ever read. It accepts nothing that the general way would
// not, with the same outcome. Else it returns false, and the entry is to be
// decoded from its start: it may be in another spelling, hold something rare,
// end in the middle, or be wrong. Of what e was only Reason is left then.
func ownEntry(l *jsonl.Line, e *Entry) bool {
	reason := e.Reason
	*e = Entry{}
	var path, target []byte
	l.Want(`{"action":"`)
	switch {
	case l.Has(`link","path":`):
		e.Action = ActionLink
		path = l.Text()
		target = ownFile(l, e)
	case l.Has(`copy","path":`):
		e.Action = ActionCopy
		path = l.Text()
		ownFile(l, e)
	case l.Has(`mkdir","path":`):
		e.Action = ActionMkdir
		path = l.Text()
		l.Want(`,"mode":`)
		e.Mode = l.Mode()
		ownOwner(l, e)
	case l.Has(`symlink","path":`):
		e.Action = ActionSymlink
		path = l.Text()
		l.Want(`,"target":`)
		target = l.Text()
		ownOwner(l, e)
	case l.Has(`skip","path":`):
		e.Action = ActionSkip
		path = l.Text()
		if l.Has(`,"size":`) {
			e.Size = l.Count()
		}
	default:
		l.GiveUp()
	}
	ownWhy(l, e, reason)
	if (e.Action == ActionCopy || e.Action == ActionLink) && l.Has(`,"quiet":true`) {
		e.Quiet = true
	}
	if e.Action == ActionSkip && l.Has(`,"in_parent":true`) {
		e.InParent = true
	}
	l.Want(`}`)
	if !l.OK() {
		*e = Entry{Reason: reason}
		return false
	}
	e.Path, e.Target = texts(path, target)
	return true
}

// ownFile reads what follows the path of a file, and returns a link's target.
func ownFile(l *jsonl.Line, e *Entry) (target []byte) {
	l.Want(`,"size":`)
	e.Size = l.Count()
	l.Want(`,"mode":`)
	e.Mode = l.Mode()
	ownOwnerTimes(l, e)
	l.Want(`,"ctime_ns":`)
	e.Ctime = l.Time()
	l.Want(`,"ino":`)
	e.Ino = l.Uint64()
	ownXattrs(l, e)
	if l.Has(`,"sha256":`) {
		e.SHA256 = l.Sum()
	}
	if e.Action == ActionLink {
		l.Want(`,"target":`)
		target = l.Text()
	}
	if l.Has(`,"hardlink":`) {
		e.Hardlink = string(l.Text())
	}
	return target
}

func ownOwner(l *jsonl.Line, e *Entry) {
	ownOwnerTimes(l, e)
	ownXattrs(l, e)
}

func ownOwnerTimes(l *jsonl.Line, e *Entry) {
	l.Want(`,"uid":`)
	e.UID = l.Uint32()
	l.Want(`,"gid":`)
	e.GID = l.Uint32()
	l.Want(`,"mtime_ns":`)
	e.Mtime = l.Time()
}

func ownXattrs(l *jsonl.Line, e *Entry) {
	if l.Has(`,"xattrs":`) {
		e.Xattrs = l.Xattrs()
	}
}

// ownWhy reads change and reason; an equal reason is taken from the neighbour.
func ownWhy(l *jsonl.Line, e *Entry, neighbour string) {
	if e.Action != ActionSkip && l.Has(`,"change":`) {
		change, known := toKnownChange(l.Text())
		if !known {
			l.GiveUp()
		}
		e.Change = change
	}
	if e.Action == ActionMkdir || e.Action == ActionSymlink || !l.Has(`,"reason":`) {
		return
	}
	e.Reason = neighbour
	if text := l.Text(); string(text) != neighbour {
		e.Reason = string(text)
	}
}

// texts returns a path and a target as strings. The target of an unchanged
// file ends with its path: then both are one string.
func texts(path, target []byte) (p, t string) {
	t = string(target)
	if start := len(t) - len(path); start >= 0 && t[start:] == string(path) {
		return t[start:], t
	}
	return string(path), t
}
