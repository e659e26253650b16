//go:build linux && !portable

package fsys

import (
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// procAttrs go over /proc, the only way to the attributes of a symbolic link
// that starts at a descriptor before Linux 6.13; the name itself is still
// resolved relative to the open directory.
type procAttrs struct{}

// procPath names what a name stands for below an open directory.
func procPath(fd int, name string) string {
	return "/proc/self/fd/" + strconv.Itoa(fd) + "/" + name
}

// list is made without x/sys, which copies the path to the heap.
func (procAttrs) list(dirfd int, name string, buf []byte) (int, error) {
	var room [300]byte
	path := strconv.AppendInt(append(room[:0], "/proc/self/fd/"...), int64(dirfd), 10)
	path = append(append(append(path, '/'), name...), 0)
	size, _, errno := unix.Syscall(unix.SYS_LLISTXATTR, uintptr(unsafe.Pointer(&path[0])),
		uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)))
	if errno != 0 {
		return 0, noProc(errno)
	}
	return int(size), nil
}

func (procAttrs) get(dirfd int, name, attr string, buf []byte) (int, error) {
	n, err := unix.Lgetxattr(procPath(dirfd, name), attr, buf)
	return n, noProc(err)
}

// noProc makes sure that a /proc that is not mounted is not taken for a file
// that is gone.
func noProc(err error) error {
	if err == unix.ENOENT && unix.Access("/proc/self/fd", unix.F_OK) != nil {
		return ErrUnsupported
	}
	return err
}
