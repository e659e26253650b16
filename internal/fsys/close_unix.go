//go:build unix && !portable

package fsys

import "golang.org/x/sys/unix"

// closeFD closes a descriptor and forgets its number, so that closing twice,
// or using what is closed, fails with EBADF and cannot hit a descriptor that
// somebody else was given since.
func closeFD(fd *int) error {
	n := *fd
	*fd = -1
	return unix.Close(n)
}
