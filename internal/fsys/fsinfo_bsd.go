//go:build darwin || freebsd

package fsys

import "golang.org/x/sys/unix"

// nameMax is NAME_MAX, the limit on all of these systems.
const nameMax = 255

func fsInfo(fd int) (FSInfo, error) {
	var st unix.Statfs_t
	if err := retry(func() error { return unix.Fstatfs(fd, &st) }); err != nil {
		return FSInfo{}, err
	}
	block := int64(st.Bsize)
	return FSInfo{
		Type:      unix.ByteSliceToString(st.Fstypename[:]),
		BlockSize: block,
		Total:     int64(st.Blocks) * block,
		Free:      int64(st.Bavail) * block,
		Inodes:    int64(st.Files),
		FreeInode: int64(st.Ffree),
		ReadOnly:  st.Flags&unix.MNT_RDONLY != 0,
		NameMax:   nameMax,
	}, nil
}
