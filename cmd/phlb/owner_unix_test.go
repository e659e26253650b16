//go:build unix

package main

import (
	"os"
	"syscall"
)

func sameOwner(a, b os.FileInfo) bool {
	return a.Sys().(*syscall.Stat_t).Uid == b.Sys().(*syscall.Stat_t).Uid
}
