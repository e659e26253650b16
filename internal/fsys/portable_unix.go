//go:build unix && portable

package fsys

import (
	"os"

	"golang.org/x/sys/unix"

	"phlb/internal/meta"
)

// This file and its counterpart for Windows hold what os.Root leaves open.

// unfollowedFlags keep an open from waiting for the other end of a fifo.
const unfollowedFlags = unix.O_NONBLOCK | unix.O_NOCTTY

const errNotDir = unix.ENOTDIR

// control calls f with the descriptor, without changing the file's mode as
// os.File.Fd could.
func control[T any](file *os.File, f func(fd int) (T, error)) (result T, err error) {
	conn, err := file.SyscallConn()
	if err != nil {
		return result, err
	}
	outer := conn.Control(func(fd uintptr) { result, err = f(int(fd)) })
	if outer != nil {
		err = bare(outer)
	}
	return result, err
}

func statOf(file *os.File) (meta.Info, error)     { return control(file, statFD) }
func fsInfoOf(file *os.File) (FSInfo, error)      { return control(file, fsInfo) }
func setDirTimes(dir *os.File, t meta.Time) error { return setFileTimes(dir, t) }
func syncDir(dir *os.File) error                  { return dir.Sync() }
func noOwners(err error) error                    { return err }

func lstatOf(dir *os.File, name string) (meta.Info, error) {
	return control(dir, func(fd int) (meta.Info, error) { return lstatFD(fd, name) })
}

func setFileTimes(file *os.File, t meta.Time) error {
	_, err := control(file, func(fd int) (struct{}, error) { return struct{}{}, futimes(fd, t) })
	return err
}

func setTimesAt(dir *os.File, name string, t meta.Time) error {
	_, err := control(dir, func(fd int) (struct{}, error) { return struct{}{}, lutimes(fd, name, t) })
	return err
}

func mountPointOf(d *Dir) (bool, error) { return control(d.self, isMountPoint) }

func lockFile(file *os.File, mode LockMode) (bool, error) {
	return control(file, func(fd int) (bool, error) { return tryLock(fd, mode) })
}
