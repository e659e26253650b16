// Package meta holds the exact metadata of one path as plain values: kind,
// size, mode, owner, times, identity and extended attributes.
//
// It is the vocabulary in which fsys, scan, catalog, plan and execute talk to
// each other. It must never touch a disk and knows no file format beyond the
// text forms of its own values.
package meta

import (
	"bytes"
	"maps"
)

// Kind says what sort of file system object a path names.
type Kind uint8

// The kinds of file system objects. Unknown stands for anything a system
// invents that phlb has no name for.
const (
	Unknown Kind = iota
	File
	Dir
	Symlink
	Socket
	Fifo
	Device
)

var kindNames = [...]string{"unknown", "file", "dir", "symlink", "socket", "fifo", "device"}

// String returns the kind's lower-case name, as catalogues and skip reasons
// spell it.
func (k Kind) String() string {
	if int(k) >= len(kindNames) {
		return kindNames[Unknown]
	}
	return kindNames[k]
}

// ParseKind is the inverse of Kind.String; ok is false for other texts.
func ParseKind(s string) (k Kind, ok bool) {
	for i, name := range kindNames {
		if name == s {
			return Kind(i), true
		}
	}
	return Unknown, false
}

// Info is what one lstat tells about a path.
type Info struct {
	Kind   Kind
	Size   int64  // bytes; of a symlink the length of its target
	Mode   uint32 // permission bits with set-uid, set-gid and sticky (0..07777)
	UID    uint32
	GID    uint32
	Mtime  Time
	Ctime  Time
	Ino    uint64
	Dev    uint64
	Nlink  uint64
	Blocks int64 // allocated, in units of 512 bytes
}

// Sparse reports whether fewer bytes are allocated than the size says, so
// that looking for holes can pay. File systems that compress or store small
// files inline say so too; it is a hint, never a promise.
func (i *Info) Sparse() bool { return i.Blocks*512 < i.Size }

// SameFile reports whether two Infos describe the same inode.
func (i *Info) SameFile(o *Info) bool { return i.Dev == o.Dev && i.Ino == o.Ino }

// Xattrs are extended attributes by full name ("user.comment"). POSIX ACLs
// and file capabilities are among them on Linux. Nil means there are none.
type Xattrs map[string][]byte

// Equal reports whether both hold the same names with the same values.
func (x Xattrs) Equal(o Xattrs) bool { return maps.EqualFunc(x, o, bytes.Equal) }
