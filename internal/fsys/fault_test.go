package fsys

import (
	"errors"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"testing"

	"phlb/internal/meta"
)

// world is what the methods of the tables below work on.
type world struct {
	d, sub *Dir // a directory with "file", "link" and "empty"; and "sub" in it
	f      *File
}

// writing has every method that changes something, with the operation that
// the injected fault must be asked about, and the name it is told.
var writing = map[string]struct {
	op   Op
	name string
	do   func(w *world) error
}{
	"Dir.Chmod":      {OpChmod, "top", func(w *world) error { return w.d.Chmod(0o711) }},
	"Dir.Chown":      {OpChown, "top", func(w *world) error { return w.d.Chown(7, 7) }},
	"Dir.Create":     {OpCreate, "new", func(w *world) error { _, err := w.d.Create("new", 0o600); return err }},
	"Dir.CreateAt":   {OpCreate, "new", func(w *world) error { _, err := w.d.CreateAt("sub/new", 0o600); return err }},
	"Dir.Lchown":     {OpChown, "file", func(w *world) error { return w.d.Lchown("file", 7, 7) }},
	"Dir.LchmodDir":  {OpChmod, "sub", func(w *world) error { return w.d.LchmodDir("sub", 0o711) }},
	"Dir.Link":       {OpLink, "new", func(w *world) error { return w.sub.Link(w.d, "file", "new") }},
	"Dir.DropACL":    {OpSetXattr, "top", func(w *world) error { return w.d.DropACL() }},
	"Dir.LsetMtime":  {OpTimes, "link", func(w *world) error { return w.d.LsetMtime("link", meta.Time{Sec: 7}) }},
	"Dir.LsetXattr":  {OpSetXattr, "file", func(w *world) error { return w.d.LsetXattr("file", "user.a", []byte("b")) }},
	"Dir.Mkdir":      {OpMkdir, "new", func(w *world) error { return w.d.Mkdir("new", 0o700) }},
	"Dir.MkdirAll":   {OpMkdir, "new", func(w *world) error { _, err := w.d.MkdirAll("sub/new", 0o700); return err }},
	"Dir.OpenAppend": {OpCreate, "new", func(w *world) error { _, err := w.d.OpenAppend("new", 0o600); return err }},
	"Dir.Remove":     {OpRemove, "file", func(w *world) error { return w.d.Remove("file") }},
	"Dir.RemoveDir":  {OpRemove, "empty", func(w *world) error { return w.d.RemoveDir("empty") }},
	"Dir.Rename":     {OpRename, "file", func(w *world) error { return w.d.Rename("file", w.sub, "new") }},
	"Dir.RenameNew":  {OpRename, "file", func(w *world) error { return w.d.RenameNew("file", w.sub, "new") }},
	"Dir.SetMtime":   {OpTimes, "top", func(w *world) error { return w.d.SetMtime(meta.Time{Sec: 7}) }},
	"Dir.SetXattr":   {OpSetXattr, "top", func(w *world) error { return w.d.SetXattr("user.a", []byte("b")) }},
	"Dir.Symlink":    {OpSymlink, "new", func(w *world) error { return w.d.Symlink("file", "new") }},
	"Dir.Sync":       {OpSync, "top", func(w *world) error { return w.d.Sync() }},
	"Dir.SyncFS":     {OpSyncFS, "top", func(w *world) error { return w.d.SyncFS() }},
	"Dir.SyncFileAt": {OpSync, "in", func(w *world) error { _, err := w.d.SyncFileAt("sub/in"); return err }},
	"Dir.SyncNames":  {OpSync, "top", func(w *world) error { return w.d.SyncNames() }},
	"File.DropACL":   {OpSetXattr, "file", func(w *world) error { return w.f.DropACL() }},
	"File.Chmod":     {OpChmod, "file", func(w *world) error { return w.f.Chmod(0o711) }},
	"File.Chown":     {OpChown, "file", func(w *world) error { return w.f.Chown(7, 7) }},
	"File.Clone":     {OpWrite, "file", func(w *world) error { return w.f.Clone(w.f) }},
	"File.SetMtime":  {OpTimes, "file", func(w *world) error { return w.f.SetMtime(meta.Time{Sec: 7}) }},
	"File.SetXattr":  {OpSetXattr, "file", func(w *world) error { return w.f.SetXattr("user.a", []byte("b")) }},
	"File.Sync":      {OpSync, "file", func(w *world) error { return w.f.Sync() }},
	"File.Truncate":  {OpTruncate, "file", func(w *world) error { return w.f.Truncate(1) }},
	"File.Write":     {OpWrite, "file", func(w *world) error { _, err := w.f.Write([]byte("x")); return err }},
}

// reading has every other method, which must work whatever is injected.
var reading = map[string]func(w *world) error{
	"Dir.Answers":      func(w *world) error { return w.d.Answers() },
	"Dir.AppendDir":    func(w *world) error { _, err := w.d.AppendDir(nil); return err },
	"Dir.Limits":       func(w *world) error { _ = w.d.Limits(); return nil },
	"Dir.MountPoint":   func(w *world) error { _, err := w.d.MountPoint(); return err },
	"Dir.FS":           func(w *world) error { _, err := w.d.FS(); return err },
	"Dir.Lstat":        func(w *world) error { _, err := w.d.Lstat("file"); return err },
	"Dir.LstatAt":      func(w *world) error { _, err := w.d.LstatAt("sub"); return err },
	"Dir.OpenDir":      func(w *world) error { return closed(w.d.OpenDir("sub")) },
	"Dir.OpenDirAt":    func(w *world) error { return closed(w.d.OpenDirAt("sub")) },
	"Dir.OpenFile":     func(w *world) error { return closed(w.d.OpenFile("file")) },
	"Dir.OpenUpdateAt": func(w *world) error { return closed(w.d.OpenUpdateAt("sub/in")) },
	"Dir.OpenFileAt":   func(w *world) error { return closed(w.d.OpenFileAt("sub/in")) },
	"Dir.Path":         func(w *world) error { _ = w.d.Path(); return nil },
	"Dir.ReadDir":      func(w *world) error { _, err := w.d.ReadDir(); return err },
	"Dir.Readlink":     func(w *world) error { _, err := w.d.Readlink("link"); return err },
	"Dir.SelfXattrs":   func(w *world) error { _, err := w.d.SelfXattrs(); return err },
	"Dir.Stat":         func(w *world) error { _, err := w.d.Stat(); return err },
	"Dir.Xattrs":       func(w *world) error { _, err := w.d.Xattrs("file"); return err },
	"File.NextData":    func(w *world) error { w.f.NextData(0, 4); return nil },
	"File.Path":        func(w *world) error { _ = w.f.Path(); return nil },
	"File.Read":        func(w *world) error { _, err := w.f.Read(nil); return err },
	"File.ReadAhead":   func(w *world) error { w.f.ReadAhead(); return nil },
	"File.ReadAt":      func(w *world) error { _, err := w.f.ReadAt(make([]byte, 1), 0); return err },
	"File.Seek":        func(w *world) error { _, err := w.f.Seek(0, 0); return err },
	"File.Stat":        func(w *world) error { _, err := w.f.Stat(); return err },
	"File.TryLock":     func(w *world) error { _, err := w.f.TryLock(Shared); return err },
	"File.Xattrs":      func(w *world) error { _, err := w.f.Xattrs(); return err },
	"Dir.Close":        func(w *world) error { return w.sub.Close() },
	"File.Close":       func(w *world) error { return w.f.Close() },
}

func closed[T interface{ Close() error }](v T, err error) error {
	if err != nil {
		return err
	}
	return v.Close()
}

// composed are methods that call several of those in the tables, and have
// tests of their own.
var composed = []string{"Dir.MkdirAllDurable", "Dir.SyncTree"}

// TestEveryMethodIsInATable keeps a new method from being forgotten.
func TestEveryMethodIsInATable(t *testing.T) {
	for _, typ := range []reflect.Type{reflect.TypeFor[*Dir](), reflect.TypeFor[*File]()} {
		for i := range typ.NumMethod() {
			name := typ.Elem().Name() + "." + typ.Method(i).Name
			_, writes := writing[name]
			_, reads := reading[name]
			if writes == reads && !slices.Contains(composed, name) {
				t.Errorf("%s must be in one of the tables writing (%t) and reading (%t)", name, writes, reads)
			}
		}
	}
}

// faultWorld gives a world in which ask is called once armed is set.
func faultWorld(t *testing.T, ask FaultFunc) (w *world, armed *bool) {
	t.Helper()
	armed = new(bool)
	path := t.TempDir() + "/top"
	parent := openPath(t, strings.TrimSuffix(path, "/top"))
	must(t, parent.Mkdir("top", 0o700))
	d := openPath(t, path, WithFaults(func(op Op, name string) error {
		if !*armed {
			return nil
		}
		return ask(op, name)
	}))
	w = &world{d: d, sub: mkdir(t, d, "sub")}
	mkdir(t, d, "empty")
	symlink(t, d, "file", "link")
	writeFile(t, w.sub, "in", "in")
	f, err := d.Create("file", 0o600)
	must(t, err)
	t.Cleanup(func() { f.Close() })
	_, err = f.Write([]byte("content"))
	must(t, err)
	w.f = f
	*armed = true
	return w, armed
}

// tree lists everything in a world, with metadata.
func tree(t *testing.T, w *world) map[string]meta.Info {
	t.Helper()
	all := map[string]meta.Info{}
	for prefix, d := range map[string]*Dir{"": w.d, "sub/": w.sub} {
		info, err := d.Stat()
		must(t, err)
		all[prefix] = info
		list, err := d.ReadDir()
		must(t, err)
		for _, e := range list {
			all[prefix+e.Name], err = d.Lstat(e.Name)
			must(t, err)
		}
	}
	return all
}

func TestFaultReplacesEveryWritingOperation(t *testing.T) {
	injected := errors.New("injected")
	for method, c := range writing {
		t.Run(method, func(t *testing.T) {
			asked := 0
			w, _ := faultWorld(t, func(op Op, name string) error {
				asked++
				if op != c.op || name != c.name {
					t.Errorf("asked about %s %q, want %s %q", op, name, c.op, c.name)
				}
				return injected
			})
			before := tree(t, w)
			err := c.do(w)
			wantErr(t, method, err, injected)
			var pe *fs.PathError
			if !errors.As(err, &pe) || pe.Op != string(c.op) {
				t.Errorf("error %#v, want a PathError of %s", err, c.op)
			}
			if asked != 1 {
				t.Errorf("asked %d times", asked)
			}
			if after := tree(t, w); !reflect.DeepEqual(before, after) {
				t.Errorf("carried out all the same:\n%v\n%v", before, after)
			}
		})
	}
}

func TestNoFaultCarriesOut(t *testing.T) {
	for method, c := range writing {
		t.Run(method, func(t *testing.T) {
			asked := 0
			w, _ := faultWorld(t, func(Op, string) error { asked++; return nil })
			if err := c.do(w); err != nil && ClassOf(err) != ClassUnsupported && ClassOf(err) != ClassName {
				if method == "Dir.Chown" || method == "Dir.Lchown" || method == "File.Chown" {
					needRoot(t)
				}
				t.Error(err)
			}
			if asked != 1 {
				t.Errorf("asked %d times", asked)
			}
		})
	}
}

func TestReadingIsNotAsked(t *testing.T) {
	for method, do := range reading {
		t.Run(method, func(t *testing.T) {
			w, armed := faultWorld(t, func(op Op, name string) error {
				t.Errorf("asked about %s %q", op, name)
				return nil
			})
			if err := do(w); err != nil {
				t.Error(err)
			}
			*armed = false
		})
	}
}

// TestFaultsAreInherited follows a fault function through everything that a
// directory opens.
func TestFaultsAreInherited(t *testing.T) {
	injected := errors.New("injected")
	w, _ := faultWorld(t, func(Op, string) error { return injected })
	for name, open := range map[string]func() (*Dir, error){
		"OpenDir":     func() (*Dir, error) { return w.d.OpenDir("sub") },
		"OpenDirAt":   func() (*Dir, error) { return w.d.OpenDirAt("sub") },
		"OpenDirAt .": func() (*Dir, error) { return w.d.OpenDirAt(".") },
		"MkdirAll":    func() (*Dir, error) { return w.d.MkdirAll("sub", 0o700) },
	} {
		d, err := open()
		must(t, err)
		wantErr(t, name, d.Mkdir("x", 0o700), injected)
		must(t, d.Close())
	}
	for name, open := range map[string]func() (*File, error){
		"OpenFile":   func() (*File, error) { return w.d.OpenFile("file") },
		"OpenFileAt": func() (*File, error) { return w.d.OpenFileAt("sub/in") },
	} {
		f, err := open()
		must(t, err)
		wantErr(t, name, f.Chmod(0o600), injected)
		must(t, f.Close())
	}
}
