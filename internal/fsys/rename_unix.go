//go:build unix && !portable

package fsys

import "golang.org/x/sys/unix"

// renameChecked stands in for a rename that never replaces, where the kernel
// or the file system has none. The gap between look and rename is covered by
// the root's lock; an empty directory is the most that it could replace.
func renameChecked(from int, name string, to int, toName string) error {
	var st unix.Stat_t
	switch err := unix.Fstatat(to, toName, &st, unix.AT_SYMLINK_NOFOLLOW); err {
	case nil:
		return unix.EEXIST
	case unix.ENOENT:
		return unix.Renameat(from, name, to, toName)
	default:
		return err
	}
}
