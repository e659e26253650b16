package plan

import (
	"bytes"
	"strconv"
	"unicode/utf8"

	"phlb/internal/digest"
	"phlb/internal/jsonl"
)

// rawSum stands before the 32 bytes of a SHA-256 that has yet to become hex.
// Digits of hashes do not compress, so a spool would be a third larger with
// them. JSON has no such byte anywhere else.
const rawSum = 0

// expandSums appends b with its raw SHA-256 sums in hex.
func expandSums(out, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, rawSum)
		if i < 0 {
			return append(out, b...)
		}
		out = append(out, b[:i]...)
		var sum digest.Sum
		b = b[i+1+copy(sum[:], b[i+1:]):]
		out = sum.AppendHex(out)
	}
}

// sumAppender appends the SHA-256 of an entry.
type sumAppender func(b []byte, sum *digest.Sum) []byte

func appendHexSum(b []byte, sum *digest.Sum) []byte { return sum.AppendHex(b) }

// appendRawSum leaves it to expandSums to make the hex digits.
func appendRawSum(b []byte, sum *digest.Sum) []byte { return append(append(b, rawSum), sum[:]...) }

// appendEntry appends an entry as one JSON object. The order of keys is the
// documented one; nothing depends on it.
func appendEntry(b []byte, e *Entry, appendSum sumAppender) []byte {
	b = append(append(append(b, `{"action":"`...), e.Action...), `",`...)
	b = jsonl.AppendPath(b, "path", e.Path)
	switch e.Action {
	case ActionMkdir:
		b = appendMode(b, e)
		b = appendOwner(b, e)
	case ActionCopy, ActionLink:
		b = appendFile(b, e, appendSum)
	case ActionSymlink:
		b = jsonl.AppendPath(append(b, ','), "target", e.Target)
		b = appendOwner(b, e)
	case ActionSkip:
		if e.Size != 0 {
			b = appendInt(b, `,"size":`, e.Size)
		}
	}
	return append(appendWhy(b, e), '}')
}

func appendFile(b []byte, e *Entry, appendSum sumAppender) []byte {
	b = appendInt(b, `,"size":`, e.Size)
	b = appendMode(b, e)
	b = appendOwnerTimes(b, e)
	b = e.Ctime.Append(append(b, `,"ctime_ns":`...))
	b = strconv.AppendUint(append(b, `,"ino":`...), e.Ino, 10)
	b = appendXattrs(b, e)
	if !e.SHA256.IsZero() {
		b = append(appendSum(append(b, `,"sha256":"`...), &e.SHA256), '"')
	}
	if e.Action == ActionLink {
		b = jsonl.AppendPath(append(b, ','), "target", e.Target)
	}
	if e.Hardlink != "" {
		b = jsonl.AppendPath(append(b, ','), "hardlink", e.Hardlink)
	}
	return b
}

// appendOwner appends what directories and symbolic links have in common.
func appendOwner(b []byte, e *Entry) []byte {
	return appendXattrs(appendOwnerTimes(b, e), e)
}

func appendOwnerTimes(b []byte, e *Entry) []byte {
	b = strconv.AppendUint(append(b, `,"uid":`...), uint64(e.UID), 10)
	b = strconv.AppendUint(append(b, `,"gid":`...), uint64(e.GID), 10)
	return e.Mtime.Append(append(b, `,"mtime_ns":`...))
}

func appendMode(b []byte, e *Entry) []byte {
	return jsonl.AppendMode(append(b, `,"mode":`...), e.Mode)
}

func appendXattrs(b []byte, e *Entry) []byte {
	if len(e.Xattrs) == 0 {
		return b
	}
	return jsonl.AppendXattrs(append(b, ','), e.Xattrs)
}

func appendWhy(b []byte, e *Entry) []byte {
	if e.Change != "" && e.Action != ActionSkip {
		b = append(append(append(b, `,"change":"`...), e.Change...), '"')
	}
	if e.Reason != "" && e.Action != ActionMkdir && e.Action != ActionSymlink {
		b = jsonl.AppendString(append(b, `,"reason":`...), e.Reason)
	}
	if e.Quiet && (e.Action == ActionCopy || e.Action == ActionLink) {
		b = append(b, `,"quiet":true`...)
	}
	if e.InParent && e.Action == ActionSkip {
		b = append(b, `,"in_parent":true`...)
	}
	return b
}

func appendInt(b []byte, key string, n int64) []byte {
	return strconv.AppendInt(append(b, key...), n, 10)
}

// appendDeleted appends an element of "deleted": a string, or an object with
// path_b64 where it is not UTF-8.
func appendDeleted(b []byte, path string) []byte {
	if utf8.ValidString(path) {
		return jsonl.AppendString(b, path)
	}
	return append(jsonl.AppendPath(append(b, '{'), "path", path), '}')
}
