//go:build linux && !portable

package fsys

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"phlb/internal/meta"
)

// listing keeps two ReadDir on one descriptor, and thereby on one position,
// apart.
type listing struct{ mu sync.Mutex }

// direntHeader is the size of linux_dirent64 before the name: inode and
// offset (8 bytes each), record length (2) and type (1).
const direntHeader = 19

// ReadDir lists the directory from its beginning, without "." and "..", in
// the file system's order.
func (d *Dir) ReadDir() ([]DirEntry, error) {
	d.list.mu.Lock()
	defer d.list.mu.Unlock()
	if _, err := unix.Seek(d.fd, 0, io.SeekStart); err != nil {
		return nil, pathError("readdir", d.path, "", err)
	}
	var list []DirEntry
	buf := make([]byte, 32<<10)
	for {
		n, err := retryFD(func() (int, error) { return unix.ReadDirent(d.fd, buf) })
		if err != nil {
			return nil, pathError("readdir", d.path, "", err)
		}
		if n == 0 {
			return list, nil
		}
		list = appendDirents(list, buf[:n])
	}
}

// appendDirents decodes one buffer of records. Its names share one string: an
// allocation a buffer in place of one a name.
func appendDirents(list []DirEntry, buf []byte) []DirEntry {
	total, count := 0, 0
	eachDirent(buf, func(name []byte, _ meta.Kind) { total += len(name); count++ })
	list = slices.Grow(list, count)
	var names strings.Builder
	names.Grow(total)
	eachDirent(buf, func(name []byte, kind meta.Kind) {
		start := names.Len()
		names.Write(name)
		list = append(list, DirEntry{Name: names.String()[start:], Kind: kind})
	})
	return list
}

func eachDirent(buf []byte, f func(name []byte, kind meta.Kind)) {
	for len(buf) > direntHeader {
		length := int(binary.NativeEndian.Uint16(buf[16:]))
		name := buf[direntHeader:length]
		if i := bytes.IndexByte(name, 0); i >= 0 {
			name = name[:i]
		}
		if s := string(name); s != "." && s != ".." {
			f(name, kindOf(uint32(buf[18])<<12)) // DT_* are the bits of S_IFMT
		}
		buf = buf[length:]
	}
}
