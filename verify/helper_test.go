package verify

import (
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

	"phlb/internal/snapshot"
	"phlb/internal/treetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// The snapshots that most tests use.
const (
	first  = "home/2026-01-01-000000"
	second = "home/2026-01-02-000000"
)

// fixed is a time to give files, so that a changed one shows.
var fixed = time.Date(2025, 5, 5, 5, 5, 5, 0, time.UTC)

// big returns content of 1000 bytes and more, different for each text.
func big(text string) string { return text + strings.Repeat(".", 1200) }

// world is a backup root made by plain means.
type world struct {
	t    testing.TB
	path string
}

func newWorld(t testing.TB) *world { return &world{t, t.TempDir()} }

// at returns the system's path of a place below the root.
func (w *world) at(rel ...string) string {
	return filepath.Join(w.path, filepath.FromSlash(strings.Join(rel, "/")))
}

// snapshot builds a tree as a snapshot, with SHA256SUMS.
func (w *world) snapshot(id string, tree treetest.Tree) {
	w.t.Helper()
	treetest.Build(w.t, w.at(id), tree)
	w.sumAll(id)
}

// link makes one path of the root another name of the file at a second one.
func (w *world) link(from, to string) {
	w.t.Helper()
	must(w.t, os.MkdirAll(filepath.Dir(w.at(to)), 0o755))
	must(w.t, os.Link(w.at(from), w.at(to)))
}

// sumAll writes SHA256SUMS anew in every directory that has files.
func (w *world) sumAll(id string) {
	w.t.Helper()
	must(w.t, filepath.WalkDir(w.at(id), func(dir string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			sumDir(w.t, dir)
		}
		return err
	}))
}

func sumDir(t testing.TB, dir string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	must(t, err)
	text := ""
	for _, e := range list {
		if !e.Type().IsRegular() || e.Name() == "SHA256SUMS" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		must(t, err)
		text += fmt.Sprintf("%x  %s\n", sha256.Sum256(content), e.Name())
	}
	if text != "" {
		must(t, os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(text), 0o644))
	}
}

// flip changes one byte of a file and keeps its times.
func (w *world) flip(at int64, rel ...string) {
	w.t.Helper()
	place := w.at(rel...)
	info, err := os.Stat(place)
	must(w.t, err)
	f, err := os.OpenFile(place, os.O_RDWR, 0)
	must(w.t, err)
	defer f.Close()
	b := make([]byte, 1)
	_, err = f.ReadAt(b, at)
	must(w.t, err)
	b[0] ^= 0x40
	_, err = f.WriteAt(b, at)
	must(w.t, err)
	must(w.t, os.Chtimes(place, info.ModTime(), info.ModTime()))
}

func (w *world) open() *snapshot.Root {
	w.t.Helper()
	root, err := snapshot.Open(w.path)
	must(w.t, err)
	w.t.Cleanup(func() { root.Close() })
	return root
}

func (w *world) verify(o Options) *Result {
	w.t.Helper()
	if o.Workers == 0 {
		o.Workers = 3
	}
	r, err := Verify(w.t.Context(), w.open(), o)
	must(w.t, err)
	return r
}

func (w *world) rebuild() *RebuildResult {
	w.t.Helper()
	r, err := Rebuild(w.t.Context(), w.open(), RebuildOptions{Workers: 3, NewID: func() string { return "an-id" }})
	must(w.t, err)
	return r
}

// brief gives each finding one line.
func brief(r *Result) []string {
	lines := []string{}
	for _, f := range r.Findings {
		lines = append(lines, string(f.Kind)+" "+f.Snapshot+" "+f.Path)
	}
	return lines
}

func wantFindings(t testing.TB, r *Result, want ...string) {
	t.Helper()
	got := brief(r)
	slices.Sort(got)
	want = append([]string{}, want...)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
		for _, f := range r.Findings {
			t.Logf("%s %s/%s: %s", f.Kind, f.Snapshot, f.Path, f.Detail)
		}
	}
}

// state describes every path below dir down to inode, times and content, so
// that any write shows.
func state(t testing.TB, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	must(t, filepath.WalkDir(dir, func(place string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		text := fmt.Sprintf("%v %v %v", info.Mode(), info.ModTime(), inodeOf(info))
		if info.Mode().IsRegular() {
			content, err := os.ReadFile(place)
			if err != nil {
				return err
			}
			text += fmt.Sprintf(" %x", sha256.Sum256(content))
		}
		all[place] = text
		return nil
	}))
	return all
}

func sumOf(content []byte) [sha256.Size]byte { return sha256.Sum256(content) }
