//go:build unix && !linux && !portable

package fsys

import "golang.org/x/sys/unix"

// LchmodDir sets the permission bits of the directory called name, which is
// not followed. It is for directories whose bits keep even their owner from
// opening them; others have Chmod.
func (d *Dir) LchmodDir(name string, mode uint32) error {
	return d.below(OpChmod, name, func() error {
		return unix.Fchmodat(d.fd, name, mode, unix.AT_SYMLINK_NOFOLLOW)
	})
}
