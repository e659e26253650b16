//go:build windows || portable

package fsys

import (
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"phlb/internal/meta"
)

// Dir is an open directory. It is safe for concurrent use until Close.
//
// os.Root follows symbolic links inside itself. Every Dir therefore has a
// Root of its own, is given single names only, and compares what it opened
// with what an lstat before had found.
type Dir struct {
	root  *os.Root
	self  *os.File // the directory itself: Root does not give its descriptor
	top   *top
	rel   string // path from top, "." for the top itself
	path  string // for messages only
	fault FaultFunc
}

// top is what all directories have in common that were opened through the
// same call of Open. Links and renames between two of them need one Root that
// holds both.
type top struct {
	root    *os.Root
	users   atomic.Int64 // directories not yet closed
	renames sync.Mutex   // makes RenameNew's look and rename one step in this process
}

// Open opens a directory by a path of the user's, following symbolic links.
func Open(path string, opts ...Option) (*Dir, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, pathError("open", path, "", rootError(bare(err)))
	}
	common, err := root.OpenRoot(".")
	if err != nil {
		root.Close()
		return nil, pathError("open", path, "", bare(err))
	}
	d := &Dir{root: root, top: &top{root: common}, rel: ".", path: path, fault: o.fault}
	if err := d.openSelf(); err != nil {
		common.Close()
		return nil, pathError("open", path, "", err)
	}
	return d, nil
}

// rootError gives os.Root's "not a directory", which is a bare text, the
// number that everything else of that meaning has.
func rootError(err error) error {
	if err.Error() == "not a directory" {
		return errNotDir
	}
	return err
}

// openSelf completes d, or closes its root.
func (d *Dir) openSelf() error {
	self, err := d.root.Open(".")
	if err != nil {
		d.root.Close()
		return bare(err)
	}
	d.self = self
	d.top.users.Add(1)
	return nil
}

// Path returns the path the directory was opened by, for messages.
func (d *Dir) Path() string { return d.path }

// Close releases the descriptor. Whatever is called afterwards fails.
func (d *Dir) Close() error {
	if err := d.self.Close(); err != nil {
		return pathError("close", d.path, "", bare(err))
	}
	err := d.root.Close()
	if d.top.users.Add(-1) == 0 {
		d.top.root.Close()
	}
	return pathError("close", d.path, "", err)
}

// below runs one writing operation on a name below d.
func (d *Dir) below(op Op, name string, call func() error) error {
	err := d.admit(op, name)
	if err == nil {
		err = bare(call())
	}
	return pathError(string(op), d.path, name, err)
}

// onSelf runs one writing operation on the directory itself.
func (d *Dir) onSelf(op Op, call func() error) error {
	err := d.admitSelf(op)
	if err == nil {
		err = bare(call())
	}
	return pathError(string(op), d.path, "", err)
}

// opened is what an attempt to open a name gave.
type opened interface {
	comparable
	Close() error
}

// maxSwaps is how often a name may become another object between the look
// and the opening before it counts as hostile.
const maxSwaps = 20

// unfollowed opens name and makes sure that what was opened is what an lstat
// has found to be no symbolic link.
func unfollowed[T opened](d *Dir, name string, open func(meta.Kind) (T, meta.Info, error)) (T, error) {
	var none T
	for range maxSwaps {
		before, err := d.lstat(name)
		if err != nil {
			return none, err
		}
		if before.Kind == meta.Symlink {
			return none, syscall.ELOOP
		}
		got, after, err := open(before.Kind)
		if err != nil {
			return none, err
		}
		if before.SameFile(&after) && after.Kind == before.Kind {
			return got, nil
		}
		_ = got.Close() // of no interest: the wrong one
	}
	return none, syscall.ELOOP
}

// OpenDir opens the directory called name.
func (d *Dir) OpenDir(name string) (*Dir, error) {
	err := check(name)
	var sub *Dir
	if err == nil {
		sub, err = unfollowed(d, name, func(kind meta.Kind) (*Dir, meta.Info, error) {
			if kind != meta.Dir {
				return nil, meta.Info{}, errNotDir // opening a fifo would wait
			}
			return d.openRoot(name)
		})
	}
	if err != nil {
		return nil, pathError("open", d.path, name, err)
	}
	return sub, nil
}

func (d *Dir) openRoot(name string) (*Dir, meta.Info, error) {
	root, err := d.root.OpenRoot(name)
	if err != nil {
		return nil, meta.Info{}, rootError(bare(err))
	}
	sub := &Dir{root: root, top: d.top, rel: join(d.rel, name), path: d.path + "/" + name, fault: d.fault}
	if err := sub.openSelf(); err != nil {
		return nil, meta.Info{}, err
	}
	info, err := statOf(sub.self)
	if err != nil {
		sub.Close()
	}
	return sub, info, err
}

func join(rel, name string) string {
	if rel == "." {
		return name
	}
	return rel + "/" + name
}

// OpenDirAt opens the directory at the slash-separated relative path, passing
// no symbolic link on the way. "." gives an independent descriptor of d.
func (d *Dir) OpenDirAt(rel string) (*Dir, error) {
	if rel == "." {
		return d.reopen()
	}
	return d.walk(rel)
}

func (d *Dir) reopen() (*Dir, error) {
	root, err := d.root.OpenRoot(".")
	if err != nil {
		return nil, pathError("open", d.path, ".", bare(err))
	}
	again := &Dir{root: root, top: d.top, rel: d.rel, path: d.path, fault: d.fault}
	if err := again.openSelf(); err != nil {
		return nil, pathError("open", d.path, ".", err)
	}
	return again, nil
}

// OpenFile opens the file called name for reading. It neither follows a
// symbolic link nor waits for the other end of a fifo; what was opened may
// be any kind of object, so callers look at File.Stat.
func (d *Dir) OpenFile(name string) (*File, error) {
	return d.openFile("open", name, os.O_RDONLY|unfollowedFlags)
}

func (d *Dir) openFile(op, name string, flags int) (*File, error) {
	err := check(name)
	var f *os.File
	if err == nil {
		f, err = unfollowed(d, name, func(meta.Kind) (*os.File, meta.Info, error) {
			f, err := d.root.OpenFile(name, flags, 0)
			if err != nil {
				return nil, meta.Info{}, bare(err)
			}
			info, err := statOf(f)
			if err != nil {
				_ = f.Close() // opened for nothing
			}
			return f, info, err
		})
	}
	if err != nil {
		return nil, pathError(op, d.path, name, err)
	}
	return d.file(f, name), nil
}

func (d *Dir) file(f *os.File, name string) *File {
	return &File{file: f, dir: d.path, name: name, fault: d.fault}
}

// OpenFileAt is OpenFile for a slash-separated relative path.
func (d *Dir) OpenFileAt(rel string) (*File, error) { return at(d, rel, (*Dir).OpenFile) }

// OpenUpdateAt opens an existing file, at a slash-separated relative path, for
// reading and for writing over what it holds.
func (d *Dir) OpenUpdateAt(rel string) (*File, error) {
	return at(d, rel, func(dir *Dir, name string) (*File, error) {
		return dir.openFile("open", name, os.O_RDWR|unfollowedFlags)
	})
}

// Create makes a new file for writing; it is an error if the name exists.
// The mode is limited by the umask.
func (d *Dir) Create(name string, mode uint32) (*File, error) {
	if err := d.admit(OpCreate, name); err != nil {
		return nil, pathError("create", d.path, name, err)
	}
	return d.createNew(name, mode)
}

// CreateAt is Create for a slash-separated relative path, whose directories
// exist.
func (d *Dir) CreateAt(rel string, mode uint32) (*File, error) {
	return at(d, rel, func(dir *Dir, name string) (*File, error) { return dir.Create(name, mode) })
}

func (d *Dir) createNew(name string, mode uint32) (*File, error) {
	f, err := d.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, fs.FileMode(mode&0o777))
	if err != nil {
		return nil, pathError("create", d.path, name, bare(err))
	}
	return d.file(f, name), nil
}

// OpenAppend opens or makes a file whose writes go to its end. Here the end is
// looked up before each write: two processes that append at a time overwrite
// each other.
func (d *Dir) OpenAppend(name string, mode uint32) (*File, error) {
	if err := d.admit(OpCreate, name); err != nil {
		return nil, pathError("create", d.path, name, err)
	}
	// Asking the system to create and open in one step could create what a
	// symbolic link points to.
	for range maxSwaps {
		f, err := d.openFile("create", name, os.O_RDWR|unfollowedFlags)
		if ClassOf(err) == ClassVanished {
			f, err = d.createNew(name, mode)
		}
		if err == nil {
			f.appends = true
		}
		if !os.IsExist(err) {
			return f, err
		}
	}
	return nil, pathError("create", d.path, name, fs.ErrExist)
}

// Mkdir makes a directory; the mode is limited by the umask.
func (d *Dir) Mkdir(name string, mode uint32) error {
	return d.below(OpMkdir, name, func() error { return d.root.Mkdir(name, fs.FileMode(mode&0o777)) })
}

// Symlink makes a symbolic link called name with the given target text.
func (d *Dir) Symlink(target, name string) error {
	return d.below(OpSymlink, name, func() error { return d.root.Symlink(target, name) })
}

// Remove removes a name that is not a directory.
func (d *Dir) Remove(name string) error {
	return d.below(OpRemove, name, func() error {
		info, err := d.lstat(name)
		if err == nil && info.Kind == meta.Dir {
			return syscall.EISDIR
		}
		return d.root.Remove(name)
	})
}

// RemoveDir removes an empty directory.
func (d *Dir) RemoveDir(name string) error {
	return d.below(OpRemove, name, func() error {
		info, err := d.lstat(name)
		if err == nil && info.Kind != meta.Dir {
			return errNotDir
		}
		return d.root.Remove(name)
	})
}

// AppendDir appends the directory's names, listed from its beginning, without
// "." and "..", in the file system's order. Where it fails it returns list as
// it was.
func (d *Dir) AppendDir(list []DirEntry) ([]DirEntry, error) {
	f, err := d.root.Open(".")
	if err != nil {
		return list, pathError("readdir", d.path, "", bare(err))
	}
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return list, pathError("readdir", d.path, "", bare(err))
	}
	return appendEntries(list, entries), nil
}

// Lstat tells about name without following it.
func (d *Dir) Lstat(name string) (meta.Info, error) {
	err := check(name)
	var info meta.Info
	if err == nil {
		info, err = d.lstat(name)
	}
	return info, pathError("lstat", d.path, name, err)
}

func (d *Dir) lstat(name string) (meta.Info, error) { return lstatOf(d.self, name) }

// Stat tells about the directory itself.
func (d *Dir) Stat() (meta.Info, error) {
	info, err := statOf(d.self)
	return info, pathError("stat", d.path, "", err)
}

// Readlink returns the target text of the symbolic link called name.
func (d *Dir) Readlink(name string) (string, error) {
	if err := check(name); err != nil {
		return "", pathError("readlink", d.path, name, err)
	}
	target, err := d.root.Readlink(name)
	if err != nil {
		return "", pathError("readlink", d.path, name, bare(err))
	}
	return target, nil
}

// FS describes the file system the directory is on.
func (d *Dir) FS() (FSInfo, error) {
	info, err := fsInfoOf(d.self)
	return info, pathError("statfs", d.path, "", err)
}

// MountPoint reports whether the directory is the root of a mount: of a file
// system, or of a bind mount where the system tells those.
func (d *Dir) MountPoint() (bool, error) {
	is, err := mountPointOf(d)
	return is, pathError("stat", d.path, "", err)
}
