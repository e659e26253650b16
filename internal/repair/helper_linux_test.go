package repair_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"phlb/execute"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/repair"
	"phlb/internal/snapshot"
	"phlb/manifest"
	"phlb/plan"
	"phlb/verify"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("PHLB_TEST_REPAIR"); dir != "" {
		repairForKill(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// tb is what testing and rapid have in common.
type tb interface {
	Helper()
	Fatal(args ...any)
	Errorf(format string, args ...any)
}

// world is a source and a backup root, with a clock an hour ahead of the real
// one, so that no file counts as just changed.
type world struct {
	t    tb
	dir  string
	root string
	src  string
	now  time.Time
	ids  int
}

// newWorld works in memory, as each test makes things durable many times.
func newWorld(t testing.TB) *world {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "phlb-repair-")
	if err != nil || unix.Setxattr(dir, "user.phlb", nil, 0) != nil {
		dir = t.TempDir()
	}
	w := worldIn(t, dir)
	t.Cleanup(w.remove)
	return w
}

func worldIn(t tb, dir string) *world {
	unix.Umask(0o022)
	w := &world{t: t, dir: dir, root: filepath.Join(dir, "root"), src: filepath.Join(dir, "src"), now: time.Now().Add(time.Hour).Truncate(time.Second)}
	w.ok(os.MkdirAll(w.root, 0o700))
	w.ok(os.MkdirAll(w.src, 0o755))
	return w
}

func (w *world) remove() {
	_ = filepath.WalkDir(w.dir, func(p string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(p, 0o700)
		}
		return nil
	})
	_ = os.RemoveAll(w.dir)
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

var old = time.Date(2020, 2, 3, 4, 5, 6, 789_123_456, time.UTC)

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

// backup makes a snapshot of the source and returns it as name/time.
func (w *world) backup() string {
	w.t.Helper()
	w.now = w.now.Add(time.Minute)
	text := fmt.Sprintf("version: 1\ndestination: %q\ntimezone: UTC\nsources:\n- name: home\n  path: %q\n", w.root, w.src)
	m, err := manifest.Parse([]byte(text), filepath.Join(w.dir, "m.yaml"), manifest.Options{})
	w.ok(err)
	root, err := snapshot.Open(w.root)
	w.ok(err)
	defer root.Close()
	p, err := plan.Build(context.Background(), m, root, plan.Options{
		Now: w.now, NewID: w.id, Version: "test", Workers: 2, UID: os.Geteuid(), GID: os.Getegid(), Events: event.Discard,
	})
	w.ok(err)
	f, err := os.Create(filepath.Join(w.dir, "plan.json"))
	w.ok(err)
	defer f.Close()
	w.ok(p.Document.Write(f))
	res, err := execute.Apply(context.Background(), f, execute.Options{Workers: 2, NewID: w.id, Now: func() time.Time { return w.now }})
	w.ok(err)
	if res.Reports[0].LinkFallbacks > 0 {
		w.t.Errorf("%d links fell back", res.Reports[0].LinkFallbacks)
	}
	return *res.Reports[0].Snapshot
}

// at returns the system's path of a place below the root.
func (w *world) at(rel ...string) string { return filepath.Join(w.root, filepath.Join(rel...)) }

// flip changes a byte of a stored file as a failing disk does.
func (w *world) flip(place string) {
	w.t.Helper()
	info, err := os.Stat(place)
	w.ok(err)
	content, err := os.ReadFile(place)
	w.ok(err)
	content[len(content)/2] ^= 0x40
	w.overwrite(place, content)
	w.ok(os.Chtimes(place, info.ModTime(), info.ModTime()))
}

// overwrite writes into an inode, whatever its mode.
func (w *world) overwrite(place string, content []byte) {
	w.t.Helper()
	var st unix.Stat_t
	w.ok(unix.Stat(place, &st))
	w.ok(os.Chmod(place, 0o600))
	w.ok(os.WriteFile(place, content, 0o600))
	w.ok(unix.Chmod(place, st.Mode&0o7777))
}

type choice func(*repair.Options)

func from(w *world, dirs ...string) choice {
	return func(o *repair.Options) {
		for _, d := range dirs {
			dir, err := fsys.Open(d)
			w.ok(err)
			o.Sources = append(o.Sources, dir)
		}
	}
}

func dryRun(o *repair.Options) { o.DryRun = true }

// try repairs, with faults if they are not nil.
func (w *world) try(faults fsys.FaultFunc, choices ...choice) (*repair.Result, error) {
	w.t.Helper()
	root, err := snapshot.Open(w.root, fsys.WithFaults(faults))
	w.ok(err)
	defer root.Close()
	o := repair.Options{Workers: 2, UID: os.Geteuid(), Now: func() time.Time { return w.now }}
	for _, c := range choices {
		c(&o)
	}
	defer func() {
		for _, d := range o.Sources {
			d.Close()
		}
	}()
	return repair.Run(context.Background(), root, o)
}

func (w *world) repair(choices ...choice) *repair.Result {
	w.t.Helper()
	r, err := w.try(nil, choices...)
	w.ok(err)
	return r
}

// findings verifies the root and returns a line for each finding.
func (w *world) findings() []string {
	w.t.Helper()
	root, err := snapshot.Open(w.root)
	w.ok(err)
	defer root.Close()
	r, err := verify.Verify(context.Background(), root, verify.Options{Workers: 2})
	w.ok(err)
	lines := []string{}
	for _, f := range r.Findings {
		lines = append(lines, string(f.Kind)+" "+f.Snapshot+"/"+f.Path)
	}
	return lines
}

func (w *world) clean() {
	w.t.Helper()
	if list := w.findings(); len(list) > 0 {
		w.t.Errorf("damage: %q", list)
	}
}

// paths flattens what was repaired.
func paths(r *repair.Result) []string {
	list := []string{}
	for i := range r.Repaired {
		for _, p := range r.Repaired[i].Paths {
			list = append(list, string(p))
		}
	}
	slices.Sort(list)
	return list
}

func remaining(r *repair.Result) []string {
	list := []string{}
	for _, f := range r.Remaining {
		list = append(list, string(f.Kind)+" "+f.Snapshot+"/"+f.Path)
	}
	return list
}

func same(t tb, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// object is one published path: all of it but what a repair changes, its
// inode, and with it ctime.
type object struct {
	Mode     uint32
	UID, GID uint32
	Size     int64
	Mtime    int64
	Xattrs   map[string]string
	Content  string
	Nlink    uint64
	Ino      uint64
}

// list returns all that is published.
func (w *world) list() map[string]object {
	w.t.Helper()
	all := map[string]object{}
	w.ok(filepath.WalkDir(w.root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch d.Name() {
		case ".phlb":
			return fs.SkipDir
		case "root":
			return nil
		}
		rel, err := filepath.Rel(w.root, p)
		all[rel] = w.look(p)
		return err
	}))
	return all
}

func (w *world) look(p string) object {
	w.t.Helper()
	var st unix.Stat_t
	w.ok(unix.Lstat(p, &st))
	o := object{
		Mode: st.Mode, UID: st.Uid, GID: st.Gid, Size: st.Size, Mtime: st.Mtim.Nano(), Nlink: uint64(st.Nlink), Ino: st.Ino,
		Xattrs: map[string]string{},
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		o.Size = 0
	case unix.S_IFREG:
		content, err := os.ReadFile(p)
		w.ok(err)
		o.Content = fmt.Sprintf("%x", sha256.Sum256(content))
		value := make([]byte, 64)
		if n, err := unix.Getxattr(p, "user.x", value); err == nil {
			o.Xattrs["user.x"] = string(value[:n])
		}
	}
	return o
}

// asBefore checks that everything is as it was before the damage: what is in
// changed has another inode, everything else the same, and what shared an
// inode still does.
func (w *world) asBefore(before map[string]object, changed map[string]bool) {
	w.t.Helper()
	after := w.list()
	inodes := map[uint64]uint64{}
	for p, o := range before {
		now, ok := after[p]
		if !ok {
			w.t.Errorf("%s is missing", p)
			continue
		}
		if changed[p] == (o.Ino == now.Ino) {
			w.t.Errorf("%s: inode was %d, is %d", p, o.Ino, now.Ino)
		}
		if to, met := inodes[o.Ino]; met && to != now.Ino {
			w.t.Errorf("%s shared its inode with others, and does not any more", p)
		}
		inodes[o.Ino] = now.Ino
		now.Ino = o.Ino
		same(w.t, p, now, o)
		delete(after, p)
	}
	for p := range after {
		w.t.Errorf("%s is new", p)
	}
}

// settled checks that nothing is left to work with.
func (w *world) settled() {
	w.t.Helper()
	left, err := filepath.Glob(w.at(".phlb/staging/.repair*"))
	w.ok(err)
	if len(left) > 0 {
		w.t.Errorf("left behind: %q", left)
	}
}
