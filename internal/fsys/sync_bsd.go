//go:build unix && !linux && !darwin && !portable

package fsys

import "golang.org/x/sys/unix"

func syncFS(int) error   { return ErrUnsupported }
func fsync(fd int) error { return unix.Fsync(fd) }
