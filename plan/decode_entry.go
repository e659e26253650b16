package plan

import (
	"errors"
	"fmt"

	"phlb/internal/digest"
	"phlb/internal/jsonl"
	"phlb/internal/meta"
)

// Keys of an entry, as bits. path and path_b64 are one key.
const (
	keyAction uint32 = 1 << iota
	keyPath
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
	keyChange
	keyReason
	keyQuiet
	keyInParent
)

const (
	keysOwner = keyUID | keyGID | keyMtime
	keysFile  = keySize | keyMode | keysOwner | keyCtime | keyIno
)

// required are the keys without which an action would be carried out with
// made-up values.
func required(a Action) (keys uint32, known bool) {
	switch a {
	case ActionMkdir:
		return keyMode | keysOwner, true
	case ActionCopy:
		return keysFile, true
	case ActionLink:
		return keysFile | keyTarget, true
	case ActionSymlink:
		return keyTarget | keysOwner, true
	case ActionSkip:
		return 0, true
	}
	return 0, false
}

// decodeEntry takes one entry.
func decodeEntry(d *jsonl.Decoder, e *Entry) {
	if l := d.Line(); ownEntry(&l, e) && d.TakeLine(&l) {
		return
	}
	decodeAnyEntry(d, e)
}

// decodeAnyEntry takes an entry in any spelling, key by key.
func decodeAnyEntry(d *jsonl.Decoder, e *Entry) {
	// The reason is kept for a moment: neighbours often have the same.
	*e = Entry{Reason: e.Reason}
	var seen uint32
	d.Object()
	for {
		key, ok := d.Key()
		if !ok {
			break
		}
		entryField(d, e, key, &seen)
	}
	if seen&keyReason == 0 {
		e.Reason = ""
	}
	if d.Err() == nil {
		finishEntry(d, e, seen)
	}
}

func entryField(d *jsonl.Decoder, e *Entry, key []byte, seen *uint32) {
	switch string(key) {
	case "action":
		d.Once(seen, keyAction)
		e.Action = toAction(d.Bytes())
	case "path":
		d.Once(seen, keyPath)
		e.Path = d.Text()
	case "size":
		d.Once(seen, keySize)
		e.Size = d.Count()
	case "mode":
		d.Once(seen, keyMode)
		e.Mode = d.Mode()
	case "uid":
		d.Once(seen, keyUID)
		e.UID = d.Uint32()
	case "gid":
		d.Once(seen, keyGID)
		e.GID = d.Uint32()
	case "mtime_ns":
		d.Once(seen, keyMtime)
		e.Mtime = d.Time()
	case "ctime_ns":
		d.Once(seen, keyCtime)
		e.Ctime = d.Time()
	case "ino":
		d.Once(seen, keyIno)
		e.Ino = d.Uint64()
	case "sha256":
		d.Once(seen, keySHA256)
		e.SHA256 = d.Sum()
	case "target":
		d.Once(seen, keyTarget)
		e.Target = d.Text()
	case "change":
		d.Once(seen, keyChange)
		e.Change = toChange(d)
	case "reason":
		d.Once(seen, keyReason)
		e.Reason = d.TextLike(e.Reason)
	default:
		rareField(d, e, key, seen)
	}
}

// rareField is the part of entryField that most entries do not need.
func rareField(d *jsonl.Decoder, e *Entry, key []byte, seen *uint32) {
	switch string(key) {
	case "hardlink":
		d.Once(seen, keyHardlink)
		e.Hardlink = d.Text()
	case "xattrs":
		d.Once(seen, keyXattrs)
		e.Xattrs = d.Xattrs(e.Xattrs, jsonl.NamesPlain)
	case "xattrs_b64":
		d.Once(seen, keyXattrs64)
		e.Xattrs = d.Xattrs(e.Xattrs, jsonl.NamesBase64)
	case "quiet":
		d.Once(seen, keyQuiet)
		e.Quiet = d.Bool()
	case "in_parent":
		d.Once(seen, keyInParent)
		e.InParent = d.Bool()
	case "path_b64":
		d.Once(seen, keyPath)
		e.Path = string(d.Base64())
	case "target_b64":
		d.Once(seen, keyTarget)
		e.Target = string(d.Base64())
	case "hardlink_b64":
		d.Once(seen, keyHardlink)
		e.Hardlink = string(d.Base64())
	default:
		d.Skip()
	}
}

// toAction returns a constant where it can, which saves an allocation.
func toAction(text []byte) Action {
	for _, a := range [...]Action{ActionLink, ActionCopy, ActionMkdir, ActionSymlink, ActionSkip} {
		if string(text) == string(a) {
			return a
		}
	}
	return Action(text)
}

func toChange(d *jsonl.Decoder) Change {
	text := d.Bytes()
	c, known := toKnownChange(text)
	if !known {
		d.Fail(fmt.Errorf("unknown change %q", text))
	}
	return c
}

func toKnownChange(text []byte) (c Change, known bool) {
	for _, c := range [...]Change{ChangeUnchanged, ChangeNew, ChangeContent, ChangeMetadata, ChangeMoved, ChangeType} {
		if string(text) == string(c) {
			return c, true
		}
	}
	return "", false
}

// finishEntry checks that the action has what it needs and drops what it has
// no use for, as if those keys were unknown.
func finishEntry(d *jsonl.Decoder, e *Entry, seen uint32) {
	need, known := required(e.Action)
	switch {
	case seen&keyAction == 0:
		d.Fail(errors.New("an entry without action"))
	case seen&keyPath == 0:
		d.Fail(errors.New("an entry without path"))
	case !known:
		d.Fail(fmt.Errorf("%q: unknown action %q", e.Path, e.Action))
	case seen&need != need:
		d.Fail(fmt.Errorf("%s %q: a key is missing", e.Action, e.Path))
	}
	e.restrict()
}

// restrict clears the fields that an entry of its action does not have.
func (e *Entry) restrict() {
	if len(e.Xattrs) == 0 {
		e.Xattrs = nil
	}
	inParent := e.InParent
	e.InParent = false
	switch e.Action {
	case ActionSkip:
		*e = Entry{Action: e.Action, Path: e.Path, Size: e.Size, Reason: e.Reason, InParent: inParent}
		return
	case ActionSymlink:
		e.Mode, e.Reason = 0, ""
	case ActionMkdir:
		e.Target, e.Reason = "", ""
	case ActionCopy:
		e.Target = ""
		return
	case ActionLink:
		return
	}
	e.Size, e.Ctime, e.Ino, e.SHA256, e.Hardlink, e.Quiet = 0, meta.Time{}, 0, digest.Sum{}, "", false
}
