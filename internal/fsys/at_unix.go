//go:build unix && !linux

package fsys

import (
	"errors"

	"golang.org/x/sys/unix"
)

// errNoBeneath says that a path has to be opened one element at a time.
var errNoBeneath = errors.New("no such call")

// openBeneath has no counterpart here that refuses symbolic links.
func openBeneath(int, string, int, uint32) (int, error) { return -1, errNoBeneath }

func openat(dirfd int, name string, flags int, mode uint32) (int, error) {
	return retryFD(func() (int, error) { return unix.Openat(dirfd, name, flags|unix.O_CLOEXEC, mode) })
}

func linkat(from int, oldName string, to int, name string) error {
	return unix.Linkat(from, oldName, to, name, 0)
}

func unlinkat(dirfd int, name string, flags int) error { return unix.Unlinkat(dirfd, name, flags) }
