//go:build linux

package fsys

import (
	"strconv"

	"golang.org/x/sys/unix"
)

func fsInfo(fd int) (FSInfo, error) {
	var st unix.Statfs_t
	if err := retry(func() error { return unix.Fstatfs(fd, &st) }); err != nil {
		return FSInfo{}, err
	}
	block := int64(st.Bsize) //nolint:unconvert // 32 bits on some machines
	return FSInfo{
		Type:      fsType(int64(st.Type)), //nolint:unconvert // 32 bits on some machines
		BlockSize: block,
		Total:     int64(st.Blocks) * block,
		Free:      int64(st.Bavail) * block,
		Inodes:    int64(st.Files),
		FreeInode: int64(st.Ffree),
		ReadOnly:  st.Flags&unix.ST_RDONLY != 0,
		NameMax:   int64(st.Namelen), //nolint:unconvert // 32 bits on some machines
	}, nil
}

func fsType(magic int64) string {
	names := map[int64]string{
		unix.EXT4_SUPER_MAGIC: "ext4", unix.XFS_SUPER_MAGIC: "xfs", unix.BTRFS_SUPER_MAGIC: "btrfs",
		unix.TMPFS_MAGIC: "tmpfs", unix.NFS_SUPER_MAGIC: "nfs", unix.OVERLAYFS_SUPER_MAGIC: "overlay",
		unix.MSDOS_SUPER_MAGIC: "vfat", unix.FUSE_SUPER_MAGIC: "fuse", unix.F2FS_SUPER_MAGIC: "f2fs",
		unix.EXFAT_SUPER_MAGIC: "exfat", unix.SMB2_SUPER_MAGIC: "smb", unix.CIFS_SUPER_MAGIC: "cifs",
		0x2fc12fc1: "zfs", 0x5346544e: "ntfs", 0x7366746e: "ntfs3", 0xca451a4e: "bcachefs",
	}
	if name, ok := names[magic&0xffffffff]; ok {
		return name
	}
	return "0x" + strconv.FormatInt(magic&0xffffffff, 16)
}
