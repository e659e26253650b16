// Package plan decides what a backup run will do, and reads and writes the
// file that says so.
//
// Building a plan is pure decision: it writes nothing below the destination,
// and time, ids and what is known of a root are handed in. The plan file is
// one JSON document, one entry a line, that is written and read as a stream:
// memory does not grow with the number of entries read. A plan is input from
// outside. Reading proves that a document is whole, in order and of a known
// format; that its paths are safe to act on is for whoever acts to prove.
package plan

import (
	"time"

	"phlb/internal/digest"
	"phlb/internal/meta"
	"phlb/manifest"
)

// What a plan file says of itself.
const (
	Format        = "phlb-plan"
	FormatVersion = "1.0"
)

// Action is what applying a plan does for one path.
type Action string

// The actions. A reader refuses any other.
const (
	ActionCopy    Action = "copy"    // store a regular file's bytes
	ActionLink    Action = "link"    // hard-link a regular file to stored content
	ActionSkip    Action = "skip"    // store nothing; Reason says why
	ActionMkdir   Action = "mkdir"   // make a directory
	ActionSymlink Action = "symlink" // make a symbolic link
)

// Change is how a path differs from the parent snapshot.
type Change string

// The changes. Skips have none, which is the empty Change.
const (
	ChangeNew       Change = "new"
	ChangeContent   Change = "content"
	ChangeMetadata  Change = "metadata"
	ChangeMoved     Change = "moved"
	ChangeType      Change = "type"
	ChangeUnchanged Change = "unchanged"
)

// known reports whether c is one of the changes or the empty one.
func (c Change) known() bool {
	switch c {
	case "", ChangeNew, ChangeContent, ChangeMetadata, ChangeMoved, ChangeType, ChangeUnchanged:
		return true
	}
	return false
}

// Entry is one line of a plan. Which fields an action has in the file is
// listed at the fields; the others are zero after reading and are not written.
type Entry struct {
	Action Action
	Path   string      // relative to the source, slash-separated, raw bytes; "." is the source itself
	Size   int64       // bytes; copy, link; skip of a regular file (0 is not written)
	Mode   uint32      // permission bits 0..07777; mkdir, copy, link
	UID    uint32      // all but skip
	GID    uint32      // all but skip
	Mtime  meta.Time   // all but skip
	Ctime  meta.Time   // copy, link
	Ino    uint64      // copy, link
	Xattrs meta.Xattrs // all but skip; nil: none
	SHA256 digest.Sum  // copy, link; zero: not known when planning
	Target string      // link: stored path relative to the backup root; symlink: the link's text
	// Hardlink is the path of the first member of the file's hard-link group
	// in the source, on the later members; copy, link.
	Hardlink string
	Change   Change // all but skip
	Reason   string // in words, for people; copy, link, skip
	// Quiet: the content differs from the parent's although size and
	// modification time are the same, as no honest program leaves a file; copy, link.
	Quiet bool
	// InParent: the parent snapshot has the path, which this one will not; skip.
	InParent bool
}

// Count is a number of files and the sum of their sizes.
type Count struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"` // apparent sizes
}

// Totals count the entries of one source by action. Skip counts every skipped
// path as a file, a directory too.
type Totals struct {
	Copy    Count `json:"copy"`
	Link    Count `json:"link"`
	Skip    Count `json:"skip"`
	Mkdir   int64 `json:"mkdir"`
	Symlink int64 `json:"symlink"`
	Deleted int64 `json:"deleted"`
}

// PlanTotals are the sums over all sources, and what becomes of old snapshots.
type PlanTotals struct {
	Totals
	Keep       int64 `json:"keep"`
	Prune      int64 `json:"prune"`
	FreesBytes int64 `json:"frees_bytes"`
}

// Header is what stands before the sources.
type Header struct {
	PlanID      string
	PHLBVersion string
	CreatedAt   time.Time // written in UTC
	Manifest    ManifestRef
	Destination Destination
	Applyable   bool     // false: a guard tripped, the plan is for inspection
	Overrides   []string // guards overridden by name ("overridden_guards")
	PruneOnly   bool     // nothing is stored, only pruned
}

// ManifestRef names the manifest a plan was made from. It is zero, and not in
// the file, when there was none.
type ManifestRef struct {
	Path   string
	SHA256 string // hex, of the manifest file's bytes
}

// Destination is the backup root a plan is for.
type Destination struct {
	Path       string  // absolute
	ID         *string // nil: the root has no root.json yet, applying begins a new root
	Generation int64   // informs; 0 for a new root
	Create     bool    // the directory itself is missing and is to be made; written only if so
	Require    Require // what must hold of it; written only if there is any
}

// Require is what must hold of the destination, when planning and applying.
type Require struct {
	Mountpoint bool   // it must be the root of a mounted file system
	Sentinel   string // slash-separated path below it that must exist; empty: none
}

// Source is one source of a plan without its entries.
type Source struct {
	Name     string
	Path     string  // absolute
	Snapshot string  // name/time to be made; empty (null in the file): none is made
	Parent   *string // newest snapshot of the name when planning; nil: none
	Settings manifest.Settings
	Guards   []Guard
	Totals   Totals // known when reading has passed the entries
}

// StableInodes reports whether inode numbers and change times of the source
// tell that a file is the one that was seen before.
func (s *Source) StableInodes() bool { return s.Settings.ChangeDetection != manifest.DetectMtime }

// What became of a guard.
const (
	GuardPassed     = "passed"
	GuardTripped    = "tripped"
	GuardOverridden = "overridden"
)

// Guard is one guard that was checked when planning.
type Guard struct {
	Name   string
	Limit  any    // nil (not written), string, bool or a number; read numbers are int64 if whole, else float64
	Status string // GuardPassed, GuardTripped or GuardOverridden
	Detail string // for people
	// Count is how many of the parent's Of files max_deleted_percent and
	// max_changed_percent found gone or changed. Both 0: not written.
	Count, Of int64
}

// Keep is an old or the planned snapshot that stays, and the rules that keep it.
type Keep struct {
	Snapshot string // name/time
	Reasons  []string
}

// Prune is a snapshot to be removed.
type Prune struct {
	Snapshot   string // name/time
	Reason     string
	FreesBytes int64
}

// Info is what reading a whole plan yields.
type Info struct {
	Header
	Totals PlanTotals
	Digest string // as in the file: "xxh64:" and 16 hex digits
}
