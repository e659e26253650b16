package fsys

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"

	"phlb/internal/meta"
)

func TestReadWrite(t *testing.T) {
	d, _ := openTemp(t)
	f, err := d.Create("file", 0o600)
	must(t, err)
	data := bytes.Repeat([]byte("0123456789"), 100_000)
	n, err := f.Write(data)
	if n != len(data) || err != nil {
		t.Fatal(n, err)
	}
	pos, err := f.Seek(-5, io.SeekEnd)
	if pos != int64(len(data))-5 || err != nil {
		t.Fatal(pos, err)
	}
	rest, err := io.ReadAll(f)
	if string(rest) != "56789" || err != nil {
		t.Fatalf("%q %v", rest, err)
	}
	buf := make([]byte, 20)
	if n, err := f.ReadAt(buf, int64(len(data))-7); n != 7 || err != io.EOF || string(buf[:n]) != "3456789" {
		t.Errorf("ReadAt at the end: %d %v %q", n, err, buf[:n])
	}
	if n, err := f.ReadAt(buf, 13); n != 20 || err != nil || string(buf) != "34567890123456789012" {
		t.Errorf("ReadAt: %d %v %q", n, err, buf)
	}
	if n, err := f.Read(nil); n != 0 || err != nil {
		t.Errorf("empty Read: %d %v", n, err)
	}
	must(t, f.Truncate(3))
	must(t, f.Truncate(6))
	must(t, f.Sync())
	must(t, d.Sync())
	must(t, f.Close())
	if got := readFile(t, d, "file"); got != "012\x00\x00\x00" {
		t.Errorf("%q", got)
	}
	r, err := d.OpenFile("file")
	must(t, err)
	r.ReadAhead()
	if _, err := r.Write([]byte("x")); err == nil {
		t.Error("wrote to a file opened for reading")
	}
	if want := d.Path() + "/file"; r.Path() != want {
		t.Errorf("path %q, want %q", r.Path(), want)
	}
	must(t, r.Close())
}

func TestAppend(t *testing.T) {
	d, _ := openTemp(t)
	for _, part := range []string{"one", "two", "three"} {
		f, err := d.OpenAppend("log", 0o600)
		must(t, err)
		_, err = f.Seek(0, io.SeekStart)
		must(t, err)
		for _, c := range []byte(part) {
			_, err = f.Write([]byte{c})
			must(t, err)
		}
		must(t, f.Close())
	}
	if got := readFile(t, d, "log"); got != "onetwothree" {
		t.Errorf("%q", got)
	}
	// A journal's torn tail is cut off through the same descriptor.
	f, err := d.OpenAppend("log", 0o600)
	must(t, err)
	must(t, f.Truncate(3))
	_, err = f.Write([]byte("!"))
	must(t, err)
	must(t, f.Close())
	if got := readFile(t, d, "log"); got != "one!" {
		t.Errorf("%q", got)
	}
}

// TestClosed checks that what is closed stays closed: a number that is used
// again must not be hit.
func TestClosed(t *testing.T) {
	d, path := openTemp(t)
	f, err := d.Create("file", 0o600)
	must(t, err)
	sub := mkdir(t, d, "sub")
	must(t, f.Close())
	must(t, sub.Close())
	g, err := d.Create("other", 0o600)
	must(t, err)
	defer g.Close()
	again := openPath(t, path)
	for what, err := range map[string]error{
		"File.Close": f.Close(),
		"Dir.Close":  sub.Close(),
		"Write":      second(f.Write([]byte("x"))),
		"Stat":       second(f.Stat()),
		"Dir.Stat":   second(sub.Stat()),
		"ReadDir":    second(sub.ReadDir()),
		"Mkdir":      sub.Mkdir("x", 0o700),
		"Lstat":      second(sub.Lstat("x")),
	} {
		var pe *fs.PathError
		if !errors.As(err, &pe) {
			t.Errorf("%s after Close: %v", what, err)
		}
	}
	must(t, second(g.Stat()))
	must(t, second(again.Stat()))
}

func second[T any](_ T, err error) error { return err }

func TestTimesToTheNanosecond(t *testing.T) {
	d, _ := openTemp(t)
	f, err := d.Create("file", 0o600)
	must(t, err)
	defer f.Close()
	sub := mkdir(t, d, "sub")
	symlink(t, d, "nowhere", "link")
	symlink(t, d, "file", "tofile")
	times := []meta.Time{
		{Sec: 0, Nsec: 0}, {Sec: 0, Nsec: 1}, {Sec: -1, Nsec: 999_999_999}, {Sec: -1_000_000_000, Nsec: 123_456_789},
		{Sec: 1_800_000_000, Nsec: 987_654_321}, {Sec: 1 << 31, Nsec: 1}, {Sec: 13_569_465_600, Nsec: 5}, // the year 2400
	}
	exact := func(what string, want meta.Time, info meta.Info, err error) {
		t.Helper()
		must(t, err)
		if runtime.GOOS == "windows" {
			want.Nsec -= want.Nsec % 100
		}
		if info.Mtime != want {
			t.Errorf("%s: %v, want %v", what, info.Mtime, want)
		}
	}
	for _, want := range times {
		must(t, f.SetMtime(want))
		info, err := d.Lstat("file")
		exact("File.SetMtime", want, info, err)
		must(t, sub.SetMtime(want))
		info, err = sub.Stat()
		exact("Dir.SetMtime", want, info, err)
		must(t, d.LsetMtime("link", want))
		info, err = d.Lstat("link")
		exact("LsetMtime of a link", want, info, err)
		must(t, d.LsetMtime("sub", want))
		info, err = d.Lstat("sub")
		exact("LsetMtime of a directory", want, info, err)
	}
	must(t, f.SetMtime(times[1]))
	must(t, d.LsetMtime("tofile", times[4]))
	info, err := f.Stat()
	exact("target of a link", times[1], info, err)
	if info.Ctime.Sec < 1_600_000_000 {
		t.Errorf("ctime %v", info.Ctime)
	}
}

func TestInfo(t *testing.T) {
	d, path := openTemp(t)
	writeFile(t, d, "file", "content")
	must(t, d.Mkdir("dir", 0o700))
	symlink(t, d, "some/where", "link")
	for name, want := range map[string]meta.Kind{"file": meta.File, "dir": meta.Dir, "link": meta.Symlink} {
		info, err := d.Lstat(name)
		must(t, err)
		if info.Kind != want || info.Ino == 0 && want != meta.Symlink {
			t.Errorf("%s: %+v", name, info)
		}
		std, err := os.Lstat(path + "/" + name)
		must(t, err)
		if !std.ModTime().Equal(info.Mtime.Std()) {
			t.Errorf("%s: mtime %v, want %v", name, info.Mtime.Std(), std.ModTime())
		}
		if want != meta.Symlink && info.Mode != uint32(std.Mode().Perm()) {
			t.Errorf("%s: mode %o, want %o", name, info.Mode, std.Mode().Perm())
		}
		if want == meta.File && (info.Size != 7 || info.Nlink != 1) {
			t.Errorf("%s: %+v", name, info)
		}
	}
	a, err := d.Stat()
	must(t, err)
	b, err := d.LstatAt(".")
	must(t, err)
	if a != b || a.Kind != meta.Dir {
		t.Errorf("%+v\n%+v", a, b)
	}
}

func TestRemove(t *testing.T) {
	d, _ := openTemp(t)
	writeFile(t, d, "file", "")
	mkdir(t, d, "dir/sub")
	wantClass(t, "RemoveDir of a file", d.RemoveDir("file"), ClassType)
	if err := d.Remove("dir"); err == nil {
		t.Error("Remove took a directory")
	}
	if err := d.RemoveDir("dir"); err == nil {
		t.Error("RemoveDir took a directory with content")
	}
	must(t, d.Remove("file"))
	wantClass(t, "Remove again", d.Remove("file"), ClassVanished)
	wantClass(t, "RemoveDir of nothing", d.RemoveDir("nothing"), ClassVanished)
}

// TestReadDirOfMany lists a large directory, from the beginning every time,
// by several at once.
func TestReadDirOfMany(t *testing.T) {
	if testing.Short() {
		t.Skip("50,000 files")
	}
	d, _ := openTemp(t)
	const count = 50_000
	for i := range count {
		f, err := d.Create("entry-"+strconv.Itoa(i), 0o600)
		must(t, err)
		must(t, f.Close())
	}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			list, err := d.ReadDir()
			if err != nil {
				t.Error(err)
			}
			seen := map[string]bool{}
			for _, e := range list {
				if e.Kind != meta.File && e.Kind != meta.Unknown || !strings.HasPrefix(e.Name, "entry-") {
					t.Errorf("%+v", e)
				}
				seen[e.Name] = true
			}
			if len(seen) != count || len(list) != count {
				t.Errorf("%d entries, %d names", len(list), len(seen))
			}
		})
	}
	wg.Wait()
	must(t, d.Remove("entry-77"))
	list, err := d.ReadDir()
	must(t, err)
	if len(list) != count-1 {
		t.Errorf("%d entries after one was removed", len(list))
	}
}

func TestReadDirKinds(t *testing.T) {
	d, _ := openTemp(t)
	if list, err := d.ReadDir(); len(list) != 0 || err != nil {
		t.Error(list, err)
	}
	writeFile(t, d, "f", "")
	must(t, d.Mkdir("d", 0o700))
	symlink(t, d, "x", "l")
	list, err := d.ReadDir()
	must(t, err)
	got := map[string]meta.Kind{}
	for _, e := range list {
		got[e.Name] = e.Kind
	}
	for name, want := range map[string]meta.Kind{"f": meta.File, "d": meta.Dir, "l": meta.Symlink} {
		if got[name] != want && got[name] != meta.Unknown {
			t.Errorf("%s is a %s", name, got[name])
		}
	}
	if len(got) != 3 {
		t.Error(got)
	}
}

func TestFS(t *testing.T) {
	d, _ := openTemp(t)
	info, err := d.FS()
	if errors.Is(err, ErrUnsupported) {
		t.Skip(err)
	}
	must(t, err)
	t.Logf("%+v", info)
	if info.Type == "" || info.Total <= 0 || info.Free <= 0 || info.Free > info.Total || info.ReadOnly ||
		info.NameMax < 100 || info.FreeInode > info.Inodes {
		t.Errorf("%+v", info)
	}
}

func TestTryLockBetweenDescriptors(t *testing.T) {
	d, _ := openTemp(t)
	open := func() *File {
		f, err := d.OpenAppend("lock", 0o600)
		must(t, err)
		t.Cleanup(func() { f.Close() })
		return f
	}
	a, b := open(), open()
	try := func(f *File, mode LockMode, want bool) {
		t.Helper()
		if got, err := f.TryLock(mode); got != want || err != nil {
			t.Errorf("TryLock: %t %v, want %t", got, err, want)
		}
	}
	try(a, Shared, true)
	try(b, Shared, true)
	try(b, Exclusive, false)
	must(t, b.Close())
	try(a, Exclusive, true)
	c := open()
	try(c, Shared, false)
	try(c, Exclusive, false)
	if _, err := c.Write([]byte("who")); err != nil {
		t.Errorf("an advisory lock keeps from writing: %v", err)
	}
	must(t, a.Close())
	try(c, Exclusive, true)
}

// lockHelper makes the test binary a process that tries a lock.
const lockHelper = "FSYS_TEST_LOCK"

func TestTryLockBetweenProcesses(t *testing.T) {
	if dir := os.Getenv(lockHelper); dir != "" {
		d := openPath(t, dir)
		f, err := d.OpenAppend("lock", 0o600)
		must(t, err)
		ok, err := f.TryLock(Exclusive)
		must(t, err)
		os.Stdout.WriteString("locked=" + strconv.FormatBool(ok) + "\n")
		os.Exit(0) // without closing: the end of the process has to let go
	}
	d, path := openTemp(t)
	f, err := d.OpenAppend("lock", 0o600)
	must(t, err)
	ask := func() string {
		cmd := exec.Command(os.Args[0], "-test.run=^TestTryLockBetweenProcesses$")
		cmd.Env = append(os.Environ(), lockHelper+"="+path)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	ok, err := f.TryLock(Exclusive)
	if !ok || err != nil {
		t.Fatal(ok, err)
	}
	if got := ask(); got != "locked=false" {
		t.Errorf("while held: %s", got)
	}
	must(t, f.Close())
	for range 2 { // the second time after a process that ended with the lock
		if got := ask(); got != "locked=true" {
			t.Errorf("after Close: %s", got)
		}
	}
}

func TestNextDataCoversEverything(t *testing.T) {
	d, _ := openTemp(t)
	writeFile(t, d, "file", "content")
	f, err := d.OpenFile("file")
	must(t, err)
	defer f.Close()
	if start, end, ok := f.NextData(0, 7); start != 0 || end != 7 || !ok {
		t.Error(start, end, ok)
	}
	if start, end, ok := f.NextData(3, 5); start != 3 || end != 5 || !ok {
		t.Error(start, end, ok)
	}
	if start, end, ok := f.NextData(7, 7); ok {
		t.Error(start, end, ok)
	}
}

func TestPortableLimits(t *testing.T) {
	if !portableBuild {
		t.Skip("for the portable implementation")
	}
	d, _ := openTemp(t)
	f, err := d.Create("file", 0o600)
	must(t, err)
	defer f.Close()
	for what, err := range map[string]error{
		"SyncFS": d.SyncFS(), "Clone": f.Clone(f), "File.SetXattr": f.SetXattr("user.a", nil),
		"Dir.SetXattr": d.SetXattr("user.a", nil), "LsetXattr": d.LsetXattr("file", "user.a", nil),
	} {
		wantErr(t, what, err, ErrUnsupported)
		wantClass(t, what, err, ClassUnsupported)
	}
}

// TestOpenUpdateAt: what is there is written over, nothing is made, and no
// link is followed.
func TestOpenUpdateAt(t *testing.T) {
	d, _ := openTemp(t)
	sub := mkdir(t, d, "a")
	writeFile(t, sub, "f", "old text")
	f, err := d.OpenUpdateAt("a/f")
	must(t, err)
	old := make([]byte, 3)
	_, err = f.Read(old)
	must(t, err)
	_, err = f.Seek(0, io.SeekStart)
	must(t, err)
	_, err = f.Write([]byte("new"))
	must(t, err)
	must(t, f.Close())
	if got := readFile(t, d, "a/f"); string(old) != "old" || got != "new text" {
		t.Errorf("read %q, the file is %q now", old, got)
	}
	symlink(t, d, "a/f", "link")
	wantClass(t, "through a link", closed(d.OpenUpdateAt("link")), ClassType)
	wantClass(t, "what is missing", closed(d.OpenUpdateAt("a/g")), ClassVanished)
}
