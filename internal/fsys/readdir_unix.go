//go:build unix && !linux && !portable

package fsys

import (
	"os"

	"golang.org/x/sys/unix"
)

// listing has nothing to keep apart: every ReadDir opens a descriptor.
type listing struct{}

// ReadDir lists the directory from its beginning, without "." and "..", in
// the file system's order.
func (d *Dir) ReadDir() ([]DirEntry, error) {
	fd, err := openat(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, pathError("readdir", d.path, "", err)
	}
	// The formats of directory records differ from system to system; the
	// standard library knows them all.
	f := os.NewFile(uintptr(fd), d.path)
	defer f.Close()
	list, err := f.ReadDir(-1)
	if err != nil {
		return nil, pathError("readdir", d.path, "", bare(err))
	}
	return dirEntries(list), nil
}
