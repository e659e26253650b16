package catalog

import (
	"fmt"

	"phlb/internal/jsonl"
	"phlb/internal/meta"
)

// Keys of a record, as bits. A path and its base64 spelling are one key.
const (
	keyPath uint32 = 1 << iota
	keyKind
	keySize
	keyMode
	keyUID
	keyGID
	keyMtime
	keyCtime
	keyIno
	keyXattrs
	keyXattrs64
	keySHA256
	keyTarget
	keyHardlink
	keyRacy
	keyStored
	keyAction
	keyEnd
)

// line is what one line of a catalogue says: a record or, with the key end,
// the trailer.
type line struct {
	paths      meta.Paths
	expected   string // the path that the caller has, perhaps
	record     Record // but for Stored
	seen       uint32 // keys; none of them matters once it is decoded, but keyEnd
	hasStored  bool
	stored     Stored
	storedSeen uint32
}

// give hands the record out. What r.Stored pointed to is used again.
func (l *line) give(r *Record) {
	stored := r.Stored
	*r = l.record
	if !l.hasStored {
		return
	}
	if stored == nil {
		stored = new(Stored)
	}
	*stored = l.stored
	r.Stored = stored
}

// decode takes a line. Of a trailer it only notes that it is one.
func (l *line) decode(d *jsonl.Decoder) {
	if t := d.Line(); l.own(&t) && d.TakeLine(&t) {
		return
	}
	l.decodeAny(d)
}

func (l *line) reset() {
	l.record, l.stored = Record{}, Stored{}
	l.seen, l.storedSeen, l.hasStored = 0, 0, false
}

// decodeAny takes a line in any spelling, key by key.
func (l *line) decodeAny(d *jsonl.Decoder) {
	l.reset()
	d.Object()
	for {
		key, ok := d.Key()
		if !ok {
			break
		}
		l.field(d, key)
	}
	if d.Err() == nil && l.seen&keyEnd == 0 {
		l.finish(d)
	}
}

func (l *line) field(d *jsonl.Decoder, key []byte) {
	r := &l.record
	switch string(key) {
	case "path":
		d.Once(&l.seen, keyPath)
		r.Path = d.Text()
	case "kind":
		d.Once(&l.seen, keyKind)
		r.Kind = toKind(d)
	case "size":
		d.Once(&l.seen, keySize)
		r.Size = d.Count()
	case "sha256":
		d.Once(&l.seen, keySHA256)
		r.SHA256 = d.Sum()
	case "stored":
		d.Once(&l.seen, keyStored)
		l.storedFields(d)
	case "target":
		d.Once(&l.seen, keyTarget)
		r.Target = d.Text()
	case "hardlink":
		d.Once(&l.seen, keyHardlink)
		r.Hardlink = d.Text()
	case "racy":
		d.Once(&l.seen, keyRacy)
		r.Racy = d.Bool()
	default:
		l.rareField(d, key)
	}
}

func (l *line) rareField(d *jsonl.Decoder, key []byte) {
	r := &l.record
	f := facts{&r.Mode, &r.UID, &r.GID, &r.Mtime, &r.Ctime, &r.Ino, &r.Xattrs}
	if f.field(d, key, &l.seen) {
		return
	}
	switch string(key) {
	case "path_b64":
		d.Once(&l.seen, keyPath)
		r.Path = string(d.Base64())
	case "target_b64":
		d.Once(&l.seen, keyTarget)
		r.Target = string(d.Base64())
	case "hardlink_b64":
		d.Once(&l.seen, keyHardlink)
		r.Hardlink = string(d.Base64())
	case "end":
		l.seen |= keyEnd
		d.Skip()
	default:
		d.Skip()
	}
}

// facts are the fields that a record and its stored inode both have.
type facts struct {
	mode, uid, gid *uint32
	mtime, ctime   *meta.Time
	ino            *uint64
	xattrs         *meta.Xattrs
}

func (f *facts) field(d *jsonl.Decoder, key []byte, seen *uint32) (known bool) {
	switch string(key) {
	case "mode":
		d.Once(seen, keyMode)
		*f.mode = d.Mode()
	case "uid":
		d.Once(seen, keyUID)
		*f.uid = d.Uint32()
	case "gid":
		d.Once(seen, keyGID)
		*f.gid = d.Uint32()
	case "mtime_ns":
		d.Once(seen, keyMtime)
		*f.mtime = d.Time()
	case "ctime_ns":
		d.Once(seen, keyCtime)
		*f.ctime = d.Time()
	case "ino":
		d.Once(seen, keyIno)
		*f.ino = d.Uint64()
	case "xattrs":
		d.Once(seen, keyXattrs)
		*f.xattrs = d.Xattrs(*f.xattrs, jsonl.NamesPlain)
	case "xattrs_b64":
		d.Once(seen, keyXattrs64)
		*f.xattrs = d.Xattrs(*f.xattrs, jsonl.NamesBase64)
	default:
		return false
	}
	return true
}

func (l *line) storedFields(d *jsonl.Decoder) {
	s := &l.stored
	f := facts{&s.Mode, &s.UID, &s.GID, &s.Mtime, &s.Ctime, &s.Ino, &s.Xattrs}
	for d.Object(); ; {
		key, ok := d.Key()
		if !ok {
			return
		}
		switch {
		case f.field(d, key, &l.storedSeen):
		case string(key) == "action":
			d.Once(&l.storedSeen, keyAction)
			s.Action = toAction(d)
		default:
			d.Skip()
		}
	}
}

// finish checks that a record is whole and fills in what stored left out.
func (l *line) finish(d *jsonl.Decoder) {
	r := &l.record
	need := keyPath | keyKind | keyUID | keyGID | keyMtime
	switch r.Kind {
	case meta.File:
		need |= keySize | keyMode
	case meta.Dir:
		need |= keyMode
	case meta.Symlink:
		need |= keyTarget
	}
	if l.seen&need != need {
		d.Fail(fmt.Errorf("the record of %q lacks a key", r.Path))
		return
	}
	l.drop()
	if l.seen&keyStored != 0 && r.Kind == meta.File {
		l.finishStored(d)
	}
}

// drop clears what a record of its kind does not have, as if those keys were
// unknown.
func (l *line) drop() {
	r := &l.record
	if len(r.Xattrs) == 0 {
		r.Xattrs = nil
	}
	if r.Kind != meta.Symlink {
		r.Target = ""
	}
	if r.Kind != meta.File {
		r.Size = 0
	}
}

func (l *line) finishStored(d *jsonl.Decoder) {
	r, s, seen := &l.record, &l.stored, l.storedSeen
	if seen&keyAction == 0 {
		d.Fail(fmt.Errorf("the record of %q lacks stored.action", r.Path))
	}
	if seen&keyMode == 0 {
		s.Mode = r.Mode
	}
	if seen&keyUID == 0 {
		s.UID = r.UID
	}
	if seen&keyGID == 0 {
		s.GID = r.GID
	}
	if seen&keyMtime == 0 {
		s.Mtime = r.Mtime
	}
	if seen&(keyXattrs|keyXattrs64) == 0 {
		s.Xattrs = r.Xattrs
	} else if len(s.Xattrs) == 0 {
		s.Xattrs = nil
	}
	l.hasStored = true
}

func toKind(d *jsonl.Decoder) meta.Kind {
	text := d.Bytes()
	for _, k := range [...]meta.Kind{meta.File, meta.Dir, meta.Symlink} {
		if string(text) == k.String() {
			return k
		}
	}
	d.Fail(fmt.Errorf("unknown kind %q", text))
	return meta.Unknown
}

func toAction(d *jsonl.Decoder) string {
	text := d.Bytes()
	switch string(text) {
	case StoredCopy:
		return StoredCopy
	case StoredLink:
		return StoredLink
	}
	d.Fail(fmt.Errorf("unknown stored action %q", text))
	return ""
}
