package snapshot

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// isMissing reports whether err says that a path does not exist.
func isMissing(err error) bool { return fsys.ClassOf(err) == fsys.ClassVanished }

// makeDirs opens the directory at rel and makes it and those on the way
// (0700) if they are missing, durably; existing ones keep their mode.
func makeDirs(base *fsys.Dir, rel string) (*fsys.Dir, error) {
	return base.MkdirAllDurable(rel, dirMode)
}

// renameFunc is Dir.Rename or Dir.RenameNew.
type renameFunc func(from *fsys.Dir, name string, to *fsys.Dir, toName string) error

// writeDurable writes a whole file: after a crash at any moment name holds
// either what it held before or all of data.
func writeDurable(dir *fsys.Dir, name string, data []byte, rename renameFunc) error {
	temp := tempName(name)
	f, err := createTemp(dir, temp)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return commit(dir, f, err, name, rename)
}

func tempName(name string) string { return "." + name + ".new" }

// createTemp makes a new file in place of one that a crash left behind.
func createTemp(dir *fsys.Dir, temp string) (*fsys.File, error) {
	f, err := dir.Create(temp, fileMode)
	if !errors.Is(err, fs.ErrExist) {
		return f, err
	}
	if err := dir.Remove(temp); err != nil {
		return nil, err
	}
	return dir.Create(temp, fileMode)
}

// commit closes the temporary file f and, unless writing it failed with err,
// gives it its name for good.
func commit(dir *fsys.Dir, f *fsys.File, err error, name string, rename renameFunc) error {
	if err == nil {
		// The data must be durable before the name points to it: a rename
		// alone can reach the disk before the data does.
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	temp := tempName(name)
	if err == nil {
		err = rename(dir, temp, dir, name)
	}
	if err != nil {
		_ = dir.Remove(temp) // the first error tells what went wrong
		return err
	}
	return dir.SyncNames()
}

// removeIfThere removes a file; that it is missing is no error.
func removeIfThere(dir *fsys.Dir, name string) error {
	if err := dir.Remove(name); !isMissing(err) {
		return err
	}
	return nil
}

// exists reports whether there is anything called name.
func exists(dir *fsys.Dir, name string) (bool, error) {
	_, err := dir.Lstat(name)
	if isMissing(err) {
		return false, nil
	}
	return err == nil, err
}

// openRegular opens a file for reading and refuses anything but a file.
func openRegular(dir *fsys.Dir, rel string) (*fsys.File, error) {
	f, err := dir.OpenFileAt(rel)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.Kind != meta.File {
		err = fmt.Errorf("open %s: a %s, not a file: %w", f.Path(), info.Kind, ErrDamaged)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// readSmall reads a whole file of at most limit bytes.
func readSmall(dir *fsys.Dir, rel string, limit int64) ([]byte, error) {
	f, err := openRegular(dir, rel)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("read %s: larger than %d bytes: %w", f.Path(), limit, ErrDamaged)
	}
	return data, nil
}
