//go:build unix && !linux && !freebsd

package fsys

import (
	"golang.org/x/sys/unix"

	"phlb/internal/meta"
)

func futimesMicro(fd int, t meta.Time) error {
	var tv unix.Timeval
	setSpec(&tv.Sec, t.Sec)
	setSpec(&tv.Usec, int64(t.Nsec/1000))
	return unix.Futimes(fd, []unix.Timeval{tv, tv})
}
