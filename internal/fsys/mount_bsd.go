//go:build unix && !linux

package fsys

func isMountPoint(fd int) (bool, error) { return differsFromParent(fd) }
