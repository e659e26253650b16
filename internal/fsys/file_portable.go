//go:build windows || portable

package fsys

import (
	"io"
	"os"

	"phlb/internal/meta"
)

// File is an open file. Methods that use the file's position need a lock of
// the caller's to be called concurrently; ReadAt, Stat and the setters do not.
type File struct {
	file    *os.File
	dir     string // for messages only
	name    string
	appends bool // every write goes to the end
	fault   FaultFunc
}

// Path returns the path the file was opened by, for messages.
func (f *File) Path() string { return f.dir + "/" + f.name }

// Close releases the descriptor. Whatever is called afterwards fails.
func (f *File) Close() error { return f.wrap("close", f.file.Close()) }

// wrap gives an error phlb's words; io.EOF has to stay as it is.
func (f *File) wrap(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return pathError(op, f.dir, f.name, bare(err))
}

// Read implements io.Reader.
func (f *File) Read(b []byte) (int, error) {
	n, err := f.file.Read(b)
	return n, f.wrap("read", err)
}

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(b []byte, off int64) (int, error) {
	n, err := f.file.ReadAt(b, off)
	return n, f.wrap("read", err)
}

// Write implements io.Writer; short writes are continued.
func (f *File) Write(b []byte) (n int, err error) {
	err = f.write(OpWrite, func() error {
		if f.appends {
			if _, err := f.file.Seek(0, io.SeekEnd); err != nil {
				return err
			}
		}
		n, err = f.file.Write(b)
		return err
	})
	return n, err
}

// Seek implements io.Seeker.
func (f *File) Seek(off int64, whence int) (int64, error) {
	pos, err := f.file.Seek(off, whence)
	return pos, f.wrap("seek", err)
}

// Truncate sets the file's size in bytes; growing it leaves a hole where the
// file system has such.
func (f *File) Truncate(size int64) error {
	return f.write(OpTruncate, func() error { return f.file.Truncate(size) })
}

// Stat tells about the open file.
func (f *File) Stat() (meta.Info, error) {
	info, err := statOf(f.file)
	return info, f.wrap("stat", err)
}

// Chmod sets the permission bits. On Windows only the owner's write bit has a
// meaning.
func (f *File) Chmod(mode uint32) error {
	return f.write(OpChmod, func() error { return f.file.Chmod(stdMode(mode)) })
}

// Chown sets the owner.
func (f *File) Chown(uid, gid uint32) error {
	return f.write(OpChown, func() error { return noOwners(f.file.Chown(int(uid), int(gid))) })
}

// SetMtime sets the modification time; the access time becomes the same. On
// Windows the file must be open for writing.
func (f *File) SetMtime(t meta.Time) error {
	return f.write(OpTimes, func() error { return setFileTimes(f.file, t) })
}

// Sync makes the file's data and metadata durable.
func (f *File) Sync() error { return f.write(OpSync, f.file.Sync) }

// SetXattr returns ErrUnsupported.
func (f *File) SetXattr(string, []byte) error {
	return f.write(OpSetXattr, func() error { return ErrUnsupported })
}

// Xattrs returns none: extended attributes are not reached here.
func (f *File) Xattrs() (meta.Xattrs, error) { return nil, nil }

// Clone would make f share all data with src; it returns ErrUnsupported.
func (f *File) Clone(*File) error {
	return f.write(OpWrite, func() error { return ErrUnsupported })
}

// ReadAhead tells the kernel that the file will be read once, in order; there
// is no such hint for a file that is open already.
func (f *File) ReadAhead() {}

// NextData returns the next range of bytes that is not a hole, at or after
// off and before size. Holes cannot be seen here: all of it counts as data.
func (f *File) NextData(off, size int64) (start, end int64, ok bool) {
	if off >= size {
		return 0, 0, false
	}
	return off, size, true
}

// TryLock takes an advisory lock on the whole file, held by the kernel until
// the file is closed or the process ends. ok is false when another open file
// holds a lock that excludes it. Asking again with another mode exchanges the
// lock, not atomically: when that fails the file may hold none.
func (f *File) TryLock(mode LockMode) (ok bool, err error) {
	ok, err = lockFile(f.file, mode)
	return ok, f.wrap("lock", err)
}

func (f *File) refuse(op Op) error {
	if f.fault == nil {
		return nil
	}
	return f.fault(op, f.name)
}

func (f *File) write(op Op, call func() error) error {
	err := f.refuse(op)
	if err == nil {
		err = call()
	}
	return f.wrap(string(op), err)
}
