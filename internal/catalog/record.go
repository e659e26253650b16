package catalog

import (
	"time"

	"phlb/internal/digest"
	"phlb/internal/meta"
)

// What a catalogue says of itself.
const (
	Format        = "phlb-catalog"
	FormatVersion = "1.0"
)

// Where a catalogue's records come from.
const (
	OriginApply   = "apply"   // the run that made the snapshot: exact metadata of the source
	OriginRebuild = "rebuild" // the snapshot's own files: only what they carry
)

// How a regular file came to be stored.
const (
	StoredCopy = "copy"
	StoredLink = "link"
)

// Statuses of a snapshot.
const (
	StatusComplete = "complete"
	StatusPartial  = "partial"
)

// Header is a catalogue's first line.
type Header struct {
	Format        string // set by NewWriter
	FormatVersion string // set by NewWriter
	Name          string
	Snapshot      string // the time part, YYYY-MM-DD-HHMMSS
	Source        string // path of the source; raw bytes
	PlanID        string
	Started       time.Time // UTC
	Origin        string
}

// Trailer is a catalogue's last line. Without it the file was cut off.
type Trailer struct {
	Entries  int64     // records; set by Writer.Close
	Files    int64     // regular files
	Bytes    int64     // their apparent sizes
	Status   string    // StatusComplete or StatusPartial
	Finished time.Time // UTC
}

// Record is one path of a snapshot, as it was in the source.
type Record struct {
	Path   string    // relative to the source, slash-separated, raw bytes; "." is the source itself
	Kind   meta.Kind // File, Dir or Symlink
	Size   int64     // bytes; regular files
	Mode   uint32    // permission bits 0..07777
	UID    uint32
	GID    uint32
	Mtime  meta.Time
	Ctime  meta.Time // zero: not known
	Ino    uint64    // zero: not known
	Xattrs meta.Xattrs
	SHA256 digest.Sum // regular files
	Target string     // symbolic links: the link's text
	// Hardlink is the path of the first member of the source's hard-link
	// group, on the later members.
	Hardlink string
	Racy     bool    // the source's ctime was less than two seconds old when read
	Stored   *Stored // regular files: what lies in the snapshot; nil: not known
}

// Stored is the inode that holds a regular file in the snapshot, as it was
// when the snapshot was made. Its size is the record's.
type Stored struct {
	Action string // StoredCopy or StoredLink
	Ino    uint64
	Mode   uint32
	UID    uint32
	GID    uint32
	Mtime  meta.Time
	Ctime  meta.Time
	Xattrs meta.Xattrs
}
