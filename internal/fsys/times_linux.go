//go:build linux

package fsys

import (
	"unsafe"

	"golang.org/x/sys/unix"

	"phlb/internal/meta"
)

// futimes is utimensat without a path, which x/sys does not offer: the kernel
// then takes the descriptor itself, whatever it is open for.
func futimes(fd int, t meta.Time) error {
	ts := timeSpecs(t)
	_, _, errno := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(&ts[0])), 0, 0, 0)
	return errnoErr(errno)
}
