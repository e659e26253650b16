package fsys

import "golang.org/x/sys/unix"

// isMountPoint asks the kernel (5.8 and later), which knows bind mounts, and
// does not take the subvolumes of btrfs for mounts.
func isMountPoint(fd int) (bool, error) {
	var st unix.Statx_t
	err := retry(func() error { return unix.Statx(fd, "", unix.AT_EMPTY_PATH, 0, &st) })
	if err == nil && st.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		return st.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, nil
	}
	return differsFromParent(fd)
}
