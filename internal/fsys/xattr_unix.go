//go:build unix && !linux && !darwin && !freebsd && !portable

package fsys

import "phlb/internal/meta"

// Extended attributes are not reached on these systems: there are none to
// read, and setting one is not supported.

// SelfXattrs returns none on this system.
func (d *Dir) SelfXattrs() (meta.Xattrs, error) { return nil, nil }

// Xattrs returns none on this system.
func (d *Dir) Xattrs(name string) (meta.Xattrs, error) {
	return nil, pathError("getxattr", d.path, name, check(name))
}

// Xattrs returns none on this system.
func (f *File) Xattrs() (meta.Xattrs, error) { return nil, nil }

// SetXattr returns ErrUnsupported on this system.
func (f *File) SetXattr(string, []byte) error {
	return f.write(OpSetXattr, func() error { return ErrUnsupported })
}

// SetXattr returns ErrUnsupported on this system.
func (d *Dir) SetXattr(string, []byte) error {
	return d.self(OpSetXattr, func() error { return ErrUnsupported })
}

// LsetXattr returns ErrUnsupported on this system.
func (d *Dir) LsetXattr(name, _ string, _ []byte) error {
	return d.below(OpSetXattr, name, func() error { return ErrUnsupported })
}
