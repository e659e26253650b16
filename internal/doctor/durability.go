package doctor

import (
	"context"
	"errors"
	"io/fs"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// twoFiles makes "a" and "b" and tells about them.
func twoFiles(d *fsys.Dir) (a, b meta.Info, err error) {
	if err = errors.Join(create(d, "a", "a"), create(d, "b", "b")); err != nil {
		return a, b, err
	}
	if a, err = d.Lstat("a"); err != nil {
		return a, b, err
	}
	b, err = d.Lstat("b")
	return a, b, err
}

func tryRename(_ context.Context, d *fsys.Dir, _ *examinee) (Finding, error) {
	a, _, err := twoFiles(d)
	if err != nil {
		return Finding{}, err
	}
	if err := d.Rename("a", d, "b"); err != nil {
		return lacks(Fail, "Checksum files and lookups cannot be replaced: "+err.Error()), nil
	}
	now, err := d.Lstat("b")
	if err != nil {
		return Finding{}, err
	}
	if gone, err := exists(d, "a"); err != nil || gone || now.Size != a.Size {
		return lacks(Fail, "After a rename over a file both names are there."), err
	}
	return works(""), nil
}

func tryRenameNew(_ context.Context, d *fsys.Dir, _ *examinee) (Finding, error) {
	_, b, err := twoFiles(d)
	if err != nil {
		return Finding{}, err
	}
	if err := d.RenameNew("a", d, "b"); !errors.Is(err, fs.ErrExist) {
		if err == nil {
			return lacks(Fail, "A rename that must not replace did replace."), nil
		}
		return lacks(Fail, "Snapshots cannot be published: "+err.Error()), nil
	}
	now, err := d.Lstat("b")
	if err != nil {
		return Finding{}, err
	}
	if !now.SameFile(&b) {
		return lacks(Fail, "A rename that must not replace said so and replaced."), nil
	}
	if err := d.RenameNew("a", d, "c"); err != nil {
		return lacks(Fail, "Snapshots cannot be published: "+err.Error()), nil
	}
	return works(""), nil
}

func trySync(_ context.Context, d *fsys.Dir, _ *examinee) (Finding, error) {
	var fileErr error
	err := with(d, "file", func(f *fsys.File) error {
		_, err := f.Write([]byte("content"))
		fileErr = f.Sync()
		return err
	})
	if err != nil {
		return Finding{}, err
	}
	if fileErr != nil {
		return lacks(Fail, "Nothing here is known to survive a power cut: "+fileErr.Error()), nil
	}
	if err := d.Sync(); err != nil {
		return lacks(Warn, "Files can be synced, directories cannot: "+err.Error()), nil
	}
	return works(""), nil
}

func trySyncFS(_ context.Context, d *fsys.Dir, _ *examinee) (Finding, error) {
	switch err := d.SyncFS(); {
	case fsys.ClassOf(err) == fsys.ClassUnsupported:
		return lacks(OK, "Files are synced one by one, which takes longer."), nil
	case err != nil:
		return lacks(Fail, "What was written before is not all on the disk: "+err.Error()), nil
	}
	return works(""), nil
}

// tryLocks opens one file twice, as two runs of phlb do.
func tryLocks(_ context.Context, d *fsys.Dir, e *examinee) (Finding, error) {
	f, err := tryLocksHere(d)
	if err == nil && f.Level == OK && e.fs.Type == "fuse" {
		return Finding{Result: "on this machine", Level: Warn, Supported: yes(), Source: ByType,
			Detail: "Runs on other machines that use the same files may not see them: let one machine write."}, nil
	}
	return f, err
}

func tryLocksHere(d *fsys.Dir) (Finding, error) {
	if err := create(d, "lock", ""); err != nil {
		return Finding{}, err
	}
	first, err := d.OpenAppend("lock", 0o600)
	if err != nil {
		return Finding{}, err
	}
	f, err := tryFirstLock(d, first)
	if f.Level != OK || err != nil {
		return f, errors.Join(err, first.Close())
	}
	second, err := d.OpenAppend("lock", 0o600)
	if err != nil {
		return Finding{}, errors.Join(err, first.Close())
	}
	defer second.Close()
	if err := first.Close(); err != nil {
		return Finding{}, err
	}
	if ok, err := second.TryLock(fsys.Exclusive); !ok {
		return lacks(Fail, "A lock stays after its file was closed: "+lockError(err)), nil
	}
	return f, nil
}

// tryFirstLock locks first and looks whether that keeps another one out.
func tryFirstLock(d *fsys.Dir, first *fsys.File) (Finding, error) {
	if ok, err := first.TryLock(fsys.Exclusive); !ok {
		return lacks(Fail, "Two runs at a time could not be told apart: "+lockError(err)), nil
	}
	second, err := d.OpenAppend("lock", 0o600)
	if err != nil {
		return Finding{}, err
	}
	defer second.Close()
	if ok, err := second.TryLock(fsys.Exclusive); ok || err != nil {
		return lacks(Fail, "A second run would get the same lock: "+lockError(err)), nil
	}
	return works(""), nil
}

func lockError(err error) string {
	if err == nil {
		return "the answer is wrong, without an error"
	}
	return err.Error()
}
