//go:build (darwin || freebsd) && !portable

package fsys

import (
	"golang.org/x/sys/unix"

	"phlb/internal/meta"
)

// Xattrs returns the extended attributes of name, which is not followed. On
// FreeBSD those of symbolic links cannot be reached and are not returned.
func (d *Dir) Xattrs(name string) (x meta.Xattrs, err error) {
	err = d.withAttrFD(name, func(fd int) (err error) {
		x, err = fdXattrs(fd)
		return err
	})
	if err == unix.ELOOP || err == unix.EMLINK {
		err = nil
	}
	return x, pathError("getxattr", d.path, name, err)
}

// LsetXattr sets one extended attribute of name, which is not followed.
func (d *Dir) LsetXattr(name, attr string, value []byte) error {
	return d.below(OpSetXattr, name, func() error {
		err := d.withAttrFD(name, func(fd int) error { return unix.Fsetxattr(fd, attr, value, 0) })
		if err == unix.ELOOP || err == unix.EMLINK {
			return ErrUnsupported
		}
		return err
	})
}

// withAttrFD calls f on name, opened. Objects that cannot have attributes are
// left alone: opening a device can have effects of its own.
func (d *Dir) withAttrFD(name string, f func(fd int) error) error {
	info, err := d.Lstat(name)
	if err != nil {
		return bare(err)
	}
	switch info.Kind {
	case meta.File, meta.Dir, meta.Symlink:
	default:
		return nil
	}
	fd, err := openat(d.fd, name, attrFlags, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return f(fd)
}
