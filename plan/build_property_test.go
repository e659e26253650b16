//go:build unix

package plan_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"phlb/internal/digest"
	"phlb/internal/meta"
	"phlb/manifest"
	"phlb/plan"
)

// contentPool is small enough for equal contents, sizes and samples to meet.
func contentPool() []string {
	long := noise(11, digest.SampleSpan)
	return []string{
		"", "small", noise(1, 999), noise(2, 999), noise(1, 1000), noise(2, 1000), noise(3, 1001), noise(4, 3000), noise(5, 3000),
		long + "a" + long, long + "b" + long, noise(12, 2*digest.SampleSpan+1),
	}
}

// mutator changes a source tree at random.
type mutator struct {
	*world
	t        *rapid.T
	contents []string
}

func (m *mutator) name() string {
	elements := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "a-b", "a.b", "SHA256SUMS", "SHA256SUMS.source", "\xff", "x\ny"}), 1, 3).Draw(m.t, "path")
	return path.Join(elements...)
}

// existing returns the paths of regular files.
func (m *mutator) existing() (files []string) {
	for _, f := range listTree(m.tb, m.src) {
		if f.kind.IsRegular() {
			files = append(files, f.path)
		}
	}
	return files
}

// step makes one change. Those that the tree does not allow are passed over.
func (m *mutator) step() {
	to := m.name()
	files := m.existing()
	from := to
	if len(files) > 0 {
		from = rapid.SampledFrom(files).Draw(m.t, "from")
	}
	content := m.contents[rapid.IntRange(0, len(m.contents)-1).Draw(m.t, "content")]
	mtime := rapid.Int64Range(1_600_000_000, 1_600_000_002).Draw(m.t, "mtime")
	switch rapid.SampledFrom([]string{"create", "create", "create", "modify", "delete", "rename", "rename above", "chmod", "link", "copy", "symlink", "mkdir", "touch", "xattr", "fifo"}).Draw(m.t, "op") {
	case "create":
		m.write(to, content, mtime)
	case "modify":
		m.write(from, content, mtime)
	case "delete":
		// What lies below no directory is not there; RemoveAll would open a
		// fifo on the way to it, and wait.
		if _, err := os.Lstat(m.at(to)); err == nil {
			os.RemoveAll(m.at(to))
		}
	case "rename":
		m.parents(to)
		os.Rename(m.at(from), m.at(to))
	case "rename above":
		m.parents(to)
		os.Rename(m.at(filepath.Dir(from)), m.at(to))
	case "chmod":
		os.Chmod(m.at(from), os.FileMode(rapid.SampledFrom([]uint32{0o644, 0o600, 0o755}).Draw(m.t, "mode")))
	case "link":
		m.parents(to)
		os.Link(m.at(from), m.at(to))
	case "copy":
		if old, err := os.ReadFile(m.at(from)); err == nil {
			m.write(to, string(old), mtime)
		}
	case "symlink":
		m.parents(to)
		os.Symlink(from, m.at(to))
	case "mkdir":
		os.MkdirAll(m.at(to), 0o755)
	case "touch":
		if slices.Contains(files, from) {
			m.mtime(from, mtime)
		}
	case "xattr":
		_ = unix.Setxattr(m.at(from), "user.test", []byte(content[:min(len(content), 3)]), 0)
	case "fifo":
		m.parents(to)
		_ = unix.Mkfifo(m.at(to), 0o644)
	}
}

func (m *mutator) parents(p string) { os.MkdirAll(filepath.Dir(m.at(p)), 0o755) }

func (m *mutator) write(p, content string, mtime int64) {
	m.parents(p)
	if info, err := os.Lstat(m.at(p)); err == nil && !info.Mode().IsRegular() {
		return
	}
	if os.WriteFile(m.at(p), []byte(content), 0o644) == nil {
		m.mtime(p, mtime)
	}
}

type found struct {
	path string
	kind fs.FileMode
}

func (f found) stored() bool { return f.kind&^(fs.ModeDir|fs.ModeSymlink) == 0 }

// bare reports whether a snapshot has nothing below a directory.
func (f found) bare(tree []found) bool {
	return !slices.ContainsFunc(tree, func(o found) bool { return o.stored() && strings.HasPrefix(o.path, f.path+"/") })
}

func listTree(tb testing.TB, dir string) (list []found) {
	tb.Helper()
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, p)
		list = append(list, found{rel, d.Type()})
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return list
}

// TestProperties runs random histories of a source against a root.
func TestProperties(t *testing.T) {
	contents := contentPool()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		// Of each world only the findings are kept.
		defer os.RemoveAll(filepath.Dir(w.src))
		set := w.set()
		set.LinkMatch = rapid.SampledFrom([]manifest.LinkMatch{manifest.MatchPermissions, manifest.MatchContent, manifest.MatchMetadata}).Draw(rt, "link_match")
		set.SmallFiles = rapid.SampledFrom([]manifest.SmallFiles{manifest.SmallFilesCopy, manifest.SmallFilesLink}).Draw(rt, "small_files")
		set.ChangeDetection = rapid.SampledFrom([]manifest.ChangeDetection{manifest.DetectMetadata, manifest.DetectContent}).Draw(rt, "detection")
		m := &mutator{world: w, t: rt, contents: contents}
		w.file("first", "so that the source is not empty")
		old := map[string]bool{}
		for range rapid.IntRange(1, 3).Draw(rt, "rounds") {
			for range rapid.IntRange(1, 12).Draw(rt, "steps") {
				m.step()
			}
			if rapid.IntRange(0, 9).Draw(rt, "lose the catalogue") == 0 {
				os.RemoveAll(w.inRoot(".phlb/catalog"))
				old = nil
			}
			w.file("first", "so that the source is not empty")
			old = w.round(rt, old)
		}
	})
}

// round plans, applies and plans again. It returns the paths of the source
// that can be deleted.
func (w *world) round(rt *rapid.T, old map[string]bool) map[string]bool {
	w.ids = 0
	w.opts.Workers = 1
	first := w.plan()
	w.ids = 0
	w.opts.Workers = 8
	p := w.plan()
	if !bytes.Equal(first.bytes, p.bytes) {
		rt.Fatalf("two plans of one state differ:\n%s", cmp.Diff(string(first.bytes), string(p.bytes)))
	}
	present := map[string]bool{}
	tree := listTree(w.tb, w.src)
	for i, f := range tree {
		if _, planned := p.by[f.path]; !planned {
			rt.Errorf("%q is not in the plan", f.path)
		}
		if f.stored() && (!f.kind.IsDir() || f.path != "." && f.bare(tree[i+1:])) {
			present[f.path] = true
		}
	}
	if old != nil {
		w.checkDeleted(rt, p, old)
	}
	w.apply(p)
	w.checkStored(rt, p)
	again := w.plan()
	for _, e := range again.entries {
		if e.Action != plan.ActionSkip && e.Change != plan.ChangeUnchanged {
			rt.Errorf("planned again: %q: %s, %s: %s", e.Path, e.Action, e.Change, e.Reason)
		}
		if e.Action == plan.ActionCopy && (e.Size >= 1000 || w.set().SmallFiles == manifest.SmallFilesLink) {
			rt.Errorf("planned again: %q is copied: %s", e.Path, e.Reason)
		}
	}
	if len(again.deleted) > 0 {
		rt.Errorf("planned again: deleted %q", again.deleted)
	}
	w.set().SkipIfUnchanged = true
	if w.plan().made() {
		rt.Errorf("skip_if_unchanged makes a snapshot, though nothing has changed")
	}
	w.set().SkipIfUnchanged = false
	return present
}

func (w *world) checkDeleted(rt *rapid.T, p *planned, old map[string]bool) {
	var want []string
	for path := range old {
		if _, err := os.Lstat(w.at(path)); errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			want = append(want, path)
		}
	}
	slices.SortFunc(want, meta.ComparePaths)
	if !slices.Equal(p.deleted, want) {
		rt.Errorf("deleted %q, want %q", p.deleted, want)
	}
}

// checkStored compares what a plan's snapshot holds with the source.
func (w *world) checkStored(rt *rapid.T, p *planned) {
	type shared struct {
		path string
		info os.FileInfo
	}
	inodes := map[uint64]shared{}
	for _, e := range p.entries {
		if e.Action != plan.ActionCopy && e.Action != plan.ActionLink {
			continue
		}
		content, err := os.ReadFile(w.at(e.Path))
		w.must(err)
		info, err := os.Stat(w.at(e.Path))
		w.must(err)
		place := filepath.Join(w.root, p.Snapshot(), storedPath(e.Path))
		stored, err := os.ReadFile(place)
		w.must(err)
		if !bytes.Equal(content, stored) {
			rt.Errorf("%q: the snapshot has other content", e.Path)
		}
		at, err := os.Stat(place)
		w.must(err)
		ino := statOf(at).Ino
		if before, ok := inodes[ino]; ok && !w.mayShare(before.info, info, before.path, e.Path) {
			rt.Errorf("%q and %q share an inode", before.path, e.Path)
		}
		inodes[ino] = shared{e.Path, info}
		if !w.fits(info, at, e.Path, place) {
			rt.Errorf("%q: %s: mode %v, stored %v", e.Path, e.Reason, info.Mode(), at.Mode())
		}
	}
}

func (w *world) mayShare(a, b os.FileInfo, aPath, bPath string) bool {
	return w.fits(a, b, aPath, w.at(bPath)) || statOf(a).Ino == statOf(b).Ino
}

// fits reports whether link_match lets a file of the source share an inode
// with another file.
func (w *world) fits(a, b os.FileInfo, path, other string) bool {
	match := w.set().LinkMatch
	if match == manifest.MatchContent {
		return true
	}
	return a.Mode() == b.Mode() && xattr(w.at(path)) == xattr(other) && (match == manifest.MatchPermissions || a.ModTime().Equal(b.ModTime()))
}

func xattr(path string) string {
	b := make([]byte, 10)
	n, err := unix.Getxattr(path, "user.test", b)
	if err != nil {
		return "none"
	}
	return string(b[:n])
}

func storedPath(p string) string {
	elements := strings.Split(p, "/")
	for i, name := range elements {
		if strings.ReplaceAll(name, ".source", "") == "SHA256SUMS" {
			elements[i] += ".source"
		}
	}
	return strings.Join(elements, "/")
}
