//go:build linux && !portable

package fsys

import (
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"phlb/internal/meta"
)

const errNoAttr = unix.ENODATA

// attrCalls reach the attributes of a name relative to a descriptor, without
// following it. They work like llistxattr(2) and lgetxattr(2): a nil buffer
// asks for the size.
type attrCalls interface {
	list(dirfd int, name string, buf []byte) (int, error)
	get(dirfd int, name, attr string, buf []byte) (int, error)
}

// Xattrs returns the extended attributes of name, which is not followed.
func (d *Dir) Xattrs(name string) (meta.Xattrs, error) {
	x, err := d.xattrsBy(systemAttrs(), name)
	return x, pathError("getxattr", d.path, name, err)
}

// xattrsBy puts the first question, to which nearly all paths answer that
// they have none, without a closure and thereby without touching the heap.
func (d *Dir) xattrsBy(calls attrCalls, name string) (meta.Xattrs, error) {
	if err := check(name); err != nil {
		return nil, err
	}
	if size, err := calls.list(d.fd, name, nil); err == unix.ENOTSUP || err == nil && size == 0 {
		return nil, nil
	}
	return linuxXattrs(
		func(b []byte) (int, error) { return calls.list(d.fd, name, b) },
		func(attr string, b []byte) (int, error) { return calls.get(d.fd, name, attr, b) })
}

func fdXattrs(fd int) (meta.Xattrs, error) {
	return linuxXattrs(
		func(b []byte) (int, error) { return unix.Flistxattr(fd, b) },
		func(attr string, b []byte) (int, error) { return unix.Fgetxattr(fd, attr, b) })
}

func linuxXattrs(list func([]byte) (int, error), get func(string, []byte) (int, error)) (meta.Xattrs, error) {
	text, err := readSized(list)
	if err == unix.ENOTSUP {
		return nil, nil // a file system without attributes has none
	}
	if err != nil || len(text) == 0 {
		return nil, err
	}
	names := strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
	return readXattrs(slices.DeleteFunc(names, isShadow), get)
}

// isShadow reports whether an attribute is how xfs shows root the ACLs that
// stand beside it as system.posix_acl_*. Elsewhere it would mean nothing, and
// what only the file system adds must not tell two files apart.
func isShadow(attr string) bool {
	return attr == "trusted.SGI_ACL_FILE" || attr == "trusted.SGI_ACL_DEFAULT"
}

// LsetXattr sets one extended attribute of name, which is not followed.
func (d *Dir) LsetXattr(name, attr string, value []byte) error {
	return d.below(OpSetXattr, name, func() error {
		return noProc(unix.Lsetxattr(procPath(d.fd, name), attr, value, 0))
	})
}
