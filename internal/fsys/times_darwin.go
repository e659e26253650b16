package fsys

import (
	"strconv"

	"golang.org/x/sys/unix"

	"phlb/internal/meta"
)

// futimes sets microseconds by the descriptor, and then the nanoseconds by
// its name in /dev/fd: x/sys has no futimens. Where that file system is not
// mounted the time stays rounded down to microseconds.
func futimes(fd int, t meta.Time) error {
	if err := futimesMicro(fd, t); err != nil || t.Nsec%1000 == 0 {
		return err
	}
	ts := timeSpecs(t)
	_ = unix.UtimesNanoAt(unix.AT_FDCWD, "/dev/fd/"+strconv.Itoa(fd), ts[:], 0)
	return nil
}
