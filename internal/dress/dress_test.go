package dress_test

import (
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"phlb/internal/dress"
	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// object imitates one whose file system answers as told.
type object struct {
	answer error
	calls  []dress.Owner
	names  []string
}

func (o *object) Chown(uid, gid uint32) error {
	o.calls = append(o.calls, dress.Owner{UID: uid, GID: gid})
	return o.answer
}

func (o *object) SetXattr(name string, _ []byte) error {
	o.names = append(o.names, name)
	return o.answer
}

// TestOwner: what cannot be given to a user may still be given to a group.
func TestOwner(t *testing.T) {
	have := dress.Owner{UID: 7, GID: 8}
	for _, tc := range []struct {
		what   string
		want   dress.Owner
		answer error
		calls  int
		right  bool
		lost   bool
		fails  bool
	}{
		{"as it is", have, syscall.EPERM, 0, true, false, false},
		{"root gives", dress.Owner{UID: 1, GID: 2}, nil, 1, true, false, false},
		{"others may not", dress.Owner{UID: 1, GID: 2}, syscall.EPERM, 2, false, true, false},
		{"of the same group", dress.Owner{UID: 1, GID: 8}, syscall.EPERM, 1, false, true, false},
		{"another group", dress.Owner{UID: 7, GID: 2}, syscall.EPERM, 1, false, true, false},
		{"the disk fails", dress.Owner{UID: 1, GID: 2}, syscall.EIO, 1, false, false, true},
	} {
		var d dress.Dresser
		o := &object{answer: tc.answer}
		right := d.Owner(o, have, tc.want)
		if right != tc.right || d.Lost != tc.lost || (d.Err != nil) != tc.fails || len(o.calls) != tc.calls {
			t.Errorf("%s: right %v, lost %v, error %v, calls %v", tc.what, right, d.Lost, d.Err, o.calls)
		}
		if tc.calls == 2 && o.calls[1] != (dress.Owner{UID: have.UID, GID: tc.want.GID}) {
			t.Errorf("%s: then tried %v", tc.what, o.calls[1])
		}
	}
}

// TestXattrs: what is too large for the file system is lost; a full disk is a
// failure.
func TestXattrs(t *testing.T) {
	dir, err := fsys.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	for answer, want := range map[error]struct{ lost, fails bool }{
		nil:             {},
		syscall.ENOTSUP: {lost: true},
		syscall.EPERM:   {lost: true},
		syscall.E2BIG:   {lost: true},
		syscall.ENOSPC:  {lost: true}, // there is room in this directory
		syscall.EIO:     {fails: true},
	} {
		d := dress.Dresser{FS: dir}
		o := &object{answer: answer}
		d.Xattrs(o, meta.Xattrs{"user.b": nil, "user.a": nil})
		if d.Lost != want.lost || (d.Err != nil) != want.fails {
			t.Errorf("%v: lost %v, error %v", answer, d.Lost, d.Err)
		}
		if !slices.IsSorted(o.names) || len(o.names) != 2 {
			t.Errorf("%v: set %v", answer, o.names)
		}
	}
}

// TestXattrsThatDidFit: where they did before, there is no such excuse.
func TestXattrsThatDidFit(t *testing.T) {
	for _, answer := range []error{syscall.ENOSPC, syscall.E2BIG} {
		var d dress.Dresser
		d.Xattrs(&object{answer: answer}, meta.Xattrs{"user.a": nil})
		if d.Lost || d.Err == nil {
			t.Errorf("%v: lost %v, error %v", answer, d.Lost, d.Err)
		}
	}
}

// TestFirstError: it is the first one that tells what went wrong.
func TestFirstError(t *testing.T) {
	var d dress.Dresser
	for _, err := range []error{nil, syscall.EPERM, syscall.EIO, syscall.EROFS} {
		d.Try(err)
	}
	if d.Err != syscall.EIO || !d.Lost {
		t.Errorf("lost %v, error %v", d.Lost, d.Err)
	}
}

// TestLink changes the link, not what it points to.
func TestLink(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root gives links away")
	}
	top := t.TempDir()
	dir, err := fsys.Open(top)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := os.Symlink(".", filepath.Join(top, "link")); err != nil {
		t.Fatal(err)
	}
	var d dress.Dresser
	d.Owner(dress.Link{Dir: dir, Name: "link"}, dress.Owner{}, dress.Owner{UID: 7, GID: 8})
	link, err := dir.Lstat("link")
	if err != nil || dress.OwnerOf(&link) != (dress.Owner{UID: 7, GID: 8}) || d.Lost {
		t.Errorf("the link is %v's, %v", dress.OwnerOf(&link), err)
	}
	if self, err := dir.Stat(); err != nil || self.UID != 0 {
		t.Errorf("so is the directory, %v", err)
	}
}
