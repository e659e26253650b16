package fsys

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"

	"phlb/internal/meta"
)

// openToSync opens a file for writing, without which nothing can be synced
// here (FlushFileBuffers). One that is read-only is made writable until it is
// open, unless it has other names: then it may be a published file, which is
// never changed and durable already. Nil: there is nothing to sync.
func (d *Dir) openToSync(name string) (*File, error) {
	f, err := d.openFile("open", name, os.O_WRONLY|unfollowedFlags)
	if ClassOf(err) != ClassPermission {
		return f, err
	}
	info, lerr := d.Lstat(name)
	if lerr != nil || info.Kind != meta.File || info.Mode&0o200 != 0 {
		return nil, err
	}
	if info.Nlink > 1 {
		return nil, nil
	}
	if err := d.setAttributes(name, windows.FILE_ATTRIBUTE_NORMAL); err != nil {
		return nil, pathError("chmod", d.path, name, err)
	}
	f, err = d.openFile("open", name, os.O_WRONLY|unfollowedFlags)
	back := d.setAttributes(name, windows.FILE_ATTRIBUTE_READONLY)
	if err == nil && back != nil {
		return nil, errors.Join(pathError("chmod", d.path, name, back), f.Close())
	}
	return f, err
}

// setAttributes sets a file's attributes and leaves its times, which 0 stands
// for.
func (d *Dir) setAttributes(name string, attributes uint32) error {
	h, err := openAt(d.self, name, windows.FILE_WRITE_ATTRIBUTES)
	if err != nil {
		return err
	}
	defer windows.CloseHandle(h)
	info := struct {
		_, _, _, _ int64
		attributes uint32
		_          uint32
	}{attributes: attributes}
	return windows.SetFileInformationByHandle(h, windows.FileBasicInfo, (*byte)(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)))
}
