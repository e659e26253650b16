//go:build linux && !portable

package fsys

import "golang.org/x/sys/unix"

// casefoldFlag is FS_CASEFOLD_FL, which ext4, f2fs and tmpfs know for single
// directories.
const casefoldFlag = 0x40000000

// flaggedFolding reports whether the directory is marked as one that ignores
// case.
func (d *Dir) flaggedFolding() bool {
	flags, err := unix.IoctlGetUint32(d.fd, unix.FS_IOC_GETFLAGS)
	return err == nil && flags&casefoldFlag != 0
}

// refusesXattrs asks for an attribute that is not there: only a file system
// without any says that it does not know the question.
func (d *Dir) refusesXattrs() bool {
	_, err := unix.Fgetxattr(d.fd, "user.phlb", nil)
	return err == unix.ENOTSUP
}
