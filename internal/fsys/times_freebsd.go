package fsys

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"phlb/internal/meta"
)

// futimes is futimens(2), for which x/sys has the number only.
func futimes(fd int, t meta.Time) error {
	ts := timeSpecs(t)
	_, _, errno := unix.Syscall(unix.SYS_FUTIMENS, uintptr(fd), uintptr(unsafe.Pointer(&ts[0])), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
