// Package fsys is the only package of phlb with system calls: directory
// descriptors, files, links, metadata, identity and durability.
//
// Everything below a backup root, a source or a restore target is reached
// through a Dir: an open directory. Names given to its methods are single
// path elements and are never followed when they turn out to be symbolic
// links, so that nobody who can rename things below can lead phlb outside.
// Only Open, which gets a path from the user, follows links.
//
// The package decides nothing: it never retries with other semantics, never
// falls back from a link to a copy and never prints. Errors are
// *fs.PathError with the operation's name and the path as far as it is
// known.
//
// One API has two implementations. The native one (unix) works on bare
// descriptors. The portable one stands on os.Root; it serves Windows, and the
// build tag "portable" selects it on other systems too, so that the same tests
// run against both. What Windows does not have is either absent when read
// (owners are 0, there are no extended attributes, holes are not seen) or
// refused with ErrUnsupported when written (Chown, Lchown, SetXattr, Clone,
// SyncFS). Sync of a directory does nothing there: the system offers no such
// call and NTFS journals names itself.
package fsys

import (
	"errors"
	"io/fs"

	"phlb/internal/meta"
)

// Op names a writing operation, for fault injection in tests.
type Op string

// The operations that change something on a file system.
const (
	OpCreate   Op = "create"
	OpWrite    Op = "write"
	OpTruncate Op = "truncate"
	OpMkdir    Op = "mkdir"
	OpSymlink  Op = "symlink"
	OpLink     Op = "link"
	OpRename   Op = "rename"
	OpRemove   Op = "remove"
	OpChmod    Op = "chmod"
	OpChown    Op = "chown"
	OpTimes    Op = "utimes"
	OpSetXattr Op = "setxattr"
	OpSync     Op = "fsync"
	OpSyncFS   Op = "syncfs"
)

// FaultFunc is asked before every writing operation; a non-nil error is
// returned in place of carrying it out. The name is the last path element.
type FaultFunc func(op Op, name string) error

// ErrShort is what a FaultFunc answers to OpWrite to have only half of the bytes
// written, and no error, as a signal or a disk that is about to be full does.
// The portable implementation takes it for a failure.
var ErrShort = errors.New("short write")

// Option configures Open.
type Option func(*options)

type options struct{ fault FaultFunc }

// WithFaults makes the directory, and everything opened through it, ask f
// before each writing operation. For tests only.
func WithFaults(f FaultFunc) Option { return func(o *options) { o.fault = f } }

// DirEntry is one name in a directory. Kind is meta.Unknown where the file
// system does not tell it while listing.
type DirEntry struct {
	Name string
	Kind meta.Kind
}

// FSInfo describes the file system that holds a directory.
type FSInfo struct {
	Type      string // "ext4", "xfs", …, or a hexadecimal magic number
	BlockSize int64  // bytes; 0: not known
	Total     int64  // bytes
	Free      int64  // bytes free for the calling user
	Inodes    int64  // 0: the file system does not count inodes
	FreeInode int64
	ReadOnly  bool
	NameMax   int64 // longest file name in bytes
}

// ErrEscape is returned for names that are not a single path element, and
// for relative paths that are absolute, empty or contain "..".
var ErrEscape = errors.New("path leaves the directory it is relative to")

// ErrUnsupported is returned where the operating system has no such call.
var ErrUnsupported = errors.New("not supported by this operating system")

// Class sorts errors by what a caller can do about them.
type Class int

// The classes of errors.
const (
	ClassOther       Class = iota
	ClassVanished          // the path is gone
	ClassPermission        // no permission to read or write it
	ClassFull              // no space, no inodes, over quota: stop the run
	ClassReadOnly          // the file system is read-only: stop the run
	ClassIO                // the device failed
	ClassLinkRefused       // EMLINK, EPERM, EXDEV: copy in place of linking
	ClassType              // it is another kind of thing than expected
	ClassName              // the file system cannot hold such a name
	ClassUnsupported       // the file system has no such feature
	ClassExhausted         // this process or system is out of descriptors or memory: says nothing of the path
)

// LockMode says how a lock is shared.
type LockMode int

// The lock modes.
const (
	Shared LockMode = iota
	Exclusive
)

func check(name string) error {
	if name == "" || name == "." || name == ".." {
		return ErrEscape
	}
	for i := range len(name) {
		if name[i] == '/' || name[i] == 0 {
			return ErrEscape
		}
	}
	return checkSystem(name)
}

// pathError wraps err unless it is nil.
func pathError(op, dir, name string, err error) error {
	if err == nil {
		return nil
	}
	path := dir
	if name != "" {
		path += "/" + name
	}
	return &fs.PathError{Op: op, Path: path, Err: err}
}
