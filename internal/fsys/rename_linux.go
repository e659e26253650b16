//go:build linux && !portable

package fsys

import "golang.org/x/sys/unix"

func renameNew(from int, name string, to int, toName string) error {
	err := unix.Renameat2(from, name, to, toName, unix.RENAME_NOREPLACE)
	if err != unix.EINVAL && err != unix.ENOSYS {
		return err
	}
	return renameChecked(from, name, to, toName)
}
