//go:build unix && !(linux && (amd64 || arm64))

package fsys

import "golang.org/x/sys/unix"

// lstatat fills st about name, which is not followed.
func lstatat(dirfd int, name string, st *unix.Stat_t) error {
	return unix.Fstatat(dirfd, name, st, unix.AT_SYMLINK_NOFOLLOW)
}
