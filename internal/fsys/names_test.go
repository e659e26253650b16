package fsys

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"phlb/internal/meta"
)

// named has every method of Dir that takes a name; the ones of a relative
// path too, for which "a/b" is no escape.
var named = map[string]func(d *Dir, name string) error{
	"Create":          func(d *Dir, n string) error { return closed(d.Create(n, 0o600)) },
	"CreateAt":        func(d *Dir, n string) error { return closed(d.CreateAt(n, 0o600)) },
	"LchmodDir":       func(d *Dir, n string) error { return d.LchmodDir(n, 0o700) },
	"Lchown":          func(d *Dir, n string) error { return d.Lchown(n, 0, 0) },
	"Link":            func(d *Dir, n string) error { return d.Link(d, "file", n) },
	"Link old":        func(d *Dir, n string) error { return d.Link(d, n, "new") },
	"LsetMtime":       func(d *Dir, n string) error { return d.LsetMtime(n, meta.Time{}) },
	"LsetXattr":       func(d *Dir, n string) error { return d.LsetXattr(n, "user.a", nil) },
	"Lstat":           func(d *Dir, n string) error { _, err := d.Lstat(n); return err },
	"LstatAt":         func(d *Dir, n string) error { _, err := d.LstatAt(n); return err },
	"Mkdir":           func(d *Dir, n string) error { return d.Mkdir(n, 0o700) },
	"MkdirAll":        func(d *Dir, n string) error { return closed(d.MkdirAll(n, 0o700)) },
	"MkdirAllDurable": func(d *Dir, n string) error { return closed(d.MkdirAllDurable(n, 0o700)) },
	"OpenAppend":      func(d *Dir, n string) error { return closed(d.OpenAppend(n, 0o600)) },
	"OpenDir":         func(d *Dir, n string) error { return closed(d.OpenDir(n)) },
	"OpenDirAt":       func(d *Dir, n string) error { return closed(d.OpenDirAt(n)) },
	"OpenFile":        func(d *Dir, n string) error { return closed(d.OpenFile(n)) },
	"OpenUpdateAt":    func(d *Dir, n string) error { return closed(d.OpenUpdateAt(n)) },
	"OpenFileAt":      func(d *Dir, n string) error { return closed(d.OpenFileAt(n)) },
	"Readlink":        func(d *Dir, n string) error { _, err := d.Readlink(n); return err },
	"Remove":          func(d *Dir, n string) error { return d.Remove(n) },
	"RemoveDir":       func(d *Dir, n string) error { return d.RemoveDir(n) },
	"Rename":          func(d *Dir, n string) error { return d.Rename(n, d, "new") },
	"Rename to":       func(d *Dir, n string) error { return d.Rename("file", d, n) },
	"RenameNew":       func(d *Dir, n string) error { return d.RenameNew(n, d, "new") },
	"RenameNew 2":     func(d *Dir, n string) error { return d.RenameNew("file", d, n) },
	"SyncFileAt":      func(d *Dir, n string) error { _, err := d.SyncFileAt(n); return err },
	"Symlink":         func(d *Dir, n string) error { return d.Symlink("file", n) },
	"Xattrs":          func(d *Dir, n string) error { _, err := d.Xattrs(n); return err },
}

func TestEveryNamedMethodIsInTheTable(t *testing.T) {
	// SetXattr's string is the attribute's name.
	without := []string{"SetXattr"}
	typ := reflect.TypeFor[*Dir]()
	for i := range typ.NumMethod() {
		m := typ.Method(i)
		takes := false
		for j := 1; j < m.Type.NumIn(); j++ {
			takes = takes || m.Type.In(j).Kind() == reflect.String
		}
		if _, ok := named[m.Name]; takes && !ok && !slices.Contains(without, m.Name) {
			t.Errorf("%s takes a name and is not tested", m.Name)
		}
	}
}

func TestNamesThatEscape(t *testing.T) {
	outer := t.TempDir()
	top := openPath(t, outer)
	d := mkdir(t, top, "d")
	writeFile(t, d, "file", "content")
	mkdir(t, d, "a/b")
	writeFile(t, top, "outside", "content")
	before := listing2(t, outer)
	bad := []string{"", "..", "a/..", "../outside", "/", "/etc", "a//b", "a/b/", "./a", "a\x00b", "\x00", "a/../../outside"}
	if runtime.GOOS == "windows" {
		bad = append(bad, `a\b`, `..\outside`)
	}
	for method, call := range named {
		names := bad
		if !strings.HasSuffix(method, "At") && !strings.HasPrefix(method, "MkdirAll") {
			names = append(slices.Clone(bad), ".", "a/b")
		}
		for _, name := range names {
			wantErr(t, method+" "+name, call(d, name), ErrEscape)
		}
	}
	// MkdirAll may have made the elements before the one it refuses.
	after := listing2(t, outer)
	if !slices.Equal(before, after) {
		t.Errorf("something changed:\n%q\n%q", before, after)
	}
}

// listing2 lists a tree with the standard library alone.
func listing2(t *testing.T, path string) (all []string) {
	t.Helper()
	must(t, filepath.WalkDir(path, func(p string, _ os.DirEntry, err error) error {
		all = append(all, p)
		return err
	}))
	return all
}

func anyName() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		b := rapid.SliceOfN(rapid.ByteRange(1, 255), 1, 255).Draw(t, "name")
		for i := range b {
			if b[i] == '/' {
				b[i] = '\n'
			}
		}
		if s := string(b); s != "." && s != ".." {
			return s
		}
		return "..."
	})
}

func TestNamesOfAnyBytes(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("names are not any bytes on this system")
	}
	d, _ := openTemp(t)
	rapid.Check(t, func(rt *rapid.T) {
		name, other := anyName().Draw(rt, "name"), anyName().Draw(rt, "other")
		target := rapid.StringOfN(rapid.RuneFrom([]rune("ab/.é\n\\")), 1, 1000, -1).Draw(rt, "target")
		if name == other {
			return
		}
		f, err := d.Create(name, 0o600)
		must(rt, err)
		must(rt, f.Close())
		list, err := d.ReadDir()
		must(rt, err)
		if len(list) != 1 || list[0] != (DirEntry{Name: name, Kind: meta.File}) {
			rt.Fatalf("ReadDir gives %q, want %q", list, name)
		}
		must(rt, d.Link(d, name, other))
		a, err := d.Lstat(name)
		must(rt, err)
		b, err := d.LstatAt(other)
		must(rt, err)
		if a != b || a.Nlink != 2 {
			rt.Fatalf("not the same file: %v %v", a, b)
		}
		must(rt, d.Remove(name))
		must(rt, d.RenameNew(other, d, name))
		must(rt, d.Remove(name))
		must(rt, d.Symlink(target, name))
		got, err := d.Readlink(name)
		if err != nil || got != target {
			rt.Fatalf("Readlink gives %q %v, want %q", got, err, target)
		}
		must(rt, d.Remove(name))
		must(rt, d.Mkdir(name, 0o700))
		must(rt, d.RemoveDir(name))
	})
}

func TestNameTooLong(t *testing.T) {
	d, _ := openTemp(t)
	for _, n := range []int{256, 300, 1000, 5000} {
		name := strings.Repeat("n", n)
		for method, call := range named {
			err := call(d, name)
			if portableBuild && (method == "Xattrs" || method == "LsetXattr") {
				continue // never gets as far as the file system
			}
			if method == "Link" || strings.HasPrefix(method, "Rename") {
				continue // fails for another reason first
			}
			if runtime.GOOS != "windows" {
				wantClass(t, method, err, ClassName)
			} else if err == nil {
				t.Errorf("%s took a name of %d bytes", method, n)
			}
		}
	}
}

// TestLongPaths goes where no path can be handed to the kernel in one piece.
func TestLongPaths(t *testing.T) {
	d, _ := openTemp(t)
	element := strings.Repeat("e", 100)
	rel := strings.TrimSuffix(strings.Repeat(element+"/", 60), "/") // 6,060 bytes
	sub := mkdir(t, d, rel)
	writeFile(t, sub, "file", "deep")
	if got := readFile(t, d, rel+"/file"); got != "deep" {
		t.Errorf("read %q", got)
	}
	info, err := d.LstatAt(rel + "/file")
	must(t, err)
	if info.Size != 4 {
		t.Errorf("size %d", info.Size)
	}
	again, err := d.OpenDirAt(rel)
	must(t, err)
	defer again.Close()
	must(t, d.Link(again, "file", "up"))
	must(t, again.Rename("file", d, "moved"))
	if _, err := d.OpenDirAt(rel + "/missing"); ClassOf(err) != ClassVanished {
		t.Error(err)
	}
	for _, bad := range []string{rel + "/../x", rel + "/.", rel + "//x", "./" + rel} {
		if _, err := d.OpenDirAt(bad); !errors.Is(err, ErrEscape) {
			t.Errorf("%.20s…%s: %v", bad, bad[len(bad)-5:], err)
		}
	}
}
