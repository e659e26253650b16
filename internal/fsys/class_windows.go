package fsys

import (
	"syscall"

	"golang.org/x/sys/windows"
)

// classOfErrno knows the system's own errors and the few numbers of POSIX
// that the standard library, and this package, use on Windows.
func classOfErrno(errno syscall.Errno) Class {
	switch errno {
	case windows.ERROR_FILE_NOT_FOUND, windows.ERROR_PATH_NOT_FOUND:
		return ClassVanished
	case windows.ERROR_ACCESS_DENIED, windows.ERROR_SHARING_VIOLATION, windows.ERROR_LOCK_VIOLATION,
		windows.ERROR_PRIVILEGE_NOT_HELD, windows.ERROR_CANT_ACCESS_FILE:
		return ClassPermission
	case windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED, syscall.ENOSPC:
		return ClassFull
	case windows.ERROR_WRITE_PROTECT, syscall.EROFS:
		return ClassReadOnly
	case windows.ERROR_CRC, windows.ERROR_SEEK, windows.ERROR_READ_FAULT, windows.ERROR_WRITE_FAULT,
		windows.ERROR_IO_DEVICE, windows.ERROR_NOT_READY, windows.ERROR_DEVICE_NOT_CONNECTED,
		windows.ERROR_BAD_NETPATH, windows.ERROR_NETNAME_DELETED, syscall.EIO:
		return ClassIO
	case windows.ERROR_TOO_MANY_LINKS, windows.ERROR_NOT_SAME_DEVICE, syscall.EMLINK, syscall.EPERM, syscall.EXDEV:
		return ClassLinkRefused
	case windows.ERROR_DIRECTORY, windows.ERROR_STOPPED_ON_SYMLINK, syscall.ELOOP, syscall.EISDIR:
		return ClassType
	case windows.ERROR_INVALID_NAME, windows.ERROR_FILENAME_EXCED_RANGE, syscall.ENAMETOOLONG, syscall.EINVAL:
		return ClassName
	case windows.ERROR_INVALID_FUNCTION, windows.ERROR_NOT_SUPPORTED, syscall.EWINDOWS:
		return ClassUnsupported
	}
	return ClassOther
}
