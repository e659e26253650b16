//go:build unix

package plan_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"phlb/execute"
	"phlb/internal/event"
	"phlb/internal/snapshot"
	"phlb/manifest"
	"phlb/plan"
)

// world is a source, a backup root, and the manifest between them. Its clock
// runs ahead of the real one, so that no file is racy unless a test wants it.
type world struct {
	tb   testing.TB
	src  string
	root string
	m    *manifest.Manifest
	now  time.Time
	opts plan.Options
	ids  int
	// onPath, if set, is called when planning comes to a path.
	onPath func(path string)
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	dir := tb.TempDir()
	w := &world{tb: tb, src: filepath.Join(dir, "src"), root: filepath.Join(dir, "root"), now: time.Now().Add(time.Hour)}
	w.must(os.Mkdir(w.src, 0o755), os.Mkdir(w.root, 0o700))
	w.use("home", w.src)
	return w
}

// use makes a manifest of one source.
func (w *world) use(name, src string) {
	w.tb.Helper()
	var err error
	w.m, err = manifest.Single(src, w.root, manifest.SingleOptions{Name: name, OneFileSystem: true}, manifest.Options{})
	w.must(err)
	w.m.Location = time.UTC
	w.src = src
}

func (w *world) set() *manifest.Settings { return &w.m.Sources[0].Settings }

func (w *world) must(errs ...error) {
	w.tb.Helper()
	for _, err := range errs {
		if err != nil {
			w.tb.Fatal(err)
		}
	}
}

func (w *world) at(path string) string { return filepath.Join(w.src, path) }

// file writes a file of the source with a time long ago.
func (w *world) file(path, content string) {
	w.tb.Helper()
	w.must(os.MkdirAll(filepath.Dir(w.at(path)), 0o755), os.WriteFile(w.at(path), []byte(content), 0o644))
	w.mtime(path, 1_700_000_000)
}

func (w *world) mtime(path string, sec int64) {
	w.tb.Helper()
	w.must(os.Chtimes(w.at(path), time.Unix(sec, 5), time.Unix(sec, 5)))
}

// sparse makes a file of any size without using space.
func (w *world) sparse(path string, size int64, head string) {
	w.tb.Helper()
	w.file(path, head)
	w.must(os.Truncate(w.at(path), size))
}

// planned is a plan, read back from its file.
type planned struct {
	*plan.Plan
	bytes   []byte
	entries []plan.Entry
	by      map[string]plan.Entry
	deleted []string
}

func (w *world) build(ctx context.Context) (*plan.Plan, error) {
	w.tb.Helper()
	root, err := snapshot.Open(w.root)
	if errors.Is(err, fs.ErrNotExist) {
		root = nil
	} else {
		w.must(err)
		defer root.Close()
	}
	o := w.opts
	o.Now, o.NewID, o.Version, o.Events = w.now, w.id, "test", event.Discard
	o.UID, o.GID = os.Geteuid(), os.Getegid()
	if w.onPath != nil {
		o.Events = event.Func(func(e event.Event) {
			if e.Kind == event.Advance {
				w.onPath(e.Path)
			}
		})
	}
	if o.Workers == 0 {
		o.Workers = 2
	}
	return plan.Build(ctx, w.m, root, o)
}

func (w *world) id() string {
	w.ids++
	return fmt.Sprintf("00000000-0000-4000-8000-%012d", w.ids)
}

func (w *world) plan() *planned {
	w.tb.Helper()
	p, err := w.build(w.tb.Context())
	w.must(err)
	got := &planned{Plan: p, by: map[string]plan.Entry{}}
	var out bytes.Buffer
	w.must(p.Write(&out))
	got.bytes = out.Bytes()
	_, err = plan.Read(w.tb.Context(), bytes.NewReader(got.bytes), plan.Visitor{
		Entry: func(e *plan.Entry) error {
			got.entries = append(got.entries, *e)
			got.by[e.Path] = *e
			return nil
		},
		Deleted: func(path string) error {
			got.deleted = append(got.deleted, path)
			return nil
		},
	})
	w.must(err)
	return got
}

// tryApply carries a plan out.
func (w *world) tryApply(p *planned) (*execute.Result, error) {
	w.tb.Helper()
	res, err := execute.Apply(w.tb.Context(), bytes.NewReader(p.bytes), execute.Options{
		Workers: 2, NewID: w.id, Now: func() time.Time { return w.now }, Events: event.Discard,
		Log: slog.New(slog.DiscardHandler), Summary: func(*execute.Report) []byte { return nil },
	})
	w.now = w.now.Add(time.Minute)
	return res, err
}

// apply carries a plan out, without any surprise.
func (w *world) apply(p *planned) *execute.Report {
	w.tb.Helper()
	res, err := w.tryApply(p)
	w.must(err)
	rep := res.Reports[0]
	if rep.Incomplete() || rep.LinkFallbacks > 0 {
		w.tb.Fatalf("not as planned: drifted %v, vanished %v, failed %v, fallbacks %v", rep.Drifted, rep.Vanished, rep.Failed, rep.FallbackPaths)
	}
	return rep
}

func (w *world) backup() *planned {
	w.tb.Helper()
	p := w.plan()
	w.apply(p)
	return p
}

// want compares one entry with "action change reason".
func (p *planned) want(tb testing.TB, path, want string) {
	tb.Helper()
	e, ok := p.by[path]
	if !ok {
		tb.Errorf("%s: not in the plan", path)
		return
	}
	if got := strings.TrimSpace(fmt.Sprintf("%s %s %s", e.Action, e.Change, e.Reason)); got != want {
		tb.Errorf("%s: %q, want %q", path, got, want)
	}
}

func (p *planned) wantTarget(tb testing.TB, path, target string) {
	tb.Helper()
	if got := p.by[path].Target; got != target {
		tb.Errorf("%s: links to %q, want %q", path, got, target)
	}
}

func (p *planned) wantUnread(tb testing.TB, paths ...string) {
	tb.Helper()
	for _, path := range paths {
		if sum := p.by[path].SHA256; !sum.IsZero() {
			tb.Errorf("%s was hashed", path)
		}
	}
}

func (p *planned) wantUnchanged(tb testing.TB) {
	tb.Helper()
	for _, e := range p.entries {
		if e.Action != plan.ActionSkip && e.Change != plan.ChangeUnchanged {
			tb.Errorf("%q: %s, %s: %s", e.Path, e.Action, e.Change, e.Reason)
		}
	}
	if len(p.deleted) > 0 {
		tb.Errorf("deleted: %q", p.deleted)
	}
}

// readBytes returns how many bytes this process has read so far.
func readBytes(tb testing.TB) int64 {
	tb.Helper()
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		tb.Skip("needs /proc/self/io to count what is read")
	}
	for line := range strings.Lines(string(text)) {
		if v, ok := strings.CutPrefix(line, "rchar: "); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(v), 10, 64)
			if err != nil {
				tb.Fatal(err)
			}
			return n
		}
	}
	tb.Fatal("/proc/self/io has no rchar")
	return 0
}

// noise returns content that no sample takes for another's.
func noise(seed uint64, size int) string {
	r := rand.New(rand.NewPCG(seed, 7))
	b := make([]byte, size)
	for i := 0; i < size; i += 8 {
		v := r.Uint64()
		for j := i; j < min(i+8, size); j++ {
			b[j] = byte(v)
			v >>= 8
		}
	}
	return string(b)
}

func needRoot(tb testing.TB) {
	tb.Helper()
	if os.Geteuid() != 0 {
		tb.Skip("needs root")
	}
}

func statOf(info os.FileInfo) *syscall.Stat_t { return info.Sys().(*syscall.Stat_t) }
