package catalog

import (
	"strconv"
	"time"

	"phlb/internal/jsonl"
	"phlb/internal/meta"
)

// Append appends a record as one line. The record's kind must be File, Dir or
// Symlink. It may be called by many goroutines at once, each with its own b.
func Append(b []byte, r *Record) []byte {
	b = jsonl.AppendPath(append(b, '{'), "path", r.Path)
	b = append(append(append(b, `,"kind":"`...), r.Kind.String()...), '"')
	if r.Kind == meta.File {
		b = strconv.AppendInt(append(b, `,"size":`...), r.Size, 10)
	}
	if r.Kind != meta.Symlink || r.Mode != 0 {
		b = appendMode(b, r.Mode)
	}
	b = appendUint(b, `,"uid":`, uint64(r.UID))
	b = appendUint(b, `,"gid":`, uint64(r.GID))
	b = appendTime(b, `,"mtime_ns":`, r.Mtime)
	b = appendInode(b, r.Ctime, r.Ino)
	if len(r.Xattrs) > 0 {
		b = jsonl.AppendXattrs(append(b, ','), r.Xattrs)
	}
	return append(appendContent(b, r), "}\n"...)
}

// appendContent appends what tells a path's content and where it lies.
func appendContent(b []byte, r *Record) []byte {
	if !r.SHA256.IsZero() {
		b = append(r.SHA256.AppendHex(append(b, `,"sha256":"`...)), '"')
	}
	if r.Kind == meta.Symlink {
		b = jsonl.AppendPath(append(b, ','), "target", r.Target)
	}
	if r.Hardlink != "" {
		b = jsonl.AppendPath(append(b, ','), "hardlink", r.Hardlink)
	}
	if r.Racy {
		b = append(b, `,"racy":true`...)
	}
	if r.Stored != nil {
		b = appendStored(b, r, r.Stored)
	}
	return b
}

// appendStored leaves out what the stored inode has in common with the source.
func appendStored(b []byte, r *Record, s *Stored) []byte {
	b = jsonl.AppendString(append(b, `,"stored":{"action":`...), s.Action)
	if s.Mode != r.Mode {
		b = appendMode(b, s.Mode)
	}
	if s.UID != r.UID {
		b = appendUint(b, `,"uid":`, uint64(s.UID))
	}
	if s.GID != r.GID {
		b = appendUint(b, `,"gid":`, uint64(s.GID))
	}
	if s.Mtime != r.Mtime {
		b = appendTime(b, `,"mtime_ns":`, s.Mtime)
	}
	b = appendInode(b, s.Ctime, s.Ino)
	if !s.Xattrs.Equal(r.Xattrs) {
		b = jsonl.AppendXattrs(append(b, ','), s.Xattrs)
	}
	return append(b, '}')
}

// appendInode appends what may be unknown.
func appendInode(b []byte, ctime meta.Time, ino uint64) []byte {
	if !ctime.IsZero() {
		b = appendTime(b, `,"ctime_ns":`, ctime)
	}
	if ino != 0 {
		b = appendUint(b, `,"ino":`, ino)
	}
	return b
}

func appendMode(b []byte, mode uint32) []byte {
	return jsonl.AppendMode(append(b, `,"mode":`...), mode)
}

func appendUint(b []byte, key string, n uint64) []byte {
	return strconv.AppendUint(append(b, key...), n, 10)
}

func appendTime(b []byte, key string, t meta.Time) []byte { return t.Append(append(b, key...)) }

func appendHeader(b []byte, h *Header) []byte {
	b = append(b, `{"format":"`+Format+`","format_version":"`+FormatVersion+`"`...)
	b = jsonl.AppendString(append(b, `,"name":`...), h.Name)
	b = jsonl.AppendString(append(b, `,"snapshot":`...), h.Snapshot)
	b = jsonl.AppendPath(append(b, ','), "source", h.Source)
	b = jsonl.AppendString(append(b, `,"plan_id":`...), h.PlanID)
	b = appendClock(b, `,"started":"`, h.Started)
	b = jsonl.AppendString(append(b, `,"origin":`...), h.Origin)
	return append(b, "}\n"...)
}

func appendTrailer(b []byte, t *Trailer) []byte {
	b = strconv.AppendInt(append(b, `{"end":true,"entries":`...), t.Entries, 10)
	b = strconv.AppendInt(append(b, `,"files":`...), t.Files, 10)
	b = strconv.AppendInt(append(b, `,"bytes":`...), t.Bytes, 10)
	b = jsonl.AppendString(append(b, `,"status":`...), t.Status)
	return append(appendClock(b, `,"finished":"`, t.Finished), "}\n"...)
}

func appendClock(b []byte, key string, t time.Time) []byte {
	return append(t.UTC().AppendFormat(append(b, key...), time.RFC3339Nano), '"')
}
