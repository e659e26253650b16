// Package snapshot knows a backup root on disk: which names and snapshots
// there are, root.json, the lock, staging and its journal, publishing, the
// files beside a snapshot, and the trash.
//
// Everything below the root is reached through fsys descriptors that follow
// no symbolic link, so that nobody who may write somewhere in the root can
// lead phlb out of it. What it reads there (root.json, journals, the lock's
// holder, reports) is input from outside: bounded, checked, never trusted.
//
// The package must never change the inode of a published file, never replace
// or enter a published snapshot to write, and never decide what is kept or
// stored: that is for plan and retain. It knows no content: no SHA256SUMS, no
// lookups, no format of a catalogue.
package snapshot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"phlb/internal/fsys"
)

// Names below a backup root.
const (
	// PrivateDir is the directory for what phlb keeps for itself.
	PrivateDir = ".phlb"

	stateFile  = "root.json"
	lockFile   = "lock"
	stagingDir = "staging"
	trashDir   = "trash"
	catalogDir = "catalog"
)

// Modes of everything that phlb makes for itself: its owner's only.
const (
	dirMode  = 0o700
	fileMode = 0o600
)

var (
	// ErrName says that a text is no source name, snapshot time or plan id.
	ErrName = errors.New("not a valid name")
	// ErrFormat says that a root has a format that this phlb does not know.
	ErrFormat = errors.New("unknown format of the backup root")
	// ErrDamaged says that a file of phlb's own cannot be understood.
	ErrDamaged = errors.New("damaged")
)

// Root is an open backup root. It is safe for concurrent use until Close.
type Root struct {
	dir  *fsys.Dir
	path string
	euid int // -1 where the system has no user numbers

	sealed   sync.Once
	isSealed bool // valid after sealed
}

// Open opens the backup root at path, which must exist; nothing is created.
func Open(path string, opts ...fsys.Option) (*Root, error) {
	dir, err := fsys.Open(path, opts...)
	if err != nil {
		return nil, fmt.Errorf("open backup root: %w", err)
	}
	return &Root{dir: dir, path: path, euid: os.Geteuid()}, nil
}

// Close releases the root's descriptor.
func (r *Root) Close() error { return r.dir.Close() }

// Dir returns the root directory itself. It stays open until Close; whoever
// lists it opens "." through it first, as a listing moves a position.
func (r *Root) Dir() *fsys.Dir { return r.dir }

// Limits returns what is known that the root cannot hold, without writing to
// it. Snapshots are made in .phlb, so what shows there counts; and where the
// root is still empty, what shows beside it.
func (r *Root) Limits() []fsys.Limit {
	limits := r.dir.Limits()
	if private, err := r.dir.OpenDir(PrivateDir); err == nil {
		limits = append(limits, private.Limits()...)
		private.Close()
	}
	if beside, err := fsys.Open(filepath.Join(r.path, "..")); err == nil {
		limits = append(limits, r.foldsLike(beside)...)
		beside.Close()
	}
	slices.Sort(limits)
	return slices.Compact(limits)
}

// foldsLike returns what another directory tells of the root, if it lies on the
// same file system, and that does not decide it for each directory anew.
func (r *Root) foldsLike(beside *fsys.Dir) []fsys.Limit {
	here, err := r.dir.Stat()
	if err != nil {
		return nil
	}
	switch info, err := r.dir.FS(); {
	case err != nil, info.Type == "ext4", info.Type == "f2fs", info.Type == "tmpfs":
		return nil
	}
	there, err := beside.Stat()
	if err == nil && there.Dev == here.Dev && slices.Contains(beside.Limits(), fsys.LimitCase) {
		return []fsys.Limit{fsys.LimitCase}
	}
	return nil
}

// Path returns the path the root was opened by.
func (r *Root) Path() string { return r.path }

// openPrivate opens a directory below .phlb; the error is fs.ErrNotExist when
// there is none.
func (r *Root) openPrivate(rel string) (*fsys.Dir, error) {
	return r.dir.OpenDirAt(PrivateDir + "/" + rel)
}
