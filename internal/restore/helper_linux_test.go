package restore_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"phlb/execute"
	"phlb/internal/event"
	"phlb/internal/restore"
	"phlb/internal/snapshot"
	"phlb/manifest"
	"phlb/plan"
)

func TestMain(m *testing.M) {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "rapid.checks" })
	if !chosen { // each makes two backups and restores them five times
		_ = flag.Set("rapid.checks", "25")
	}
	goleak.VerifyTestMain(m)
}

// helper is what both tests and single draws of rapid can do.
type helper interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// world is a source, a backup root and a clock an hour ahead of the real one,
// so that no file counts as just changed.
type world struct {
	t              helper
	ctx            context.Context
	dir, src, root string
	now            time.Time
	ids            int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := worldIn(t, tempDir(t))
	w.ctx = t.Context()
	return w
}

func worldIn(t helper, dir string) *world {
	t.Helper()
	unix.Umask(0o022)
	w := &world{
		t: t, ctx: context.Background(), dir: dir, src: filepath.Join(dir, "src"), root: filepath.Join(dir, "root"),
		now: time.Now().Add(time.Hour).Truncate(time.Second),
	}
	w.ok(os.Mkdir(w.root, 0o700))
	w.ok(os.Mkdir(w.src, 0o755))
	return w
}

// tempDir prefers memory, where making things durable takes no time.
func tempDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "phlb-test-")
	if err != nil || unix.Setxattr(dir, "user.phlb", nil, 0) != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { removeAll(dir) })
	return dir
}

// removeAll removes a tree with read-only directories, too.
func removeAll(dir string) {
	_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(p, 0o700)
		}
		return nil
	})
	_ = os.RemoveAll(dir)
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%v", err)
	}
}

var old = time.Date(2020, 2, 3, 4, 5, 6, 789_123_456, time.UTC)

// write makes a file of the source, with its directories.
func (w *world) write(rel, content string) string {
	w.t.Helper()
	p := filepath.Join(w.src, rel)
	w.ok(os.MkdirAll(filepath.Dir(p), 0o755))
	w.ok(os.WriteFile(p, []byte(content), 0o644))
	w.ok(os.Chtimes(p, old, old))
	return p
}

// big is a text of n bytes that is different for each seed.
func big(seed string, n int) string {
	return strings.Repeat(fmt.Sprintf("%x\n", sha256.Sum256([]byte(seed))), n/65+1)[:n]
}

func (w *world) id() string {
	w.ids++
	return fmt.Sprintf("00000000-0000-4000-8000-%012d", w.ids)
}

// backup makes a snapshot of the source and returns its id.
func (w *world) backup() snapshot.ID {
	w.t.Helper()
	w.now = w.now.Add(time.Minute)
	text := fmt.Sprintf("version: 1\ndestination: %q\ntimezone: UTC\ndefaults: {excludes_replace: true, link_match: content}\nsources: [{name: home, path: %q}]\n", w.root, w.src)
	m, err := manifest.Parse([]byte(text), filepath.Join(w.dir, "m.yaml"), manifest.Options{})
	w.ok(err)
	root := w.open()
	p, err := plan.Build(w.ctx, m, root, plan.Options{
		Now: w.now, NewID: w.id, Version: "test", Workers: 2, UID: os.Geteuid(), GID: os.Getegid(), Events: event.Discard,
	})
	root.Close()
	w.ok(err)
	var b bytes.Buffer
	w.ok(p.Document.Write(&b))
	f, err := os.CreateTemp(w.dir, "plan-*.json")
	w.ok(err)
	defer f.Close()
	_, err = f.Write(b.Bytes())
	w.ok(err)
	res, err := execute.Apply(w.ctx, f, execute.Options{Workers: 2, NewID: w.id, Now: func() time.Time { return w.now }})
	w.ok(err)
	if res.Incomplete() {
		w.t.Fatalf("backup: %+v", res.Reports[0])
	}
	id, err := snapshot.ParseID(*res.Reports[0].Snapshot)
	w.ok(err)
	return id
}

func (w *world) open() *snapshot.Root {
	w.t.Helper()
	root, err := snapshot.Open(w.root)
	w.ok(err)
	return root
}

// stored is a path in a snapshot.
func (w *world) stored(id snapshot.ID, rel string) string {
	return filepath.Join(w.root, id.String(), rel)
}

// try restores a path of a snapshot.
func (w *world) try(id snapshot.ID, rel, to string, change ...func(*restore.Options)) (*restore.Result, error) {
	w.t.Helper()
	root := w.open()
	defer root.Close()
	o := restore.Options{Workers: 2, UID: os.Geteuid(), Now: func() time.Time { return w.now }}
	for _, c := range change {
		c(&o)
	}
	return restore.Restore(w.ctx, root, restore.Source{ID: id, Path: rel}, to, o)
}

// restore restores all of a snapshot, which must be good.
func (w *world) restore(id snapshot.ID, to string, change ...func(*restore.Options)) *restore.Result {
	w.t.Helper()
	res, err := w.try(id, ".", to, change...)
	w.ok(err)
	if res.Status != restore.Complete {
		w.t.Errorf("restore: %+v", res)
	}
	return res
}

func overwrite(o *restore.Options)    { o.Overwrite = true }
func allowDamaged(o *restore.Options) { o.AllowDamaged = true }
func dryRun(o *restore.Options)       { o.DryRun = true }

// object is what is at one path.
type object struct {
	Kind     string
	Mode     uint32
	UID, GID uint32
	Size     int64
	Sec      int64
	Nsec     int64
	Blocks   int64
	Content  string
	Xattrs   map[string]string
	First    string // of its names in the tree

	ino, nlink uint64
	ctime      unix.Timespec
}

// list tells everything about a tree by an independent walk; paths are
// relative to it.
func list(top string) map[string]object {
	all := map[string]object{}
	first := map[uint64]string{}
	_ = filepath.WalkDir(top, func(p string, _ fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(top, p)
		if err != nil {
			all[rel] = object{Kind: err.Error()}
			return nil
		}
		o := look(p)
		if o.Kind == "file" {
			if first[o.ino] == "" {
				first[o.ino] = rel
			}
			o.First = first[o.ino]
		}
		all[rel] = o
		return nil
	})
	return all
}

func look(p string) object {
	var st unix.Stat_t
	if err := unix.Lstat(p, &st); err != nil {
		return object{Kind: err.Error()}
	}
	o := object{
		Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid, Size: st.Size, Sec: st.Mtim.Sec, Nsec: st.Mtim.Nsec,
		Xattrs: xattrs(p), ino: st.Ino, nlink: uint64(st.Nlink), ctime: st.Ctim,
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		o.Kind, o.Blocks = "file", st.Blocks
		data, err := os.ReadFile(p)
		if err != nil {
			o.Content = err.Error()
		}
		sum := sha256.Sum256(data)
		o.Content = hex.EncodeToString(sum[:])
	case unix.S_IFDIR:
		o.Kind, o.Size = "dir", 0
	case unix.S_IFLNK:
		o.Kind = "symlink"
		o.Content, _ = os.Readlink(p)
	default:
		o.Kind = "other"
	}
	return o
}

func xattrs(p string) map[string]string {
	buf := make([]byte, 64<<10)
	n, err := unix.Llistxattr(p, buf)
	if err != nil || n == 0 {
		return nil
	}
	x := map[string]string{}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00") {
		value := make([]byte, 64<<10)
		n, err := unix.Lgetxattr(p, name, value)
		if err == nil {
			x[name] = string(value[:n])
		}
	}
	return x
}

// identical compares two trees in every respect.
func identical(t helper, want, got map[string]object) {
	t.Helper()
	if diff := diffTrees(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func diffTrees(want, got map[string]object) string {
	return cmp.Diff(want, got, cmp.FilterPath(func(p cmp.Path) bool {
		switch p.Last().String() {
		case ".ino", ".nlink", ".ctime":
			return true
		}
		return false
	}, cmp.Ignore()))
}

// untouched runs f and checks that nothing about the backup root changes by
// it, not even a link count or a ctime.
func (w *world) untouched(f func()) {
	w.t.Helper()
	before := list(w.root)
	f()
	if diff := cmp.Diff(before, list(w.root), cmp.AllowUnexported(object{})); diff != "" {
		w.t.Errorf("the backup root changed:\n%s", diff)
	}
}

func noTemps(t helper, dir string) {
	t.Helper()
	for p := range list(dir) {
		if strings.HasPrefix(filepath.Base(p), ".phlb-restore-") {
			t.Errorf("left behind: %s", p)
		}
	}
}

func same(t helper, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func paths(list []restore.Problem) []string {
	p := []string{}
	for _, e := range list {
		p = append(p, e.Path)
	}
	return p
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

func exists(p string) bool {
	_, err := os.Lstat(p)
	return !errors.Is(err, fs.ErrNotExist)
}
