//go:build unix

package fsys

import (
	"golang.org/x/sys/unix"

	"phlb/internal/meta"
)

// timeSpecs gives access and modification time.
func timeSpecs(t meta.Time) [2]unix.Timespec {
	var ts unix.Timespec
	setSpec(&ts.Sec, t.Sec)
	setSpec(&ts.Nsec, int64(t.Nsec))
	return [2]unix.Timespec{ts, ts}
}

// setSpec bridges the widths that the fields have on different machines.
func setSpec[T int32 | int64](field *T, v int64) { *field = T(v) }

func lutimes(fd int, name string, t meta.Time) error {
	ts := timeSpecs(t)
	return unix.UtimesNanoAt(fd, name, ts[:], unix.AT_SYMLINK_NOFOLLOW)
}
