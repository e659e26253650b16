//go:build linux && !portable

package fsys

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"phlb/internal/meta"
)

// listing keeps two lists read from one descriptor, and thereby from one
// position, apart.
type listing struct{ mu sync.Mutex }

// direntBuf is what one getdents64 call fills: as much as the C library's.
type direntBuf [32 << 10]byte

// direntBufs lends buffers: one a directory would be most of what the walk of
// a tree allocates.
var direntBufs = sync.Pool{New: func() any { return new(direntBuf) }}

// AppendDir appends the directory's names, listed from its beginning, without
// "." and "..", in the file system's order. Where it fails it returns list as
// it was.
func (d *Dir) AppendDir(list []DirEntry) ([]DirEntry, error) {
	d.list.mu.Lock()
	defer d.list.mu.Unlock()
	// Even where nothing was listed before: btrfs shows only what was there when
	// the descriptor was opened or last set to the beginning.
	if _, err := unix.Seek(d.fd, 0, io.SeekStart); err != nil {
		return list, pathError("readdir", d.path, "", err)
	}
	buf := direntBufs.Get().(*direntBuf)
	defer direntBufs.Put(buf)
	for before := len(list); ; {
		n, err := getdents(d.fd, buf)
		if err != nil {
			return list[:before], pathError("readdir", d.path, "", err)
		}
		// Only this ends a directory: a call may return less than fits.
		if n == 0 {
			return list, nil
		}
		list = appendDirents(list, buf[:n])
	}
}

// getdents is written out like statFD: without closure and allocation.
func getdents(fd int, buf *direntBuf) (int, error) {
	for {
		n, _, errno := unix.Syscall(unix.SYS_GETDENTS64, uintptr(fd), uintptr(unsafe.Pointer(buf)), unsafe.Sizeof(*buf))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// appendDirents decodes one buffer of records. Its names share one string: an
// allocation a buffer in place of one a name.
func appendDirents(list []DirEntry, buf []byte) []DirEntry {
	total, count := 0, 0
	for r := dirents(buf); len(r) > direntHeader; r = r.next() {
		total += len(r.name())
		count++
	}
	list = slices.Grow(list, count)
	var names strings.Builder
	names.Grow(total)
	for r := dirents(buf); len(r) > direntHeader; r = r.next() {
		name := r.name()
		if isDots(name) {
			continue
		}
		start := names.Len()
		names.Write(name)
		list = append(list, DirEntry{Name: names.String()[start:], Kind: r.kind()})
	}
	return list
}

// dirents are the records, linux_dirent64, that a getdents64 call returned.
type dirents []byte

// direntHeader is the size of a record before its name: inode and offset (8
// bytes each), record length (2) and type (1).
const direntHeader = 19

func (r dirents) length() int   { return int(binary.NativeEndian.Uint16(r[16:])) }
func (r dirents) next() dirents { return r[r.length():] }

// name ends at a NUL, behind which up to seven bytes align the next record.
func (r dirents) name() []byte {
	name := r[direntHeader:r.length()]
	if i := bytes.IndexByte(name, 0); i >= 0 {
		name = name[:i]
	}
	return name
}

// kind uses that the DT_* are the bits of S_IFMT.
func (r dirents) kind() meta.Kind { return kindOf(uint32(r[18]) << 12) }

func isDots(name []byte) bool {
	return len(name) > 0 && name[0] == '.' && (len(name) == 1 || len(name) == 2 && name[1] == '.')
}
