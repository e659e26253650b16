package execute_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"phlb/execute"
	"phlb/internal/catalog"
	"phlb/internal/event"
	"phlb/internal/lookup"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
	"phlb/manifest"
	"phlb/plan"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("PHLB_TEST_APPLY"); dir != "" {
		applyForKill(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

// world is a directory with sources and a backup root, and a clock an hour
// ahead of the real one, so that no file counts as just changed.
type world struct {
	t        testing.TB
	dir      string
	root     string
	src      string // of the source called "home"
	settings string // YAML below "defaults:", indented by two
	more     string // YAML of further sources
	now      time.Time
	ids      int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	unix.Umask(0o022)
	return newWorldIn(t, tempDir(t))
}

// tempDir prefers memory: each test makes things durable many times, which on
// a busy disk takes minutes. TMPDIR chooses another file system.
func tempDir(t testing.TB) string {
	t.Helper()
	if os.Getenv("TMPDIR") != "" {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("/dev/shm", "phlb-test-")
	if err != nil || unix.Setxattr(dir, "user.phlb", nil, 0) != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func newWorldIn(t testing.TB, dir string) *world {
	t.Helper()
	w := &world{t: t, dir: dir, root: filepath.Join(dir, "root"), src: filepath.Join(dir, "src"), now: time.Now().Add(time.Hour).Truncate(time.Second)}
	w.ok(os.Mkdir(w.root, 0o700))
	w.ok(os.Mkdir(w.src, 0o755))
	t.Cleanup(func() { // read-only directories would be in the way
		_ = filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if d != nil && d.IsDir() {
				_ = os.Chmod(p, 0o700)
			}
			return nil
		})
	})
	return w
}

func (w *world) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// old is the modification time that write gives.
var old = time.Date(2020, 2, 3, 4, 5, 6, 789_123_456, time.UTC)

// write makes a file of the source "home", with its directories.
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

func (w *world) manifest() *manifest.Manifest {
	w.t.Helper()
	text := fmt.Sprintf("version: 1\ndestination: %q\ntimezone: UTC\n", w.root)
	if w.settings != "" {
		text += "defaults:\n" + w.settings
	}
	text += fmt.Sprintf("sources:\n- name: home\n  path: %q\n%s", w.src, w.more)
	m, err := manifest.Parse([]byte(text), filepath.Join(w.dir, "m.yaml"), manifest.Options{})
	w.ok(err)
	return m
}

func (w *world) id() string {
	w.ids++
	return fmt.Sprintf("00000000-0000-4000-8000-%012d", w.ids)
}

// planned builds a plan document; every one is a minute later than the last.
func (w *world) planned(change ...func(*plan.Options)) *plan.Plan {
	w.t.Helper()
	w.now = w.now.Add(time.Minute)
	root, err := snapshot.Open(w.root)
	if errors.Is(err, fs.ErrNotExist) {
		root, err = nil, nil
	}
	w.ok(err)
	if root != nil {
		defer root.Close()
	}
	o := plan.Options{
		Now: w.now, NewID: w.id, Version: "test", Workers: 2, UID: os.Geteuid(), GID: os.Getegid(), Events: event.Discard,
	}
	for _, c := range change {
		c(&o)
	}
	p, err := plan.Build(w.t.Context(), w.manifest(), root, o)
	w.ok(err)
	return p
}

// plan saves a plan of the present state.
func (w *world) plan(change ...func(*plan.Options)) *os.File {
	w.t.Helper()
	return w.save(&w.planned(change...).Document)
}

func (w *world) save(d *plan.Document) *os.File {
	w.t.Helper()
	var b bytes.Buffer
	w.ok(d.Write(&b))
	return w.saveText(b.Bytes())
}

func (w *world) saveText(text []byte) *os.File {
	w.t.Helper()
	f, err := os.CreateTemp(w.dir, "plan-*.json")
	w.ok(err)
	w.t.Cleanup(func() { f.Close() })
	_, err = f.Write(text)
	w.ok(err)
	return f
}

func (w *world) options() execute.Options {
	return execute.Options{
		Workers: 2, NewID: w.id, Now: func() time.Time { return w.now },
		Summary: func(r *execute.Report) []byte { return []byte("summary of " + r.Name + "\n") },
	}
}

// try applies a plan.
func (w *world) try(f *os.File, change ...func(*execute.Options)) (*execute.Result, error) {
	w.t.Helper()
	return w.tryContext(w.t.Context(), f, change...)
}

func (w *world) tryContext(ctx context.Context, f *os.File, change ...func(*execute.Options)) (*execute.Result, error) {
	w.t.Helper()
	o := w.options()
	for _, c := range change {
		c(&o)
	}
	return execute.Apply(ctx, f, o)
}

// apply applies a plan, which must succeed, and returns the first report.
func (w *world) apply(f *os.File, change ...func(*execute.Options)) *execute.Report {
	w.t.Helper()
	res, err := w.try(f, change...)
	if err != nil {
		w.t.Fatalf("apply: %v", err)
	}
	return res.Reports[0]
}

// backup plans and applies, and verifies the result against the source.
func (w *world) backup() *execute.Report {
	w.t.Helper()
	rep := w.apply(w.plan())
	w.whole(rep)
	return rep
}

func (w *world) snap(rep *execute.Report) string {
	w.t.Helper()
	if rep.Snapshot == nil {
		w.t.Fatalf("nothing published: %+v", rep)
	}
	return filepath.Join(w.root, *rep.Snapshot)
}

// whole checks that a snapshot is exactly its source.
func (w *world) whole(rep *execute.Report) {
	w.t.Helper()
	if diff := snapshotDiff(w.src, w.snap(rep), true); diff != "" {
		w.t.Errorf("%s is not the source (-source +snapshot):\n%s", *rep.Snapshot, diff)
	}
	w.sums(w.snap(rep))
}

// object is what is at one path.
type object struct {
	Kind         string
	Mode         uint32
	UID, GID     uint32
	Size         int64
	Mtime, Ctime int64
	Ino, Nlink   uint64
	Blocks       int64
	Content      string
	Xattrs       map[string]string
}

// list tells everything about a tree; paths are relative to it.
func list(top string) map[string]object {
	all := map[string]object{}
	_ = filepath.WalkDir(top, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			all[p] = object{Kind: err.Error()}
			return nil
		}
		rel, _ := filepath.Rel(top, p)
		all[rel] = look(p)
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
		Mode: st.Mode & 0o7777, UID: st.Uid, GID: st.Gid, Size: st.Size, Mtime: st.Mtim.Nano(), Ctime: st.Ctim.Nano(),
		Ino: st.Ino, Nlink: uint64(st.Nlink), Blocks: st.Blocks, Xattrs: xattrs(p),
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		o.Kind = "file"
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
	for _, name := range strings.Split(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00") {
		value := make([]byte, 64<<10)
		n, err := unix.Lgetxattr(p, name, value)
		if err == nil {
			x[name] = string(value[:n])
		}
	}
	return x
}

// snapshotDiff compares a source with its snapshot by an independent walk. If
// exact, each stored inode has the source's metadata, too.
func snapshotDiff(src, snap string, exact bool) string {
	want, got := map[string]object{}, map[string]object{}
	plain := func(o object) object {
		o.Ctime, o.Ino, o.Nlink, o.Blocks = 0, 0, 0, 0
		if !exact {
			o = object{Kind: o.Kind, Content: o.Content}
		}
		return o
	}
	for p, o := range list(src) {
		if o.Kind != "other" {
			want[sums.StoredPath(p)] = plain(o)
		}
	}
	for p, o := range list(snap) {
		if filepath.Base(p) != sums.FileName {
			got[p] = plain(o)
		}
	}
	return cmp.Diff(want, got)
}

// sums runs sha256sum in every directory and checks that each file has a line
// where there is a file at all.
func (w *world) sums(snap string) {
	w.t.Helper()
	for p, o := range list(snap) {
		dir := filepath.Join(snap, p)
		if o.Kind != "dir" {
			continue
		}
		files := 0
		entries, err := os.ReadDir(dir)
		w.ok(err)
		for _, e := range entries {
			if e.Type().IsRegular() && e.Name() != sums.FileName {
				files++
			}
		}
		w.sumsIn(dir, o.Mode, files)
	}
}

func (w *world) sumsIn(dir string, mode uint32, files int) {
	w.t.Helper()
	have := look(filepath.Join(dir, sums.FileName))
	if files == 0 {
		if have.Kind == "file" {
			w.t.Errorf("%s: SHA256SUMS without files", dir)
		}
		return
	}
	if want := 0o600 | mode&0o444; have.Kind != "file" || have.Mode != want {
		w.t.Errorf("%s: SHA256SUMS is a %s with mode %o, want %o", dir, have.Kind, have.Mode, want)
	}
	f, err := os.Open(filepath.Join(dir, sums.FileName))
	w.ok(err)
	defer f.Close()
	lines, bad, err := sums.Parse(f)
	if err != nil || len(bad) > 0 || len(lines) != files {
		w.t.Errorf("%s: %d lines for %d files, %d bad, %v", dir, len(lines), files, len(bad), err)
	}
	if !slices.IsSortedFunc(lines, func(a, b sums.Line) int { return strings.Compare(a.Name, b.Name) }) {
		w.t.Errorf("%s: SHA256SUMS is not sorted", dir)
	}
	cmd := exec.Command("sha256sum", "--strict", "--quiet", "-c", sums.FileName)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		w.t.Errorf("sha256sum -c in %s: %v\n%s", dir, err, out)
	}
}

// catalog reads a snapshot's catalogue.
func (w *world) catalog(id string) (catalog.Header, map[string]catalog.Record, catalog.Trailer) {
	w.t.Helper()
	f, err := os.Open(filepath.Join(w.root, ".phlb/catalog", id+".jsonl.zst"))
	w.ok(err)
	defer f.Close()
	r, err := catalog.NewReader(f)
	w.ok(err)
	defer r.Close()
	records := map[string]catalog.Record{}
	for {
		var rec catalog.Record
		if err := r.Next(&rec); err != nil {
			if err.Error() != "EOF" {
				w.t.Fatal(err)
			}
			return r.Header(), records, r.Trailer()
		}
		if rec.Stored != nil {
			stored := *rec.Stored
			rec.Stored = &stored
		}
		records[rec.Path] = rec
	}
}

// openLookups opens the root's lookups.
func (w *world) openLookups() (db *lookup.DB, done func()) {
	w.t.Helper()
	root, err := snapshot.Open(w.root)
	w.ok(err)
	db, err = lookup.Open(root.Dir())
	w.ok(err)
	return db, func() { db.Close(); root.Close() }
}

// lookupsSound checks that no entry points to content that it does not have,
// and that everything of 1000 bytes or more that was copied is found.
func (w *world) lookupsSound(complete bool) {
	w.t.Helper()
	db, done := w.openLookups()
	defer done()
	known := map[string]bool{}
	files, err := filepath.Glob(filepath.Join(w.root, ".phlb/hash-lookup/*/*/*"))
	w.ok(err)
	for _, f := range files {
		path, err := os.ReadFile(f)
		w.ok(err)
		known[filepath.Base(f)] = true
		if o := look(filepath.Join(w.root, string(path))); o.Kind != "file" || o.Content != filepath.Base(f) {
			w.t.Errorf("lookup entry %s points to %q, which is a %s with hash %s", filepath.Base(f), path, o.Kind, o.Content)
		}
	}
	if !complete {
		return
	}
	for p, o := range list(w.root) {
		if _, _, ok := snapshot.Published(p); !ok || o.Kind != "file" || filepath.Base(p) == sums.FileName || o.Size < 1000 {
			continue
		}
		if !known[o.Content] {
			w.t.Errorf("%s is in no lookup", p)
		}
		if has, err := db.HasSize(o.Size); err != nil || !has {
			w.t.Errorf("size of %s is in no lookup (%v)", p, err)
		}
	}
}

// published lists every published file, for immutable.
func (w *world) published() map[string]object {
	all := list(w.root)
	maps.DeleteFunc(all, func(p string, o object) bool {
		_, _, ok := snapshot.Published(p + "/x")
		return !ok
	})
	return all
}

// immutable checks that nothing of what was published has changed: only
// links may have come or gone.
func (w *world) immutable(before map[string]object) {
	w.t.Helper()
	after := w.published()
	for p, o := range before {
		now := after[p]
		o.Nlink, now.Nlink, o.Ctime, now.Ctime = 0, 0, 0, 0
		if diff := cmp.Diff(o, now); diff != "" {
			w.t.Errorf("published %s changed:\n%s", p, diff)
		}
	}
}

// settled checks that nothing is left in staging.
func (w *world) settled() {
	w.t.Helper()
	left, err := os.ReadDir(filepath.Join(w.root, ".phlb/staging"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		w.t.Fatal(err)
	}
	for _, e := range left {
		w.t.Errorf("left in staging: %s", e.Name())
	}
}

func (w *world) reportOf(id string) *execute.Report {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.root, id+"-report.json"))
	w.ok(err)
	var rep execute.Report
	w.ok(json.Unmarshal(data, &rep))
	return &rep
}

// snapshots lists what is published.
func (w *world) snapshots() []string {
	w.t.Helper()
	root, err := snapshot.Open(w.root)
	w.ok(err)
	defer root.Close()
	names, err := root.Names(w.t.Context())
	w.ok(err)
	var ids []string
	for _, n := range names {
		times, err := root.Times(n)
		w.ok(err)
		for _, t := range times {
			ids = append(ids, n+"/"+t)
		}
	}
	return ids
}

// hook is a Sink that calls a function with each event, one at a time.
type hook struct {
	mu sync.Mutex
	f  func(n int, e event.Event)
	n  int
}

func (h *hook) Send(e event.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.n++
	h.f(h.n, e)
}

func onEvent(f func(n int, e event.Event)) func(*execute.Options) {
	h := &hook{f: f}
	return func(o *execute.Options) { o.Events = h }
}

// paths returns the paths of a report's list.
func paths(list []execute.FileError) []string {
	var p []string
	for _, e := range list {
		p = append(p, e.Path)
	}
	slices.Sort(p)
	return p
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

func mtime(p string) meta.Time {
	o := look(p)
	return meta.At(time.Unix(0, o.Mtime))
}
