//go:build unix && !linux && !darwin && !freebsd

package fsys

func fsInfo(int) (FSInfo, error) { return FSInfo{}, ErrUnsupported }
