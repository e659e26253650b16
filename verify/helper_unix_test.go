//go:build unix

package verify

import (
	"io/fs"
	"syscall"
)

func inodeOf(info fs.FileInfo) uint64 { return uint64(info.Sys().(*syscall.Stat_t).Ino) }

// errFull is what a full disk says.
const errFull = syscall.ENOSPC
