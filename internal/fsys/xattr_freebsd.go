//go:build !portable

package fsys

import (
	"golang.org/x/sys/unix"

	"phlb/internal/meta"
)

const errNoAttr = unix.ENOATTR

// attrFlags refuse symbolic links: there is no descriptor by which their
// attributes could be reached.
const attrFlags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOCTTY | unix.O_NOFOLLOW

// fdXattrs reads the namespaces "user" and, as far as permitted, "system".
func fdXattrs(fd int) (meta.Xattrs, error) {
	var names []string
	for prefix, space := range map[string]int{
		"user.":   unix.EXTATTR_NAMESPACE_USER,
		"system.": unix.EXTATTR_NAMESPACE_SYSTEM,
	} {
		list, err := readSized(func(b []byte) (int, error) { return unix.FlistxattrNS(fd, space, b) })
		switch err {
		case nil:
			names = appendAttrs(names, prefix, list)
		case unix.EPERM, unix.ENOTSUP:
		default:
			return nil, err
		}
	}
	return readXattrs(names, func(attr string, b []byte) (int, error) { return unix.Fgetxattr(fd, attr, b) })
}

// appendAttrs decodes extattr_list_fd(2): each name follows its length in one
// byte and is without its namespace.
func appendAttrs(names []string, prefix string, list []byte) []string {
	for len(list) > 0 {
		n := 1 + int(list[0])
		if n > len(list) {
			return names
		}
		names = append(names, prefix+string(list[1:n]))
		list = list[n:]
	}
	return names
}
