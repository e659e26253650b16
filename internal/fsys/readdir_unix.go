//go:build unix && !linux && !portable

package fsys

import (
	"os"

	"golang.org/x/sys/unix"
)

// listing has nothing to keep apart: every list is read by a descriptor of its own.
type listing struct{}

// AppendDir appends the directory's names, listed from its beginning, without
// "." and "..", in the file system's order. Where it fails it returns list as
// it was.
func (d *Dir) AppendDir(list []DirEntry) ([]DirEntry, error) {
	fd, err := openat(d.fd, ".", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return list, pathError("readdir", d.path, "", err)
	}
	// The formats of directory records differ from system to system; the
	// standard library knows them all.
	f := os.NewFile(uintptr(fd), d.path)
	defer f.Close()
	entries, err := f.ReadDir(-1)
	if err != nil {
		return list, pathError("readdir", d.path, "", bare(err))
	}
	return appendEntries(list, entries), nil
}
