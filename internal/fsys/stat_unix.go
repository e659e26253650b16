//go:build unix

package fsys

import (
	"golang.org/x/sys/unix"

	"phlb/internal/meta"
)

// retry repeats a call that a signal interrupted (EINTR), as the standard
// library does.
func retry(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

func retryFD(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != unix.EINTR {
			return n, err
		}
	}
}

// statFD and lstatFD write the loop out: a closure here would cost an
// allocation for each of a million paths.
func statFD(fd int) (meta.Info, error) {
	var st unix.Stat_t
	for {
		switch err := unix.Fstat(fd, &st); err {
		case nil:
			return infoOf(&st), nil
		case unix.EINTR:
		default:
			return meta.Info{}, err
		}
	}
}

func lstatFD(fd int, name string) (meta.Info, error) {
	var st unix.Stat_t
	for {
		switch err := lstatat(fd, name, &st); err {
		case nil:
			return infoOf(&st), nil
		case unix.EINTR:
		default:
			return meta.Info{}, err
		}
	}
}

func infoOf(st *unix.Stat_t) meta.Info {
	return meta.Info{
		Kind:   kindOf(uint32(st.Mode)), //nolint:unconvert // 16 bits on some systems
		Size:   st.Size,
		Mode:   uint32(st.Mode) & 0o7777, //nolint:unconvert // 16 bits on some systems
		UID:    st.Uid,
		GID:    st.Gid,
		Mtime:  timeOf(st.Mtim),
		Ctime:  timeOf(st.Ctim),
		Ino:    st.Ino,
		Dev:    uint64(st.Dev),   //nolint:unconvert // 32 bits on some systems
		Nlink:  uint64(st.Nlink), //nolint:unconvert // 16 or 32 bits on some systems
		Blocks: st.Blocks,
	}
}

func timeOf(ts unix.Timespec) meta.Time {
	return meta.Time{Sec: int64(ts.Sec), Nsec: int32(ts.Nsec)} //nolint:unconvert // 32 bits on some systems
}

func kindOf(mode uint32) meta.Kind {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return meta.File
	case unix.S_IFDIR:
		return meta.Dir
	case unix.S_IFLNK:
		return meta.Symlink
	case unix.S_IFSOCK:
		return meta.Socket
	case unix.S_IFIFO:
		return meta.Fifo
	case unix.S_IFCHR, unix.S_IFBLK:
		return meta.Device
	}
	return meta.Unknown
}
