//go:build (linux || darwin || freebsd) && !portable

package fsys

import (
	"golang.org/x/sys/unix"

	"phlb/internal/meta"
)

// SelfXattrs returns the extended attributes of the directory itself.
func (d *Dir) SelfXattrs() (meta.Xattrs, error) {
	x, err := fdXattrs(d.fd)
	return x, pathError("getxattr", d.path, "", err)
}

// Xattrs returns the extended attributes of the open file.
func (f *File) Xattrs() (meta.Xattrs, error) {
	x, err := fdXattrs(f.fd)
	return x, f.wrap("getxattr", err)
}

// SetXattr sets one extended attribute of the open file.
func (f *File) SetXattr(attr string, value []byte) error {
	return f.write(OpSetXattr, func() error { return unix.Fsetxattr(f.fd, attr, value, 0) })
}

// SetXattr sets one extended attribute of the directory itself.
func (d *Dir) SetXattr(attr string, value []byte) error {
	return d.self(OpSetXattr, func() error { return unix.Fsetxattr(d.fd, attr, value, 0) })
}

// readXattrs reads the values of the listed names.
func readXattrs(names []string, get func(attr string, buf []byte) (int, error)) (meta.Xattrs, error) {
	var x meta.Xattrs
	for _, attr := range names {
		value, err := readSized(func(b []byte) (int, error) { return get(attr, b) })
		switch err {
		case nil:
			if x == nil {
				x = make(meta.Xattrs, len(names))
			}
			x[attr] = value
		case errNoAttr, unix.EPERM, unix.EACCES, unix.ENOTSUP:
			// Gone since it was listed, or a name that only its name may be
			// known of.
		default:
			return nil, err
		}
	}
	return x, nil
}

// readSized asks for the size first: most paths have no attributes, and then
// nothing is allocated.
func readSized(get func([]byte) (int, error)) ([]byte, error) {
	for range maxResize {
		size, err := retryFD(func() (int, error) { return get(nil) })
		if err != nil || size == 0 {
			return nil, err
		}
		// One more than needed shows where the kernel truncates silently.
		buf := make([]byte, size+1)
		n, err := retryFD(func() (int, error) { return get(buf) })
		if err == nil && n <= size {
			return buf[:n:n], nil
		}
		if err != nil && err != unix.ERANGE {
			return nil, err
		}
	}
	return nil, unix.EAGAIN
}

// maxResize bounds how often a value may grow between two calls.
const maxResize = 100
