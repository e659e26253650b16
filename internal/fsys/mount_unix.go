//go:build unix

package fsys

import "golang.org/x/sys/unix"

// differsFromParent compares a directory with the one above it: where another
// device begins, something is mounted. The root directory is its own parent.
// It does not see bind mounts of the same device.
func differsFromParent(fd int) (bool, error) {
	self, err := statFD(fd)
	if err != nil {
		return false, err
	}
	var st unix.Stat_t
	if err := retry(func() error { return unix.Fstatat(fd, "..", &st, unix.AT_SYMLINK_NOFOLLOW) }); err != nil {
		return false, err
	}
	above := infoOf(&st)
	return self.Dev != above.Dev || self.Ino == above.Ino, nil
}
