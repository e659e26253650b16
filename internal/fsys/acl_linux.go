//go:build linux && !portable

package fsys

import "golang.org/x/sys/unix"

// DropACL removes the POSIX ACLs that the directory has, also the default one
// that everything made in it would inherit. The permission bits stay.
func (d *Dir) DropACL() error {
	return d.self(OpSetXattr, func() error {
		return dropAttrs(d.fd, "system.posix_acl_default", "system.posix_acl_access")
	})
}

// DropACL removes the POSIX ACL that the file has inherited from its
// directory. The permission bits stay.
func (f *File) DropACL() error {
	return f.write(OpSetXattr, func() error { return dropAttrs(f.fd, "system.posix_acl_access") })
}

func dropAttrs(fd int, attrs ...string) error {
	for _, attr := range attrs {
		switch err := unix.Fremovexattr(fd, attr); err {
		case nil, unix.ENODATA, unix.ENOTSUP:
		default:
			return err
		}
	}
	return nil
}
