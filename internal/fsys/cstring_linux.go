package fsys

import "golang.org/x/sys/unix"

// The calls that are made once for every path of a tree are made without
// x/sys on Linux: it copies each name to the heap to end it with a NUL, while
// these use the stack.

// nameBuf holds a name of the longest length that Linux knows, and its NUL.
type nameBuf [256]byte

// cstring returns s ended by a NUL, in buf if it fits. s holds none.
func (buf *nameBuf) cstring(s string) *byte {
	b := buf[:]
	if len(s) >= len(buf) {
		b = make([]byte, len(s)+1)
	}
	b[copy(b, s)] = 0
	return &b[0]
}

func errnoErr(errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}
