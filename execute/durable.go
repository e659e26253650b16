package execute

import (
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
)

// syncDir makes a directory's entries durable where its file system can; some
// (network, FUSE, Windows) refuse, and leave nothing else that could be done.
func syncDir(d *fsys.Dir) error {
	err := d.Sync()
	switch fsys.ClassOf(err) {
	case fsys.ClassUnsupported, fsys.ClassName: // the latter is EINVAL
		return nil
	}
	return err
}

// syncFiles makes single files of a tree durable, on systems without syncfs,
// and returns the entries of those that are. Some cannot be opened again by
// an ordinary user.
func syncFiles(tree *fsys.Dir, entries []snapshot.JournalEntry) ([]snapshot.JournalEntry, error) {
	done := entries[:0]
	for i := range entries {
		f, err := tree.OpenFileAt(entries[i].Path)
		if fsys.ClassOf(err) == fsys.ClassPermission {
			continue
		}
		if err != nil {
			return nil, err
		}
		err = f.Sync()
		f.Close()
		if err != nil {
			return nil, err
		}
		done = append(done, entries[i])
	}
	return done, nil
}

// syncTree makes a whole tree durable, on systems without syncfs.
func syncTree(dir *fsys.Dir) error {
	list, err := dir.ReadDir()
	if err != nil {
		return err
	}
	for _, e := range list {
		st, err := dir.Lstat(e.Name)
		if err != nil {
			return err
		}
		if err := syncEntry(dir, e.Name, st.Kind); err != nil {
			return err
		}
	}
	return syncDir(dir)
}

func syncEntry(dir *fsys.Dir, name string, kind meta.Kind) error {
	switch kind {
	case meta.Dir:
		sub, err := dir.OpenDir(name)
		if err != nil {
			return err
		}
		defer sub.Close()
		return syncTree(sub)
	case meta.File:
		f, err := dir.OpenFile(name)
		if err != nil {
			return err
		}
		defer f.Close()
		return f.Sync()
	}
	return nil // a symbolic link lives in its directory
}
