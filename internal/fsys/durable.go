package fsys

import (
	"slices"

	"phlb/internal/meta"
)

// SyncNames makes the directory's entries durable where its file system can:
// some (network, FUSE, Windows) refuse, and leave nothing else that could be
// done.
func (d *Dir) SyncNames() error {
	err := d.Sync()
	switch ClassOf(err) {
	case ClassUnsupported, ClassName: // the latter is EINVAL
		return nil
	}
	return err
}

// SyncTree makes the directory and everything below it durable, one by one:
// for systems without SyncFS. It goes on after errors about single paths that
// are of one of the given classes.
func (d *Dir) SyncTree(passOver ...Class) error {
	list, err := d.ReadDir()
	if err != nil {
		return err
	}
	for _, e := range list {
		if err := d.syncEntry(e.Name, passOver); err != nil && !slices.Contains(passOver, ClassOf(err)) {
			return err
		}
	}
	return d.SyncNames()
}

func (d *Dir) syncEntry(name string, passOver []Class) error {
	info, err := d.Lstat(name)
	if err != nil {
		return err
	}
	switch info.Kind {
	case meta.Dir:
		sub, err := d.OpenDir(name)
		if err != nil {
			return err
		}
		defer sub.Close()
		return sub.SyncTree(passOver...)
	case meta.File:
		_, err := d.SyncFileAt(name)
		return err
	}
	return nil // a symbolic link lives in its directory
}

// SyncFileAt makes the data of a file durable that is given by its
// slash-separated relative path; done is false where it cannot be opened for
// that without being changed.
func (d *Dir) SyncFileAt(rel string) (done bool, err error) {
	f, err := at(d, rel, (*Dir).openToSync)
	if f == nil || err != nil {
		return false, err
	}
	defer f.Close()
	return true, f.Sync()
}
