//go:build unix

package fsys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/internal/meta"
)

func TestClassOf(t *testing.T) {
	for want, errs := range map[Class][]error{
		ClassOther:       {nil, unix.EEXIST, unix.ENOTEMPTY, unix.EBADF, errors.New("x"), ErrEscape},
		ClassVanished:    {unix.ENOENT, fs.ErrNotExist},
		ClassPermission:  {unix.EACCES, fs.ErrPermission, pathError("open", "d", "n", unix.EPERM), pathError("rename", "d", "n", unix.EPERM)},
		ClassFull:        {unix.ENOSPC, unix.EDQUOT},
		ClassReadOnly:    {unix.EROFS},
		ClassIO:          {unix.EIO, unix.ESTALE, unix.ENODEV, unix.ENXIO, unix.ENOTCONN},
		ClassLinkRefused: {unix.EMLINK, unix.EXDEV, unix.EPERM, pathError("link", "d", "n", unix.EPERM), pathError("link", "d", "n", unix.ENOSYS), pathError("rename", "d", "n", unix.EXDEV)},
		ClassType:        {unix.ELOOP, unix.ENOTDIR, unix.EISDIR},
		ClassName:        {unix.ENAMETOOLONG, unix.EILSEQ, unix.EINVAL},
		ClassExhausted:   {unix.EMFILE, unix.ENFILE, unix.ENOMEM},
		ClassUnsupported: {unix.ENOTSUP, unix.EOPNOTSUPP, unix.ENOSYS, unix.ENOTTY, ErrUnsupported, errors.ErrUnsupported},
	} {
		for _, err := range errs {
			wrapped := fmt.Errorf("some work: %w", err)
			if err == nil {
				wrapped = nil
			}
			for _, e := range []error{err, wrapped} {
				if got := ClassOf(e); got != want {
					t.Errorf("ClassOf(%v) is %d, want %d", e, got, want)
				}
			}
		}
	}
}

func TestRetry(t *testing.T) {
	for _, want := range []error{nil, unix.EIO} {
		calls := 0
		err := retry(func() error {
			if calls++; calls < 4 {
				return unix.EINTR
			}
			return want
		})
		if calls != 4 || err != want {
			t.Error(calls, err)
		}
		calls = 0
		n, err := retryFD(func() (int, error) {
			if calls++; calls < 4 {
				return -1, unix.EINTR
			}
			return 7, want
		})
		if calls != 4 || err != want || n != 7 {
			t.Error(calls, n, err)
		}
	}
}

func TestModes(t *testing.T) {
	d, _ := openTemp(t)
	f, err := d.Create("file", 0o600)
	must(t, err)
	defer f.Close()
	sub := mkdir(t, d, "sub")
	for _, mode := range []uint32{0o000, 0o400, 0o644, 0o777, 0o1777, 0o2755, 0o4755, 0o7777, 0o7000, 0o600} {
		must(t, f.Chmod(mode))
		info, err := f.Stat()
		must(t, err)
		if info.Mode != mode || info.Kind != meta.File {
			t.Errorf("file %o: %+v", mode, info)
		}
		must(t, sub.Chmod(mode))
		info, err = d.Lstat("sub")
		must(t, err)
		if info.Mode != mode || info.Kind != meta.Dir {
			t.Errorf("directory %o: %+v", mode, info)
		}
	}
	must(t, sub.Chmod(0o700))
}

func TestOwners(t *testing.T) {
	needRoot(t)
	d, _ := openTemp(t)
	f, err := d.Create("file", 0o600)
	must(t, err)
	defer f.Close()
	sub := mkdir(t, d, "sub")
	symlink(t, d, "file", "link")
	must(t, f.Chown(1001, 1002))
	must(t, sub.Chown(1003, 4_000_000_000))
	must(t, d.Lchown("link", 1005, 1006))
	for name, want := range map[string][2]uint32{"file": {1001, 1002}, "sub": {1003, 4_000_000_000}, "link": {1005, 1006}} {
		info, err := d.Lstat(name)
		must(t, err)
		if info.UID != want[0] || info.GID != want[1] {
			t.Errorf("%s: %d:%d, want %v", name, info.UID, info.GID, want)
		}
	}
}

// TestFifo: a fifo without a writer must not hold anything up.
func TestFifo(t *testing.T) {
	d, path := openTemp(t)
	must(t, unix.Mkfifo(path+"/fifo", 0o600))
	info, err := statFile(d.OpenFile("fifo"))
	must(t, err)
	if info.Kind != meta.Fifo {
		t.Errorf("%+v", info)
	}
	info, err = statFile(d.OpenFileAt("fifo"))
	must(t, err)
	if info.Kind != meta.Fifo {
		t.Errorf("%+v", info)
	}
	wantClass(t, "OpenDir", closed(d.OpenDir("fifo")), ClassType)
	list, err := d.ReadDir()
	must(t, err)
	if len(list) != 1 || list[0].Kind != meta.Fifo && list[0].Kind != meta.Unknown {
		t.Error(list)
	}
}

// TestAnswers: a directory that was removed, or may not be entered, is no file
// system that is gone. What one looks like that is, .ci/remote tries.
func TestAnswers(t *testing.T) {
	top := t.TempDir()
	if err := os.Mkdir(top+"/sub", 0o700); err != nil {
		t.Fatal(err)
	}
	d, err := Open(top + "/sub")
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for what, do := range map[string]func() error{
		"as it is": func() error { return nil }, "closed": func() error { return os.Chmod(top+"/sub", 0) }, "removed": func() error { return os.RemoveAll(top + "/sub") },
	} {
		if err := do(); err != nil && what != "closed" {
			t.Fatal(err)
		}
		if err := d.Answers(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
