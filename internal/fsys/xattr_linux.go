//go:build linux && !portable

package fsys

import (
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"

	"phlb/internal/meta"
)

const errNoAttr = unix.ENODATA

// procPath names what a descriptor is open on. The way over /proc is the only
// one to the attributes of a symbolic link that starts at a descriptor before
// Linux 6.13; the name itself is still resolved relative to the open directory.
func procPath(fd int, name string) string {
	return "/proc/self/fd/" + strconv.Itoa(fd) + "/" + name
}

// Xattrs returns the extended attributes of name, which is not followed.
func (d *Dir) Xattrs(name string) (meta.Xattrs, error) {
	err := check(name)
	if err != nil {
		return nil, pathError("getxattr", d.path, name, err)
	}
	if d.noXattrs(name) {
		return nil, nil
	}
	path := procPath(d.fd, name)
	x, err := linuxXattrs(
		func(b []byte) (int, error) { return unix.Llistxattr(path, b) },
		func(attr string, b []byte) (int, error) { return unix.Lgetxattr(path, attr, b) })
	return x, pathError("getxattr", d.path, name, noProc(err))
}

// noXattrs reports whether name certainly has no attributes. Nearly all paths
// have none, so the question is put without touching the heap.
func (d *Dir) noXattrs(name string) bool {
	var buf [300]byte
	path := strconv.AppendInt(append(buf[:0], "/proc/self/fd/"...), int64(d.fd), 10)
	path = append(append(append(path, '/'), name...), 0)
	size, _, errno := unix.Syscall(unix.SYS_LLISTXATTR, uintptr(unsafe.Pointer(&path[0])), 0, 0)
	return errno == 0 && size == 0
}

// noProc makes sure that a /proc that is not mounted is not taken for a file
// that is gone.
func noProc(err error) error {
	if err == unix.ENOENT && unix.Access("/proc/self/fd", unix.F_OK) != nil {
		return ErrUnsupported
	}
	return err
}

func fdXattrs(fd int) (meta.Xattrs, error) {
	return linuxXattrs(
		func(b []byte) (int, error) { return unix.Flistxattr(fd, b) },
		func(attr string, b []byte) (int, error) { return unix.Fgetxattr(fd, attr, b) })
}

func linuxXattrs(list func([]byte) (int, error), get func(string, []byte) (int, error)) (meta.Xattrs, error) {
	names, err := readSized(list)
	if err == unix.ENOTSUP {
		return nil, nil // a file system without attributes has none
	}
	if err != nil || len(names) == 0 {
		return nil, err
	}
	return readXattrs(strings.Split(strings.TrimSuffix(string(names), "\x00"), "\x00"), get)
}

// LsetXattr sets one extended attribute of name, which is not followed.
func (d *Dir) LsetXattr(name, attr string, value []byte) error {
	return d.below(OpSetXattr, name, func() error {
		return noProc(unix.Lsetxattr(procPath(d.fd, name), attr, value, 0))
	})
}
