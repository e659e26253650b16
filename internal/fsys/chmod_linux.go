//go:build linux && !portable

package fsys

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// LchmodDir sets the permission bits of the directory called name, which is
// not followed. It is for directories whose bits keep even their owner from
// opening them; others have Chmod.
func (d *Dir) LchmodDir(name string, mode uint32) error {
	return d.below(OpChmod, name, func() error {
		fd, err := openat(d.fd, name, unix.O_PATH|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		// A descriptor that is only a place needs this way before Linux 6.6.
		return noProc(unix.Chmod("/proc/self/fd/"+strconv.Itoa(fd), mode))
	})
}
