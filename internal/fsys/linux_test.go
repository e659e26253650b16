//go:build linux && !portable

package fsys

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/internal/meta"
)

func TestXattrs(t *testing.T) {
	d, _ := openTemp(t)
	f, err := d.Create("file", 0o600)
	must(t, err)
	defer f.Close()
	sub := mkdir(t, d, "sub")
	symlink(t, d, "file", "link")
	if err := f.SetXattr("user.a", []byte("x")); ClassOf(err) == ClassUnsupported {
		t.Skipf("no extended attributes here: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	want := meta.Xattrs{"user.a": []byte("new"), "user.empty": nil, "user.binär": {0, 1, 255}, "user.large": bytes.Repeat([]byte("v"), 3000)}
	for attr, value := range want {
		must(t, f.SetXattr(attr, value))
	}
	got, err := f.Xattrs()
	equalXattrs(t, "File.Xattrs", got, err, want)
	got, err = d.Xattrs("file")
	equalXattrs(t, "Dir.Xattrs", got, err, want)
	got, err = d.Xattrs("link")
	equalXattrs(t, "of a link", got, err, nil)

	must(t, sub.SetXattr("user.dir", []byte("1")))
	got, err = sub.SelfXattrs()
	equalXattrs(t, "SelfXattrs", got, err, meta.Xattrs{"user.dir": []byte("1")})
	must(t, d.LsetXattr("sub", "user.dir", []byte("2")))
	got, err = d.Xattrs("sub")
	equalXattrs(t, "Xattrs of a directory", got, err, meta.Xattrs{"user.dir": []byte("2")})
	got, err = d.SelfXattrs()
	equalXattrs(t, "without any", got, err, nil)

	_, err = d.Xattrs("missing")
	wantClass(t, "missing", err, ClassVanished)
	wantClass(t, "user attribute of a link", d.LsetXattr("link", "user.a", nil), ClassPermission)
	if os.Geteuid() == 0 {
		must(t, d.LsetXattr("link", "trusted.a", []byte("t")))
		got, err = d.Xattrs("link")
		equalXattrs(t, "trusted attribute of a link", got, err, meta.Xattrs{"trusted.a": []byte("t")})
		got, err = d.Xattrs("file")
		equalXattrs(t, "its target", got, err, want)
	}
}

func equalXattrs(t *testing.T, what string, got meta.Xattrs, err error, want meta.Xattrs) {
	t.Helper()
	must(t, err)
	delete(got, "security.selinux")
	if !got.Equal(want) || (len(got) == 0) != (len(want) == 0) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// TestXattrsWhileTheyGrow: a value that changes size between two calls is
// read whole, as one of those that it had.
func TestXattrsWhileTheyGrow(t *testing.T) {
	d, _ := openTemp(t)
	f, err := d.Create("file", 0o600)
	must(t, err)
	defer f.Close()
	if err := f.SetXattr("user.a", nil); err != nil {
		t.Skip(err)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				if err := f.SetXattr("user.a", bytes.Repeat([]byte("v"), i%2*1000)); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for range 2000 {
		x, err := d.Xattrs("file")
		if err != nil || len(x["user.a"]) != 0 && len(x["user.a"]) != 1000 {
			t.Errorf("%d bytes, %v", len(x["user.a"]), err)
			break
		}
	}
	close(stop)
	wg.Wait()
}

func TestNextDataOfSparseFiles(t *testing.T) {
	d, _ := openTemp(t)
	f, err := d.Create("sparse", 0o600)
	must(t, err)
	defer f.Close()
	const mib = 1 << 20
	for _, off := range []int64{1 * mib, 5 * mib} {
		_, err := f.Seek(off, io.SeekStart)
		must(t, err)
		_, err = f.Write(bytes.Repeat([]byte("d"), 64<<10))
		must(t, err)
	}
	must(t, f.Truncate(8*mib))
	must(t, f.Sync())
	info, err := f.Stat()
	must(t, err)
	if !info.Sparse() {
		t.Skip("the file system does not leave holes")
	}
	var got [][2]int64
	for off := int64(0); ; {
		start, end, ok := f.NextData(off, 8*mib)
		if !ok {
			break
		}
		got = append(got, [2]int64{start, end})
		off = end
	}
	want := [][2]int64{{1 * mib, 1*mib + 64<<10}, {5 * mib, 5*mib + 64<<10}}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("%v, want %v", got, want)
	}
	if start, end, ok := f.NextData(0, 512<<10); ok {
		t.Errorf("data before the first: %d %d", start, end)
	}
	must(t, f.Truncate(0))
	must(t, f.Truncate(mib))
	if start, end, ok := f.NextData(0, mib); ok {
		t.Errorf("data in a hole: %d %d", start, end)
	}
}

// mountImage mounts a fresh file system in a sparse file.
func mountImage(t *testing.T, kind string, size int64) string {
	t.Helper()
	needRoot(t)
	mkfs, err := exec.LookPath("mkfs." + kind)
	if err != nil {
		t.Skipf("needs mkfs.%s", kind)
	}
	dir := t.TempDir()
	image, mount := filepath.Join(dir, "image"), filepath.Join(dir, "mount")
	must(t, os.WriteFile(image, nil, 0o600))
	must(t, os.Truncate(image, size))
	must(t, os.Mkdir(mount, 0o700))
	if out, err := exec.Command(mkfs, "-q", image).CombinedOutput(); err != nil {
		t.Skipf("mkfs.%s: %v: %s", kind, err, out)
	}
	if out, err := exec.Command("mount", "-o", "loop", image, mount).CombinedOutput(); err != nil {
		t.Skipf("cannot mount %s here: %v: %s", kind, err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", mount).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return mount
}

func TestClone(t *testing.T) {
	for _, kind := range []string{"btrfs", "xfs"} {
		t.Run(kind, func(t *testing.T) {
			path := mountImage(t, kind, 512<<20)
			d, err := Open(path)
			must(t, err)
			defer d.Close() // before it is unmounted
			info, err := d.FS()
			must(t, err)
			if info.Type != kind {
				t.Errorf("type %q", info.Type)
			}
			content := bytes.Repeat([]byte("clone"), 1<<20)
			writeFile(t, d, "src", string(content))
			src, err := d.OpenFile("src")
			must(t, err)
			defer src.Close()
			dst, err := d.Create("dst", 0o600)
			must(t, err)
			defer dst.Close()
			must(t, d.SyncFS())
			before, err := d.FS()
			must(t, err)
			must(t, dst.Clone(src))
			must(t, d.SyncFS())
			after, err := d.FS()
			must(t, err)
			if used := before.Free - after.Free; used > 2<<20 {
				t.Errorf("a clone of %d bytes took %d", len(content), used)
			}
			if got := readFile(t, d, "dst"); got != string(content) {
				t.Error("the clone has another content")
			}
		})
	}
}

func TestCloneWhereThereIsNone(t *testing.T) {
	d, _ := openTemp(t)
	if info, err := d.FS(); err != nil || info.Type == "btrfs" || info.Type == "xfs" {
		t.Skip("the file system can clone")
	}
	writeFile(t, d, "src", "content")
	src, err := d.OpenFile("src")
	must(t, err)
	defer src.Close()
	dst, err := d.Create("dst", 0o600)
	must(t, err)
	defer dst.Close()
	wantClass(t, "Clone", dst.Clone(src), ClassUnsupported)
}

func TestSyncFS(t *testing.T) {
	d, _ := openTemp(t)
	writeFile(t, d, "file", "content")
	must(t, d.SyncFS())
}

// TestReadOnlyAndFull looks at two conditions that end a run.
func TestReadOnlyAndFull(t *testing.T) {
	needRoot(t)
	mount := t.TempDir()
	if err := unix.Mount("none", mount, "tmpfs", 0, "size=64k,nr_inodes=20"); err != nil {
		t.Skipf("cannot mount: %v", err)
	}
	defer func() { must(t, unix.Unmount(mount, unix.MNT_DETACH)) }()
	d, err := Open(mount)
	must(t, err)
	defer d.Close()
	f, err := d.Create("file", 0o600)
	must(t, err)
	n, err := f.Write(make([]byte, 1<<20))
	wantClass(t, "Write", err, ClassFull)
	if n == 0 || n > 64<<10 {
		t.Errorf("%d bytes written", n)
	}
	must(t, f.Close())
	for i := 0; err == nil || i < 30; i++ {
		err = d.Symlink("x", "l"+string(rune('0'+i)))
	}
	wantClass(t, "Symlink", err, ClassFull)
	must(t, unix.Mount("none", mount, "tmpfs", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
	wantClass(t, "Mkdir", d.Mkdir("new", 0o700), ClassReadOnly)
	info, err := d.FS()
	must(t, err)
	if !info.ReadOnly || info.Type != "tmpfs" || info.Inodes != 20 {
		t.Errorf("%+v", info)
	}
}

func TestLinkLimitAndDevices(t *testing.T) {
	d, path := openTemp(t)
	other, err := os.MkdirTemp("/dev/shm", "fsys-test-")
	if err != nil {
		t.Skip("no second file system")
	}
	defer os.RemoveAll(other)
	o := openPath(t, other)
	writeFile(t, d, "file", "")
	a, err := d.Stat()
	must(t, err)
	b, err := o.Stat()
	must(t, err)
	if a.Dev == b.Dev {
		t.Skipf("%s and %s are one file system", path, other)
	}
	wantClass(t, "link across file systems", o.Link(d, "file", "new"), ClassLinkRefused)
}

// TestWalkWithoutOpenat2 compares the two ways to open a path.
func TestWalkWithoutOpenat2(t *testing.T) {
	d, _ := openTemp(t)
	mkdir(t, d, "a/b/c")
	symlink(t, d, "a", "link")
	for _, rel := range []string{"a", "a/b/c", "link", "link/b", "a/x", "a/x/y"} {
		x, err1 := statDir(d.OpenDirAt(rel))
		y, err2 := statDir(d.walk(rel))
		if x != y || ClassOf(err1) != ClassOf(err2) {
			t.Errorf("%s: %v %v, %v %v", rel, x, err1, y, err2)
		}
	}
}

// TestSignals interrupts everything a thousand times a second.
func TestSignals(t *testing.T) {
	d, _ := openTemp(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				must(t, syscall.Kill(os.Getpid(), syscall.SIGURG))
			}
		}
	})
	for i := 0; i < 300 && !t.Failed(); i++ {
		writeFile(t, d, "file", "content")
		f, err := d.OpenAppend("file", 0o600)
		must(t, err)
		must(t, f.Sync())
		must(t, f.Close())
		must(t, d.Remove("file"))
	}
	close(stop)
	wg.Wait()
}

// TestHotPathsDoNotAllocate holds the calls that are made for every path.
func TestHotPathsDoNotAllocate(t *testing.T) {
	d, _ := openTemp(t)
	writeFile(t, d, "file", "content")
	f, err := d.OpenFile("file")
	must(t, err)
	defer f.Close()
	buf := make([]byte, 10)
	note := func(err error) {
		if err != nil && err != io.EOF {
			t.Error(err)
		}
	}
	for what, c := range map[string]struct {
		max  float64
		call func()
	}{
		"Lstat":           {0, func() { note(second(d.Lstat("file"))) }},
		"Stat":            {0, func() { note(second(f.Stat())) }},
		"ReadAt":          {0, func() { note(second(f.ReadAt(buf, 0))) }},
		"Link and Remove": {0, func() { note(d.Link(d, "file", "new")); note(d.Remove("new")) }},
		"Xattrs":          {0, func() { note(second(d.Xattrs("file"))) }},
		"OpenFile":        {1, func() { note(closed(d.OpenFile("file"))) }},
	} {
		if got := testing.AllocsPerRun(100, c.call); got > c.max {
			t.Errorf("%s: %v allocations, want %v", what, got, c.max)
		}
	}
}

// TestShadowsOfACLs: xfs shows root each ACL twice. Elsewhere an attribute of
// that name can be made by hand.
func TestShadowsOfACLs(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	d := openPath(t, t.TempDir())
	writeFile(t, d, "file", "")
	must(t, d.LsetXattr("file", "user.a", []byte("1")))
	if err := d.LsetXattr("file", "trusted.SGI_ACL_FILE", []byte("\x00\x00\x00\x00")); err != nil {
		t.Skipf("this file system does not take it: %v", err)
	}
	x, err := d.Xattrs("file")
	_, shadow := x["trusted.SGI_ACL_FILE"] // on xfs it became an ACL, which has a name of its own
	if err != nil || shadow || string(x["user.a"]) != "1" {
		t.Errorf("%v, %v", x, err)
	}
}
