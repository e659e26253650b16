//go:build unix && !linux && !darwin && !freebsd && !portable

package fsys

func nextData(_ int, off, size int64) (start, end int64, ok bool) { return off, size, off < size }
