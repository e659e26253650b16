//go:build linux && !portable

package fsys

import "golang.org/x/sys/unix"

func syncFS(fd int) error { return unix.Syncfs(fd) }
func fsync(fd int) error  { return unix.Fsync(fd) }
