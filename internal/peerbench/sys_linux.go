package main

import (
	"io/fs"
	"os"
	"os/exec"
	"syscall" //nolint:depguard // rusage, statfs and process groups of other programs: nothing that internal/fsys is for
)

// supported says whether this system can be measured on.
const supported = true

var stopSignals = []os.Signal{os.Interrupt, syscall.SIGTERM}

// inGroup puts a command and all its children into a group of their own and
// has the whole group killed when the command's context ends: an image cannot
// be unmounted while a grandchild still works on it.
func inGroup(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
}

// peakMiB is the largest resident set of an ended process and of the children
// that it waited for.
func peakMiB(s *os.ProcessState) float64 {
	if r, ok := s.SysUsage().(*syscall.Rusage); ok {
		return float64(r.Maxrss) / 1024
	}
	return 0
}

// spaceAt tells what is used and what is free of the file system at path.
func spaceAt(path string) (used usage, free int64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return usage{}, 0, &fs.PathError{Op: "statfs", Path: path, Err: err}
	}
	used = usage{Bytes: int64(s.Blocks-s.Bfree) * s.Bsize, Inodes: int64(s.Files - s.Ffree)}
	return used, int64(s.Bavail) * s.Bsize, nil
}

// isInMemory reports whether the files at path are on no disk.
func isInMemory(path string) bool {
	const tmpfs = 0x01021994 // linux/magic.h
	var s syscall.Statfs_t
	return syscall.Statfs(path, &s) == nil && s.Type == tmpfs
}

// inodeOf tells apart the inodes of one tree.
func inodeOf(info fs.FileInfo) inode {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return inode{}
	}
	return inode{device: s.Dev, number: s.Ino, links: int64(s.Nlink), bytes: s.Blocks * 512}
}
