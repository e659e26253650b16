//go:build (linux || darwin || freebsd) && !portable

package fsys

import "golang.org/x/sys/unix"

func nextData(fd int, off, size int64) (start, end int64, ok bool) {
	if off >= size {
		return 0, 0, false
	}
	start, err := unix.Seek(fd, off, unix.SEEK_DATA)
	if err == unix.ENXIO {
		return 0, 0, false
	}
	if err != nil {
		return off, size, true // no holes known: all of it is data
	}
	if end, err = unix.Seek(fd, start, unix.SEEK_HOLE); err != nil || end > size {
		end = size
	}
	return start, end, start < end
}
