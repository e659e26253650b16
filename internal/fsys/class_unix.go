//go:build unix

package fsys

import "golang.org/x/sys/unix"

func classOfErrno(errno unix.Errno) Class {
	switch errno {
	case unix.ENOENT:
		return ClassVanished
	case unix.EACCES:
		return ClassPermission
	case unix.ENOSPC, unix.EDQUOT:
		return ClassFull
	case unix.EROFS:
		return ClassReadOnly
	case unix.EIO, unix.ESTALE, unix.ENODEV, unix.ENXIO, unix.ENOTCONN:
		return ClassIO
	case unix.EMLINK, unix.EPERM, unix.EXDEV:
		return ClassLinkRefused
	case unix.ELOOP, unix.ENOTDIR, unix.EISDIR:
		return ClassType
	case unix.ENAMETOOLONG, unix.EILSEQ, unix.EINVAL:
		return ClassName
	case unix.ENOTSUP, unix.ENOSYS, unix.ENOTTY: // ENOTTY: ioctl unknown to the file system
		return ClassUnsupported
	case unix.EMFILE, unix.ENFILE, unix.ENOMEM:
		return ClassExhausted
	}
	return ClassOther
}
