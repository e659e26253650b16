//go:build linux && !portable

package fsys

import (
	"errors"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// openat opens name relative to a directory, repeating what a signal
// interrupted. Names of several elements are for Open only.
func openat(dirfd int, name string, flags int, mode uint32) (int, error) {
	if strings.IndexByte(name, 0) >= 0 {
		return -1, unix.EINVAL
	}
	var buf nameBuf
	p := buf.cstring(name)
	for {
		fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, uintptr(dirfd), uintptr(unsafe.Pointer(p)),
			uintptr(flags|unix.O_CLOEXEC|unix.O_LARGEFILE), uintptr(mode), 0, 0)
		switch errno {
		case 0:
			return int(fd), nil
		case unix.EINTR:
		default:
			return -1, errno
		}
	}
}

// errNoBeneath says that openat2 cannot serve a path; it is then opened one
// element at a time.
var errNoBeneath = errors.New("openat2 not usable")

// openBeneath opens a relative path in one call in which the kernel itself
// refuses symbolic links and ways out.
func openBeneath(dirfd int, rel string, flags int, mode uint32) (int, error) {
	if len(rel) >= unix.PathMax || !localPath(rel) {
		return -1, errNoBeneath
	}
	how := unix.OpenHow{
		Flags:   uint64(flags | unix.O_NOFOLLOW | unix.O_CLOEXEC | unix.O_LARGEFILE),
		Mode:    uint64(mode),
		Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_MAGICLINKS,
	}
	var buf nameBuf
	p := buf.cstring(rel)
	for {
		fd, _, errno := unix.Syscall6(unix.SYS_OPENAT2, uintptr(dirfd), uintptr(unsafe.Pointer(p)),
			uintptr(unsafe.Pointer(&how)), unsafe.Sizeof(how), 0, 0)
		switch errno {
		case 0:
			return int(fd), nil
		case unix.EINTR:
		case unix.ENOSYS, unix.EPERM, unix.EAGAIN, unix.E2BIG:
			// An old kernel, a sandbox that does not know the call, or a
			// rename that raced with it.
			return -1, errNoBeneath
		default:
			return -1, errno
		}
	}
}

func linkat(from int, oldName string, to int, name string) error {
	var oldBuf, buf nameBuf
	_, _, errno := unix.Syscall6(unix.SYS_LINKAT, uintptr(from), uintptr(unsafe.Pointer(oldBuf.cstring(oldName))),
		uintptr(to), uintptr(unsafe.Pointer(buf.cstring(name))), 0, 0)
	return errnoErr(errno)
}

func unlinkat(dirfd int, name string, flags int) error {
	var buf nameBuf
	_, _, errno := unix.Syscall(unix.SYS_UNLINKAT, uintptr(dirfd), uintptr(unsafe.Pointer(buf.cstring(name))), uintptr(flags))
	return errnoErr(errno)
}
