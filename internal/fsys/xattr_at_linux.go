//go:build linux && !portable

package fsys

import (
	"runtime"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// systemAttrs are the best calls that this kernel and this process's sandbox
// allow, which nothing changes while the process runs.
var systemAttrs = sync.OnceValue(func() attrCalls {
	if haveAtAttrs() {
		return atAttrs{}
	}
	return procAttrs{}
})

// haveAtAttrs asks with flags that no kernel accepts: a kernel that knows the
// calls says EINVAL before it looks at anything else, an older one ENOSYS, a
// sandbox that does not know them ENOSYS or EPERM.
func haveAtAttrs() bool {
	const noFlags = 0x7fffffff
	_, _, list := unix.Syscall6(unix.SYS_LISTXATTRAT, 0, 0, noFlags, 0, 0, 0)
	args := attrArgs{}
	_, _, get := unix.Syscall6(unix.SYS_GETXATTRAT, 0, 0, noFlags, 0, uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args))
	return list == unix.EINVAL && get == unix.EINVAL
}

// atAttrs are listxattrat(2) and getxattrat(2) of Linux 6.13. They resolve one
// name where the way over /proc resolves five.
type atAttrs struct{}

// attrArgs is the kernel's struct xattr_args, the same on every machine.
type attrArgs struct {
	value uint64 // an address
	size  uint32
	flags uint32 // 0 for reading
}

func (atAttrs) list(dirfd int, name string, buf []byte) (int, error) {
	var room nameBuf
	size, _, errno := unix.Syscall6(unix.SYS_LISTXATTRAT, uintptr(dirfd), uintptr(unsafe.Pointer(room.cstring(name))),
		unix.AT_SYMLINK_NOFOLLOW, uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0)
	return int(size), errnoErr(errno)
}

func (atAttrs) get(dirfd int, name, attr string, buf []byte) (int, error) {
	attrName, err := unix.BytePtrFromString(attr)
	if err != nil {
		return 0, err
	}
	args := attrArgs{size: uint32(len(buf))}
	if len(buf) > 0 {
		// The runtime cannot see the address in args.
		var pinned runtime.Pinner
		defer pinned.Unpin()
		pinned.Pin(&buf[0])
		args.value = uint64(uintptr(unsafe.Pointer(&buf[0])))
	}
	var room nameBuf
	size, _, errno := unix.Syscall6(unix.SYS_GETXATTRAT, uintptr(dirfd), uintptr(unsafe.Pointer(room.cstring(name))),
		unix.AT_SYMLINK_NOFOLLOW, uintptr(unsafe.Pointer(attrName)), uintptr(unsafe.Pointer(&args)), unsafe.Sizeof(args))
	return int(size), errnoErr(errno)
}
