//go:build unix && !portable

package fsys

import (
	"errors"
	"io"
	"path"

	"golang.org/x/sys/unix"

	"phlb/internal/meta"
)

// File is an open file. Unlike os.File it never goes through the runtime's
// poller: regular files cannot be polled, and a million of them are opened.
// Methods that use the file's position need a lock of the caller's to be
// called concurrently; ReadAt, Stat and the setters do not.
type File struct {
	fd    int
	dir   string // the path is put together only when a message needs it
	rel   string
	fault FaultFunc
}

// Path returns the path the file was opened by, for messages.
func (f *File) Path() string { return f.dir + "/" + f.rel }

// Close releases the descriptor. Whatever is called afterwards fails.
func (f *File) Close() error { return f.wrap("close", closeFD(&f.fd)) }

// wrap is pathError with the file's path, put together only for an error.
func (f *File) wrap(op string, err error) error { return pathError(op, f.dir, f.rel, err) }

// Read implements io.Reader.
func (f *File) Read(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, err := retryFD(func() (int, error) { return unix.Read(f.fd, b) })
	return f.readResult(n, err)
}

// ReadAt implements io.ReaderAt.
func (f *File) ReadAt(b []byte, off int64) (int, error) {
	done := 0
	for done < len(b) {
		n, err := retryFD(func() (int, error) { return unix.Pread(f.fd, b[done:], off+int64(done)) })
		if n, err = f.readResult(n, err); err != nil {
			return done, err
		}
		done += n
	}
	return done, nil
}

func (f *File) readResult(n int, err error) (int, error) {
	if err != nil {
		return 0, f.wrap("read", err)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// Write implements io.Writer; short writes are continued.
func (f *File) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		rest := b[done:]
		err := f.refuse(OpWrite)
		if errors.Is(err, ErrShort) {
			rest, err = rest[:(len(rest)+1)/2], nil
		}
		n := 0
		if err == nil {
			n, err = retryFD(func() (int, error) { return unix.Write(f.fd, rest) })
		}
		if err == nil && n == 0 {
			err = io.ErrShortWrite // never seen of regular files; not a reason to spin
		}
		if err != nil {
			return done, f.wrap("write", err)
		}
		done += n
	}
	return done, nil
}

// Seek implements io.Seeker.
func (f *File) Seek(off int64, whence int) (int64, error) {
	pos, err := unix.Seek(f.fd, off, whence)
	return pos, f.wrap("seek", err)
}

// Truncate sets the file's size in bytes; growing it leaves a hole.
func (f *File) Truncate(size int64) error {
	return f.write(OpTruncate, func() error { return unix.Ftruncate(f.fd, size) })
}

// Stat tells about the open file.
func (f *File) Stat() (meta.Info, error) {
	info, err := statFD(f.fd)
	return info, f.wrap("stat", err)
}

// Chmod sets the permission bits.
func (f *File) Chmod(mode uint32) error {
	return f.write(OpChmod, func() error { return unix.Fchmod(f.fd, mode) })
}

// Chown sets the owner.
func (f *File) Chown(uid, gid uint32) error {
	return f.write(OpChown, func() error { return unix.Fchown(f.fd, int(uid), int(gid)) })
}

// SetMtime sets the modification time; the access time becomes the same.
func (f *File) SetMtime(t meta.Time) error {
	return f.write(OpTimes, func() error { return futimes(f.fd, t) })
}

// Sync makes the file's data and metadata durable.
func (f *File) Sync() error { return f.write(OpSync, func() error { return fsync(f.fd) }) }

func (f *File) refuse(op Op) error {
	if f.fault == nil {
		return nil
	}
	return f.fault(op, path.Base(f.rel))
}

func (f *File) write(op Op, call func() error) error {
	err := f.refuse(op)
	if err == nil {
		err = retry(call)
	}
	return f.wrap(string(op), err)
}

// NextData returns the next range of bytes that is not a hole, at or after
// off and before size. ok is false when only a hole is left. Where holes
// cannot be seen all of it counts as data. The file's position is moved.
func (f *File) NextData(off, size int64) (start, end int64, ok bool) {
	return nextData(f.fd, off, size)
}

// TryLock takes an advisory lock on the whole file, held by the kernel until
// the file is closed or the process ends. ok is false when another open file
// holds a lock that excludes it. Asking again with another mode exchanges the
// lock, not atomically: when that fails the file may hold none.
func (f *File) TryLock(mode LockMode) (ok bool, err error) {
	ok, err = tryLock(f.fd, mode)
	return ok, f.wrap("lock", err)
}
