package doctor

import (
	"errors"
	"io/fs"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// create makes a file with the given content and closes it.
func create(d *fsys.Dir, name, content string) error {
	f, err := d.Create(name, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write([]byte(content))
	return errors.Join(err, f.Close())
}

// with makes a file, passes it to use and closes it.
func with(d *fsys.Dir, name string, use func(f *fsys.File) error) error {
	f, err := d.Create(name, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(use(f), f.Close())
}

// exists reports whether name can be found.
func exists(d *fsys.Dir, name string) (bool, error) {
	_, err := d.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// removeTree removes a directory and all below it. It goes on after errors
// and ignores a context: what was made must not stay. Network file systems may
// list what was there a while ago, so it looks again where that is not all.
func removeTree(d *fsys.Dir, name string) error {
	const attempts = 3
	for try := 1; ; try++ {
		err := removeListed(d, name)
		if removed := d.RemoveDir(name); removed == nil || try == attempts {
			return errors.Join(err, removed)
		}
	}
}

func removeListed(d *fsys.Dir, name string) error {
	sub, err := d.OpenDir(name)
	if err != nil {
		return err
	}
	list, err := sub.ReadDir()
	for _, e := range list {
		err = errors.Join(err, removeEntry(sub, e))
	}
	return errors.Join(err, sub.Close())
}

func removeEntry(d *fsys.Dir, e fsys.DirEntry) error {
	kind := e.Kind
	if kind == meta.Unknown {
		info, err := d.Lstat(e.Name)
		if err != nil {
			return err
		}
		kind = info.Kind
	}
	if kind == meta.Dir {
		return removeTree(d, e.Name)
	}
	return d.Remove(e.Name)
}
