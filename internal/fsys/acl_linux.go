//go:build linux && !portable

package fsys

import "golang.org/x/sys/unix"

// DropACL removes the POSIX ACLs that the directory has, also the default one
// that everything made in it would inherit. The permission bits stay.
func (d *Dir) DropACL() error {
	return d.self(OpSetXattr, func() error {
		for _, attr := range [...]string{"system.posix_acl_default", "system.posix_acl_access"} {
			switch err := unix.Fremovexattr(d.fd, attr); err {
			case nil, unix.ENODATA, unix.ENOTSUP:
			default:
				return err
			}
		}
		return nil
	})
}
