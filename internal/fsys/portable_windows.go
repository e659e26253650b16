package fsys

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"

	"phlb/internal/meta"
)

// This file and its counterpart for unix hold what os.Root leaves open.

// unfollowedFlags open a symbolic link itself (FILE_FLAG_OPEN_REPARSE_POINT).
const unfollowedFlags = windows.FILE_FLAG_OPEN_REPARSE_POINT

// errNotDir is not syscall.ENOTDIR, which here has the number, and thereby
// the meaning, of a path that is gone.
const errNotDir = windows.ERROR_DIRECTORY

// openAt opens name in a directory, the directory itself for "", with the
// given rights only, so that what cannot be read can still be looked at. A
// symbolic link is not followed.
func openAt(dir *os.File, name string, access uint32) (windows.Handle, error) {
	text, err := windows.NewNTUnicodeString(name)
	if err != nil {
		return 0, err
	}
	attrs := windows.OBJECT_ATTRIBUTES{
		RootDirectory: windows.Handle(dir.Fd()),
		ObjectName:    text,
		Attributes:    windows.OBJ_CASE_INSENSITIVE,
	}
	attrs.Length = uint32(unsafe.Sizeof(attrs))
	var h windows.Handle
	var status windows.IO_STATUS_BLOCK
	err = windows.NtCreateFile(&h, access|windows.SYNCHRONIZE, &attrs, &status, nil,
		windows.FILE_ATTRIBUTE_NORMAL,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		windows.FILE_OPEN,
		windows.FILE_OPEN_REPARSE_POINT|windows.FILE_OPEN_FOR_BACKUP_INTENT|windows.FILE_SYNCHRONOUS_IO_NONALERT,
		0, 0)
	runtime.KeepAlive(dir)
	var nt windows.NTStatus
	if errors.As(err, &nt) {
		err = nt.Errno()
	}
	return h, err
}

func statOf(file *os.File) (meta.Info, error) {
	info, err := infoOfHandle(windows.Handle(file.Fd()))
	runtime.KeepAlive(file)
	if err != nil && errors.Is(err, windows.ERROR_INVALID_HANDLE) {
		err = os.ErrClosed
	}
	return info, err
}

func lstatOf(dir *os.File, name string) (meta.Info, error) {
	h, err := openAt(dir, name, windows.FILE_READ_ATTRIBUTES)
	if err != nil {
		return meta.Info{}, err
	}
	defer windows.CloseHandle(h)
	return infoOfHandle(h)
}

// Results of GetFileInformationByHandleEx that x/sys has no types for; see
// FILE_BASIC_INFO, FILE_STANDARD_INFO and FILE_ATTRIBUTE_TAG_INFO in winbase.h.
type (
	basicInfo struct {
		_, _, write, change int64 // creation and access before; 100 ns since 1601
		_, _                uint32
	}
	standardInfo struct {
		allocated, _ int64 // and the size
		_            uint32
		_            [4]byte
	}
	tagInfo struct{ _, tag uint32 } // after the attributes
)

func query[T any](h windows.Handle, class uint32) (result T, err error) {
	err = windows.GetFileInformationByHandleEx(h, class, (*byte)(unsafe.Pointer(&result)), uint32(unsafe.Sizeof(result)))
	return result, err
}

// infoOfHandle collects what meta.Info wants. Dev and Ino are the volume's
// serial number and the file's index; owners do not exist as numbers and stay
// 0. The size of a symbolic link is 0.
func infoOfHandle(h windows.Handle) (meta.Info, error) {
	var id windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(h, &id); err != nil {
		return meta.Info{}, err
	}
	basic, err := query[basicInfo](h, windows.FileBasicInfo)
	if err != nil {
		return meta.Info{}, err
	}
	standard, err := query[standardInfo](h, windows.FileStandardInfo)
	if err != nil {
		return meta.Info{}, err
	}
	kind := kindOfHandle(h, id.FileAttributes)
	return meta.Info{
		Kind:   kind,
		Size:   int64(id.FileSizeHigh)<<32 | int64(id.FileSizeLow),
		Mode:   modeOf(kind, id.FileAttributes),
		Mtime:  timeOfFiletime(basic.write),
		Ctime:  timeOfFiletime(basic.change),
		Ino:    uint64(id.FileIndexHigh)<<32 | uint64(id.FileIndexLow),
		Dev:    uint64(id.VolumeSerialNumber),
		Nlink:  uint64(id.NumberOfLinks),
		Blocks: (standard.allocated + 511) / 512,
	}, nil
}

// Reparse tags that x/sys does not name (ntifs.h).
const (
	tagDedup  = 0x80000013
	tagSocket = 0x80000023
)

// kindOfHandle names links and sockets. Other reparse points (junctions, and
// placeholders of files kept elsewhere) are Unknown: they stand for something
// that is not in this place.
func kindOfHandle(h windows.Handle, attributes uint32) meta.Kind {
	if attributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0 {
		info, err := query[tagInfo](h, windows.FileAttributeTagInfo)
		switch {
		case err == nil && info.tag == windows.IO_REPARSE_TAG_SYMLINK:
			return meta.Symlink
		case err == nil && info.tag == tagSocket:
			return meta.Socket
		case err != nil || info.tag != tagDedup:
			return meta.Unknown
		}
	}
	if attributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0 {
		return meta.Dir
	}
	switch t, _ := windows.GetFileType(h); t {
	case windows.FILE_TYPE_DISK:
		return meta.File
	case windows.FILE_TYPE_PIPE:
		return meta.Fifo
	case windows.FILE_TYPE_CHAR:
		return meta.Device
	}
	return meta.Unknown
}

// modeOf gives the bits that os.FileInfo gives.
func modeOf(kind meta.Kind, attributes uint32) uint32 {
	switch {
	case kind == meta.Dir:
		return 0o777
	case attributes&windows.FILE_ATTRIBUTE_READONLY != 0:
		return 0o444
	}
	return 0o666
}

// A FILETIME counts tenths of microseconds since 1601.
const (
	ticksPerSecond  = 10_000_000
	secondsTo1970   = 11_644_473_600
	nanosecondsTick = 100
)

func timeOfFiletime(ticks int64) meta.Time {
	return meta.Time{
		Sec:  ticks/ticksPerSecond - secondsTo1970,
		Nsec: int32(ticks%ticksPerSecond) * nanosecondsTick,
	}
}

// filetimeOf rounds down to the system's resolution of 100 ns.
func filetimeOf(t meta.Time) (windows.Filetime, error) {
	const maxSec = 1<<63/ticksPerSecond - secondsTo1970
	if t.Sec <= -secondsTo1970 || t.Sec >= maxSec {
		return windows.Filetime{}, windows.ERROR_INVALID_PARAMETER // 0 and negative values have other meanings
	}
	ticks := uint64(t.Sec+secondsTo1970)*ticksPerSecond + uint64(t.Nsec/nanosecondsTick)
	return windows.Filetime{LowDateTime: uint32(ticks), HighDateTime: uint32(ticks >> 32)}, nil
}

func setHandleTimes(h windows.Handle, t meta.Time) error {
	ft, err := filetimeOf(t)
	if err != nil {
		return err
	}
	return windows.SetFileTime(h, nil, &ft, &ft)
}

func setFileTimes(file *os.File, t meta.Time) error {
	defer runtime.KeepAlive(file)
	return setHandleTimes(windows.Handle(file.Fd()), t)
}

func setDirTimes(dir *os.File, t meta.Time) error { return setTimesAt(dir, "", t) }

func setTimesAt(dir *os.File, name string, t meta.Time) error {
	h, err := openAt(dir, name, windows.FILE_WRITE_ATTRIBUTES)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(h)
	return setHandleTimes(h, t)
}

// syncDir does nothing: there is no such call, and NTFS journals names itself.
func syncDir(*os.File) error { return nil }

// noOwners replaces the standard library's way of saying so.
func noOwners(err error) error {
	if errors.Is(err, errors.ErrUnsupported) {
		return ErrUnsupported
	}
	return err
}

// Locks are mandatory on Windows. One byte behind everything a file can hold
// stands for the whole of it, so that others can still read what is locked.
const (
	lockOffset     = 0xfffffffe
	lockOffsetHigh = 0x7fffffff
)

func lockFile(file *os.File, mode LockMode) (bool, error) {
	defer runtime.KeepAlive(file)
	h := windows.Handle(file.Fd())
	at := windows.Overlapped{Offset: lockOffset, OffsetHigh: lockOffsetHigh}
	err := windows.UnlockFileEx(h, 0, 1, 0, &at)
	if err != nil && !errors.Is(err, windows.ERROR_NOT_LOCKED) {
		return false, err
	}
	flags := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if mode == Exclusive {
		flags |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	err = windows.LockFileEx(h, flags, 0, 1, 0, &at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}

func fsInfoOf(dir *os.File) (FSInfo, error) {
	defer runtime.KeepAlive(dir)
	h := windows.Handle(dir.Fd())
	var serial, nameMax, flags uint32
	var name [windows.MAX_PATH + 1]uint16
	err := windows.GetVolumeInformationByHandle(h, nil, 0, &serial, &nameMax, &flags, &name[0], uint32(len(name)))
	if err != nil {
		return FSInfo{}, err
	}
	info := FSInfo{
		Type:     windows.UTF16ToString(name[:]),
		ReadOnly: flags&windows.FILE_READ_ONLY_VOLUME != 0,
		NameMax:  int64(nameMax), // in UTF-16 units, which is what limits it
	}
	path, err := finalPath(h)
	if err != nil {
		return FSInfo{}, err
	}
	var free, total, allFree uint64
	if err := windows.GetDiskFreeSpaceEx(&path[0], &free, &total, &allFree); err != nil {
		return FSInfo{}, err
	}
	info.Total, info.Free = int64(total), int64(free)
	return info, nil
}

// finalPath returns the path of an open directory, ended by a zero.
func finalPath(h windows.Handle) ([]uint16, error) {
	buf := make([]uint16, windows.MAX_PATH)
	for {
		n, err := windows.GetFinalPathNameByHandle(h, &buf[0], uint32(len(buf)), 0)
		if err != nil {
			return nil, err
		}
		if int(n) < len(buf) {
			return append(buf[:n], 0), nil
		}
		buf = make([]uint16, n+1)
	}
}

// mountPointOf compares the directory with the place where its volume is
// mounted: a drive's root, or a directory that a volume is mounted on.
func mountPointOf(d *Dir) (bool, error) {
	path, err := filepath.Abs(d.path)
	if err != nil {
		return false, err
	}
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return false, err
	}
	buf := make([]uint16, len(path)+windows.MAX_PATH)
	if err := windows.GetVolumePathName(name, &buf[0], uint32(len(buf))); err != nil {
		return false, err
	}
	same := func(s string) string { return strings.TrimRight(s, `\`) }
	return strings.EqualFold(same(path), same(windows.UTF16ToString(buf))), nil
}
