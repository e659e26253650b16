//go:build !portable

package fsys

import "golang.org/x/sys/unix"

func syncFS(int) error { return ErrUnsupported }

// fsync asks for F_FULLFSYNC: fsync(2) alone leaves the data in the drive's
// cache here. File systems that do not know it get what there is.
func fsync(fd int) error {
	_, err := unix.FcntlInt(uintptr(fd), unix.F_FULLFSYNC, 0)
	switch err {
	case unix.ENOTSUP, unix.ENOTTY, unix.EINVAL:
		return unix.Fsync(fd)
	}
	return err
}
