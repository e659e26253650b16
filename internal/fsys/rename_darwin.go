//go:build !portable

package fsys

import "golang.org/x/sys/unix"

func renameNew(from int, name string, to int, toName string) error {
	err := unix.RenameatxNp(from, name, to, toName, unix.RENAME_EXCL)
	if err != unix.ENOTSUP && err != unix.EINVAL && err != unix.ENOSYS {
		return err
	}
	return renameChecked(from, name, to, toName)
}
