//go:build !portable

package fsys

import (
	"strings"

	"golang.org/x/sys/unix"

	"phlb/internal/meta"
)

const errNoAttr = unix.ENOATTR

// attrFlags open a symbolic link itself.
const attrFlags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_SYMLINK

func fdXattrs(fd int) (meta.Xattrs, error) {
	names, err := readSized(func(b []byte) (int, error) { return unix.Flistxattr(fd, b) })
	if err == unix.ENOTSUP || err == unix.EPERM {
		return nil, nil // a file system, or a kind of file, without attributes has none
	}
	if err != nil || len(names) == 0 {
		return nil, err
	}
	return readXattrs(strings.Split(strings.TrimSuffix(string(names), "\x00"), "\x00"),
		func(attr string, b []byte) (int, error) { return unix.Fgetxattr(fd, attr, b) })
}
