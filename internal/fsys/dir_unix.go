//go:build unix && !portable

package fsys

import (
	"path"

	"golang.org/x/sys/unix"

	"phlb/internal/meta"
)

// Dir is an open directory. It is safe for concurrent use until Close.
type Dir struct {
	fd    int
	path  string // for messages only
	fault FaultFunc
	list  listing // what AppendDir must not do twice at a time
}

// Open opens a directory by a path of the user's, following symbolic links.
func Open(path string, opts ...Option) (*Dir, error) {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	fd, err := openat(unix.AT_FDCWD, path, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, pathError("open", path, "", err)
	}
	return &Dir{fd: fd, path: path, fault: o.fault}, nil
}

// Path returns the path the directory was opened by, for messages.
func (d *Dir) Path() string { return d.path }

// Close releases the descriptor. Whatever is called afterwards fails.
func (d *Dir) Close() error { return pathError("close", d.path, "", closeFD(&d.fd)) }

// below runs one writing operation on a name below d.
func (d *Dir) below(op Op, name string, call func() error) error {
	err := d.admit(op, name)
	if err == nil {
		err = retry(call)
	}
	return pathError(string(op), d.path, name, err)
}

// self runs one writing operation on the directory itself.
func (d *Dir) self(op Op, call func() error) error {
	err := d.admitSelf(op)
	if err == nil {
		err = retry(call)
	}
	return pathError(string(op), d.path, "", err)
}

// open opens name without following it.
func (d *Dir) open(op, name string, flags int, mode uint32) (int, error) {
	err := check(name)
	fd := -1
	if err == nil {
		fd, err = openat(d.fd, name, flags|unix.O_NOFOLLOW, mode)
	}
	return fd, pathError(op, d.path, name, err)
}

// OpenDir opens the directory called name.
func (d *Dir) OpenDir(name string) (*Dir, error) {
	fd, err := d.open("open", name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	return d.child(fd, name), nil
}

func (d *Dir) child(fd int, rel string) *Dir {
	return &Dir{fd: fd, path: d.path + "/" + rel, fault: d.fault}
}

// OpenDirAt opens the directory at the slash-separated relative path, passing
// no symbolic link on the way. "." gives an independent descriptor of d.
func (d *Dir) OpenDirAt(rel string) (*Dir, error) {
	if rel == "." {
		return d.reopen()
	}
	fd, err := openBeneath(d.fd, rel, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	switch err {
	case nil:
		return d.child(fd, rel), nil
	case errNoBeneath:
		return d.walk(rel)
	}
	return nil, pathError("open", d.path, rel, err)
}

func (d *Dir) reopen() (*Dir, error) {
	fd, err := openat(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, pathError("open", d.path, ".", err)
	}
	return &Dir{fd: fd, path: d.path, fault: d.fault}, nil
}

// readFlags open without waiting for the other end of a fifo.
const readFlags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY

// OpenFile opens the file called name for reading. It neither follows a
// symbolic link nor waits for the other end of a fifo; what was opened may
// be any kind of object, so callers look at File.Stat.
func (d *Dir) OpenFile(name string) (*File, error) {
	fd, err := d.open("open", name, readFlags, 0)
	return d.file(fd, name, err)
}

// OpenFileAt is OpenFile for a slash-separated relative path.
func (d *Dir) OpenFileAt(rel string) (*File, error) {
	fd, err := openBeneath(d.fd, rel, readFlags, 0)
	if err == errNoBeneath {
		return at(d, rel, (*Dir).OpenFile)
	}
	return d.file(fd, rel, pathError("open", d.path, rel, err))
}

// OpenUpdateAt opens an existing file, at a slash-separated relative path, for
// reading and for writing over what it holds.
func (d *Dir) OpenUpdateAt(rel string) (*File, error) {
	const flags = unix.O_RDWR | unix.O_NONBLOCK | unix.O_NOCTTY
	fd, err := openBeneath(d.fd, rel, flags, 0)
	if err == errNoBeneath {
		return at(d, rel, func(dir *Dir, name string) (*File, error) {
			fd, err := dir.open("open", name, flags, 0)
			return dir.file(fd, name, err)
		})
	}
	return d.file(fd, rel, pathError("open", d.path, rel, err))
}

func (d *Dir) file(fd int, rel string, err error) (*File, error) {
	if err != nil {
		return nil, err
	}
	return &File{fd: fd, dir: d.path, rel: rel, fault: d.fault}, nil
}

// Create makes a new file for writing; it is an error if the name exists.
// The mode is limited by the umask.
func (d *Dir) Create(name string, mode uint32) (*File, error) {
	return d.create(name, unix.O_EXCL, mode)
}

// CreateAt is Create for a slash-separated relative path, whose directories
// exist.
func (d *Dir) CreateAt(rel string, mode uint32) (*File, error) {
	if err := d.refuse(OpCreate, path.Base(rel)); err != nil {
		return nil, pathError("create", d.path, rel, err)
	}
	fd, err := openBeneath(d.fd, rel, createFlags|unix.O_EXCL, mode)
	if err == errNoBeneath {
		return at(d, rel, func(dir *Dir, name string) (*File, error) {
			fd, err := dir.open("create", name, createFlags|unix.O_EXCL, mode)
			return dir.file(fd, name, err)
		})
	}
	return d.file(fd, rel, pathError("create", d.path, rel, err))
}

// OpenAppend opens or makes a file whose writes go to its end.
func (d *Dir) OpenAppend(name string, mode uint32) (*File, error) {
	return d.create(name, unix.O_APPEND, mode)
}

const createFlags = unix.O_RDWR | unix.O_CREAT

func (d *Dir) create(name string, flags int, mode uint32) (*File, error) {
	if err := d.admit(OpCreate, name); err != nil {
		return nil, pathError("create", d.path, name, err)
	}
	fd, err := d.open("create", name, createFlags|flags, mode)
	return d.file(fd, name, err)
}

// Mkdir makes a directory; the mode is limited by the umask.
func (d *Dir) Mkdir(name string, mode uint32) error {
	return d.below(OpMkdir, name, func() error { return unix.Mkdirat(d.fd, name, mode) })
}

// Symlink makes a symbolic link called name with the given target text.
func (d *Dir) Symlink(target, name string) error {
	return d.below(OpSymlink, name, func() error { return unix.Symlinkat(target, d.fd, name) })
}

// Link makes name in d another name of from's oldName, which is not followed
// if it is a symbolic link.
func (d *Dir) Link(from *Dir, oldName, name string) error {
	if err := check(oldName); err != nil {
		return pathError("link", from.path, oldName, err)
	}
	return d.below(OpLink, name, func() error { return linkat(from.fd, oldName, d.fd, name) })
}

// Rename moves name to toName in the directory to, replacing what is there.
func (d *Dir) Rename(name string, to *Dir, toName string) error {
	if err := check(toName); err != nil {
		return pathError("rename", to.path, toName, err)
	}
	return d.below(OpRename, name, func() error { return unix.Renameat(d.fd, name, to.fd, toName) })
}

// RenameNew is Rename that fails with fs.ErrExist if toName exists.
func (d *Dir) RenameNew(name string, to *Dir, toName string) error {
	if err := check(toName); err != nil {
		return pathError("rename", to.path, toName, err)
	}
	return d.below(OpRename, name, func() error { return renameNew(d.fd, name, to.fd, toName) })
}

// Remove removes a name that is not a directory.
func (d *Dir) Remove(name string) error {
	return d.below(OpRemove, name, func() error { return unlinkat(d.fd, name, 0) })
}

// RemoveDir removes an empty directory.
func (d *Dir) RemoveDir(name string) error {
	return d.below(OpRemove, name, func() error { return unlinkat(d.fd, name, unix.AT_REMOVEDIR) })
}

// Lstat tells about name without following it.
func (d *Dir) Lstat(name string) (meta.Info, error) {
	err := check(name)
	if err == nil {
		var info meta.Info
		if info, err = lstatFD(d.fd, name); err == nil {
			return info, nil
		}
	}
	return meta.Info{}, pathError("lstat", d.path, name, err)
}

// Stat tells about the directory itself.
func (d *Dir) Stat() (meta.Info, error) {
	info, err := statFD(d.fd)
	return info, pathError("stat", d.path, "", err)
}

// Readlink returns the target text of the symbolic link called name.
func (d *Dir) Readlink(name string) (string, error) {
	if err := check(name); err != nil {
		return "", pathError("readlink", d.path, name, err)
	}
	for size := 256; ; size *= 2 {
		buf := make([]byte, size)
		n, err := retryFD(func() (int, error) { return unix.Readlinkat(d.fd, name, buf) })
		if err != nil {
			return "", pathError("readlink", d.path, name, err)
		}
		if n < size {
			return string(buf[:n]), nil
		}
	}
}

// Chmod sets the permission bits of the directory itself.
func (d *Dir) Chmod(mode uint32) error {
	return d.self(OpChmod, func() error { return unix.Fchmod(d.fd, mode) })
}

// Chown sets the owner of the directory itself.
func (d *Dir) Chown(uid, gid uint32) error {
	return d.self(OpChown, func() error { return unix.Fchown(d.fd, int(uid), int(gid)) })
}

// SetMtime sets the modification time of the directory itself; the access
// time becomes the same.
func (d *Dir) SetMtime(t meta.Time) error {
	return d.self(OpTimes, func() error { return futimes(d.fd, t) })
}

// Sync makes the directory's entries durable (fsync).
func (d *Dir) Sync() error { return d.self(OpSync, func() error { return fsync(d.fd) }) }

// SyncFS makes everything written so far to the directory's file system
// durable. On Linux it reports write-back errors that happened since the
// directory was opened (syncfs(2), Linux 5.8 and later); elsewhere it returns
// ErrUnsupported and callers fsync file by file.
func (d *Dir) SyncFS() error { return d.self(OpSyncFS, func() error { return syncFS(d.fd) }) }

// Lchown sets the owner of name without following it.
func (d *Dir) Lchown(name string, uid, gid uint32) error {
	return d.below(OpChown, name, func() error {
		return unix.Fchownat(d.fd, name, int(uid), int(gid), unix.AT_SYMLINK_NOFOLLOW)
	})
}

// LsetMtime sets the modification time of name without following it; the
// access time becomes the same.
func (d *Dir) LsetMtime(name string, t meta.Time) error {
	return d.below(OpTimes, name, func() error { return lutimes(d.fd, name, t) })
}

// FS describes the file system the directory is on.
func (d *Dir) FS() (FSInfo, error) {
	info, err := fsInfo(d.fd)
	return info, pathError("statfs", d.path, "", err)
}

// MountPoint reports whether the directory is the root of a mount: of a file
// system, or of a bind mount where the system tells those.
func (d *Dir) MountPoint() (bool, error) {
	is, err := isMountPoint(d.fd)
	return is, pathError("stat", d.path, "", err)
}
