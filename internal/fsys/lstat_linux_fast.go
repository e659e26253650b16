//go:build linux && (amd64 || arm64)

package fsys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// lstatat fills st about name, which is not followed, without x/sys's copy of
// the name. Only on these machines are the kernel's structure and x/sys's the
// same.
func lstatat(dirfd int, name string, st *unix.Stat_t) error {
	var buf nameBuf
	_, _, errno := unix.Syscall6(sysFstatat, uintptr(dirfd), uintptr(unsafe.Pointer(buf.cstring(name))),
		uintptr(unsafe.Pointer(st)), unix.AT_SYMLINK_NOFOLLOW, 0, 0)
	return errnoErr(errno)
}
