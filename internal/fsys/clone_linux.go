//go:build linux && !portable

package fsys

import "golang.org/x/sys/unix"

// Clone makes f share all data with src (a reflink), where the file system
// can; otherwise it fails and f is unchanged.
func (f *File) Clone(src *File) error {
	return f.write(OpWrite, func() error { return unix.IoctlFileClone(f.fd, src.fd) })
}

// ReadAhead tells the kernel that the file will be read once, in order.
func (f *File) ReadAhead() {
	_ = unix.Fadvise(f.fd, 0, 0, unix.FADV_SEQUENTIAL) // a hint only
}
