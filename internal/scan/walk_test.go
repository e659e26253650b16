package scan

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openRoot(t testing.TB, path string) *fsys.Dir {
	t.Helper()
	d, err := fsys.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d
}

// collect walks and returns one line an entry: its path, and in brackets its
// kind or the reason why it is skipped.
func collect(t testing.TB, dir string, o Options) []string {
	t.Helper()
	return collectOpen(t, dir, o, maxOpen)
}

func collectOpen(t testing.TB, dir string, o Options, open int) (lines []string) {
	t.Helper()
	root, err := fsys.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	last := ""
	err = walk(t.Context(), root, o, open, func(e *Entry) error {
		if last != "" && meta.ComparePaths(last, e.Path) >= 0 {
			t.Errorf("%q comes after %q", e.Path, last)
		}
		last = e.Path
		lines = append(lines, line(e))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return lines
}

func line(e *Entry) string {
	what := e.Kind.String()
	if e.Skip != "" {
		what = e.Skip
	}
	return e.Path + " [" + what + "]"
}

func write(t testing.TB, dir string, files ...string) {
	t.Helper()
	for _, f := range files {
		name, content, _ := strings.Cut(f, "=")
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "/") {
			if err := os.MkdirAll(path, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func check(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

func identity(t testing.TB, path string) Identity {
	t.Helper()
	dir := openRoot(t, filepath.Dir(path))
	info, err := dir.Lstat(filepath.Base(path))
	if err != nil {
		t.Fatal(err)
	}
	return Identity{info.Dev, info.Ino}
}

func TestOrderAndExcludes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a/b", "a-b", "a.b/c", "a/.tmp/x", "b/keep.iso", "b/drop.iso", "b/c.d/e/", "ä", "z/d/e/f")
	check(t, collect(t, dir, Options{Excludes: newMatcher(t, ".tmp/", "*.iso", "!keep.iso", "/z/d", "!f")}),
		". [dir]", "a [dir]", "a/.tmp [excluded: .tmp/]", "a/b [file]", "a-b [file]", "a.b [dir]", "a.b/c [file]",
		"b [dir]", "b/c.d [dir]", "b/c.d/e [dir]", "b/drop.iso [excluded: *.iso]", "b/keep.iso [file]",
		"z [dir]", "z/d [excluded: /z/d]", "ä [file]")
}

func TestMetadata(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "f=hello", "d/")
	mtime := time.Date(1969, 12, 31, 23, 59, 59, 5, time.UTC)
	if err := errors.Join(os.Symlink("no/where", filepath.Join(dir, "l")), os.Chmod(filepath.Join(dir, "d"), 0o711),
		os.Chtimes(filepath.Join(dir, "f"), mtime, mtime)); err != nil {
		t.Fatal(err)
	}
	byPath := map[string]Entry{}
	root := openRoot(t, dir)
	if err := Walk(t.Context(), root, Options{}, func(e *Entry) error { byPath[e.Path] = *e; return nil }); err != nil {
		t.Fatal(err)
	}
	for path, e := range byPath {
		want, err := root.LstatAt(path)
		if err != nil || want != e.Info {
			t.Errorf("%s: %+v, want %+v (%v)", path, e.Info, want, err)
		}
	}
	if e := byPath["f"]; e.Size != 5 || e.Mtime != (meta.Time{Sec: -1, Nsec: 5}) {
		t.Errorf("f: %+v", e)
	}
	if got := byPath["l"].Target; got != "no/where" || byPath["d"].Target != "" {
		t.Errorf("target of l: %q", got)
	}
}

func TestMarkers(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, ".nobackup", "a/.nobackup", "a/x/y", "b/.nobackup/", "c/CACHEDIR.TAG="+cacheSignature+"\n# more", "c/x",
		"d/CACHEDIR.TAG="+cacheSignature[1:], "e/CACHEDIR.TAG/", "f/nobackup", "g/x", "CACHEDIR.TAG="+cacheSignature)
	if err := os.Symlink("../c/CACHEDIR.TAG", filepath.Join(dir, "g/CACHEDIR.TAG")); err != nil {
		t.Fatal(err)
	}
	check(t, collect(t, dir, Options{ExcludeIfPresent: []string{".no", ".nobackup"}, ExcludeCaches: true}),
		". [dir]", ".nobackup [file]", "CACHEDIR.TAG [file]", "a [excluded: .nobackup present]", "b [excluded: .nobackup present]",
		"c [excluded: CACHEDIR.TAG]", "d [dir]", "d/CACHEDIR.TAG [file]", "e [dir]", "e/CACHEDIR.TAG [dir]",
		"f [dir]", "f/nobackup [file]", "g [dir]", "g/CACHEDIR.TAG [symlink]", "g/x [file]")
	check(t, collect(t, filepath.Join(dir, "c"), Options{}), ". [dir]", "CACHEDIR.TAG [file]", "x [file]")
}

func TestLimitsAndAvoided(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "backup/home/x", "plan.json={}", "s/10=0123456789", "s/11=0123456789a")
	check(t, collect(t, dir, Options{MaxFileSize: 10, Avoid: []Identity{identity(t, dir+"/backup"), identity(t, dir+"/plan.json")}}),
		". [dir]", "backup [excluded: backup root]", "plan.json [excluded: plan file]",
		"s [dir]", "s/10 [file]", "s/11 [too large: 11 bytes]")
}

// TestDrop: what is dropped is not even a skip, whatever rule is about it.
func TestDrop(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a", "d/.plan.json.XY={}", "d/x", "z")
	m, err := NewMatcher([]Pattern{{Text: ".plan*"}})
	if err != nil {
		t.Fatal(err)
	}
	drop := []Identity{identity(t, dir+"/d/.plan.json.XY"), identity(t, dir+"/z")}
	for _, o := range []Options{{Drop: drop}, {Drop: drop, Excludes: m}, {Drop: drop, MaxFileSize: 1}} {
		check(t, collect(t, dir, o), ". [dir]", "a [file]", "d [dir]", "d/x [file]")
	}
}

// TestChangesWhileWalking reads as little ahead as possible, so that it is
// certain what was looked at before the change.
func TestChangesWhileWalking(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a", "b", "c/x", "d", "e/f/g", "f", "g", "h/x", "i")
	var got []string
	err := Walk(t.Context(), openRoot(t, dir), Options{MaxAhead: 1}, func(e *Entry) error {
		got = append(got, line(e))
		if e.Path != "." {
			return nil
		}
		return errors.Join(os.Remove(dir+"/d"), os.RemoveAll(dir+"/e"), os.Remove(dir+"/f"), os.Mkdir(dir+"/f", 0o755),
			os.RemoveAll(dir+"/h"), os.Symlink("c", dir+"/h"), os.WriteFile(dir+"/new", nil, 0o644))
	})
	if err != nil {
		t.Fatal(err)
	}
	check(t, got, ". [dir]", "a [file]", "b [file]", "c [dir]", "c/x [file]", "d [vanished]", "e [vanished]", "f [dir]", "g [file]", "h [symlink]", "i [file]")
}

// TestReplacedDirectory closes and opens directories all the time; one of
// them is no longer the same.
func TestReplacedDirectory(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a/b/x", "a/c/x", "a/d/x", "b")
	var got []string
	err := walk(t.Context(), openRoot(t, dir), Options{MaxAhead: 1}, 1, func(e *Entry) error {
		got = append(got, line(e))
		if e.Path != "a/b" {
			return nil
		}
		return errors.Join(os.Rename(dir+"/a", dir+"/old"), os.Mkdir(dir+"/a", 0o755), os.Mkdir(dir+"/a/c", 0o755))
	})
	if err != nil {
		t.Fatal(err)
	}
	check(t, got, ". [dir]", "a [dir]", "a/b [dir]", "a/b/x [file]", "a/c [vanished]", "a/d [vanished]", "b [file]")
}

func TestRootErrors(t *testing.T) {
	dir := t.TempDir()
	root := openRoot(t, dir)
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if err := Walk(t.Context(), root, Options{}, func(*Entry) error { return nil }); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a source that is gone: %v", err)
	}
}

func TestStopping(t *testing.T) {
	dir := t.TempDir()
	for i := range 30 {
		for j := range 30 {
			write(t, dir, fmt.Sprintf("%d/%d/x", i, j))
		}
	}
	stop := errors.New("stop")
	for _, at := range []int{1, 2, 100, 900} {
		for _, ahead := range []int{1, 10, 0} {
			o := Options{Workers: 3, MaxAhead: ahead}
			n := 0
			err := Walk(t.Context(), openRoot(t, dir), o, func(*Entry) error {
				if n++; n == at {
					return stop
				}
				return nil
			})
			if !errors.Is(err, stop) || n != at {
				t.Errorf("error at %d: %v after %d", at, err, n)
			}
			ctx, cancel := context.WithCancel(t.Context())
			n = 0
			err = Walk(ctx, openRoot(t, dir), o, func(*Entry) error {
				if n++; n == at {
					cancel()
				}
				return nil
			})
			if !errors.Is(err, context.Canceled) || n != at {
				t.Errorf("cancelled at %d: %v after %d", at, err, n)
			}
			goleak.VerifyNone(t)
		}
	}
}

func TestCancelledBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Walk(ctx, openRoot(t, t.TempDir()), Options{}, func(*Entry) error { return errors.New("called") })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// makeDeep makes depth nested directories, each with a file before, behind
// and two directories beside the next one.
func makeDeep(t *testing.T, root string, depth int) {
	t.Helper()
	d, err := fsys.Open(root)
	for range depth {
		if err == nil {
			err = errors.Join(d.Mkdir("deep-directory-m", 0o755), d.Mkdir("z", 0o755), d.Mkdir("b", 0o755), d.Symlink("x", "y"))
		}
		if err != nil {
			t.Fatal(err)
		}
		next, openErr := d.OpenDir("deep-directory-m")
		d.Close()
		d, err = next, openErr
	}
	d.Close()
}

// TestVeryDeep walks a tree whose paths are far longer than PATH_MAX, and
// comes back up through directories whose descriptors were given up.
func TestVeryDeep(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("counts descriptors in /proc, and removes the tree with rm")
	}
	const depth = 2000
	dir := t.TempDir()
	makeDeep(t, dir, depth)
	t.Cleanup(func() { _ = exec.Command("rm", "-rf", dir).Run() })
	for _, workers := range []int{1, 4} {
		entries, longest, most := 0, 0, 0
		before := openDescriptors(t)
		err := Walk(t.Context(), openRoot(t, dir), Options{Workers: workers, Excludes: newMatcher(t, "/none")}, func(e *Entry) error {
			if e.Skip != "" {
				t.Errorf("depth %d: %s", strings.Count(e.Path, "/"), e.Skip)
			}
			if entries++; entries%100 == 0 {
				most = max(most, openDescriptors(t)-before)
			}
			longest = max(longest, len(e.Path))
			return nil
		})
		if err != nil || entries != 4*depth+1 || longest != 17*depth-1 {
			t.Errorf("%d entries, longest path %d: %v", entries, longest, err)
		}
		if most > maxOpen+2*workers+2 {
			t.Errorf("%d descriptors were open", most)
		}
		if after := openDescriptors(t); after > before+1 { // the root, until the test ends
			t.Errorf("%d descriptors before, %d after", before, after)
		}
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(names)
}

// TestBoundedAhead lets the consumer sleep on the first entry and looks how
// far the workers get.
func TestBoundedAhead(t *testing.T) {
	dir := t.TempDir()
	for i := range 300 {
		write(t, dir, fmt.Sprintf("%03d/a", i), fmt.Sprintf("%03d/b/c", i))
	}
	for _, c := range []struct{ workers, ahead int }{{1, 10}, {3, 10}, {2, 100}} {
		most := 0
		root := openRoot(t, dir)
		top, err := newTop(root)
		if err != nil {
			t.Fatal(err)
		}
		o := Options{MaxAhead: c.ahead, Workers: c.workers}
		dirs := newOpenDirs(top, maxOpen)
		s := newSchedule(top, c.ahead)
		stop := s.start(t.Context(), c.workers, (&reader{Options: &o, schedule: s, dirs: dirs, device: top.info.Dev}).read)
		n := 0
		err = (&consumer{schedule: s, yield: func(*Entry) error {
			if n++; n%50 == 1 {
				time.Sleep(5 * time.Millisecond)
			}
			s.mu.Lock()
			most = max(most, s.ahead)
			s.mu.Unlock()
			return nil
		}}).run(t.Context(), top)
		stop()
		open := dirs.open // what nobody needs any more is closed at once
		dirs.closeAll()
		if err != nil || n != 1201 || most > c.ahead*(1+c.workers) {
			t.Errorf("%+v: %d entries, %d ahead: %v", c, n, most, err)
		}
		if s.ahead != 1 || open != 1 || top.needs != 0 { // the last file is not told any more
			t.Errorf("%+v: at the end %d entries ahead, %d directories open, %d needs", c, s.ahead, open, top.needs)
		}
	}
}

// tree is a random tree: names to content, nil for a file.
type tree map[string]tree

func drawTree(t *rapid.T, depth int) tree {
	choice := []string{"a", "b", "ab", "a-b", "a.b", ".x", "a b", "tag", "c", "d", "e", "#", "!"}
	if runtime.GOOS == "linux" { // elsewhere some file systems refuse these
		choice = append(choice, "A", "é", "\xff", "a\nb")
	}
	names := rapid.SampledFrom(choice)
	n := tree{}
	for range rapid.IntRange(0, 7).Draw(t, "entries") {
		name := names.Draw(t, "name")
		if name != "tag" && depth > 0 && rapid.Bool().Draw(t, "dir") {
			n[name] = drawTree(t, depth-1)
		} else {
			n[name] = nil
		}
	}
	return n
}

func (n tree) build(t *testing.T, dir string) {
	for name, sub := range n {
		path := dir + "/" + name
		var err error
		if sub == nil {
			err = os.WriteFile(path, nil, 0o644)
		} else {
			err = os.Mkdir(path, 0o755)
			sub.build(t, path)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// expected is what a walk yields, told in the plainest way.
func (n tree) expected(m *Matcher, patterns []string, path string) []string {
	var lines []string
	for name, sub := range n {
		p := path + name
		_, hasTag := sub["tag"]
		i, excluded := m.Match(p, sub != nil)
		switch {
		case excluded:
			lines = append(lines, p+" [excluded: "+strings.ToValidUTF8(patterns[i], "\uFFFD")+"]")
		case sub == nil:
			lines = append(lines, p+" [file]")
		case hasTag:
			lines = append(lines, p+" [excluded: tag present]")
		default:
			lines = append(append(lines, p+" [dir]"), sub.expected(m, patterns, p+"/")...)
		}
	}
	return lines
}

func pathOf(line string) string { return line[:strings.Index(line, " [")] }

func TestWalkAgainstReference(t *testing.T) {
	top := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		n := drawTree(rt, 4)
		patterns := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b/", "/a/b", "*b", "**/a/*", "!a", "!ab", "[a-c]", "c/**", "\xff"}), 0, 4).Draw(rt, "patterns")
		m := newMatcher(t, patterns...)
		want := n.expected(m, patterns, "")
		slices.SortFunc(want, func(a, b string) int { return meta.ComparePaths(pathOf(a), pathOf(b)) })
		want = append([]string{". [dir]"}, want...)
		dir, err := os.MkdirTemp(top, "")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		n.build(t, dir)
		for workers := 1; workers <= 4; workers++ {
			o := Options{Excludes: m, ExcludeIfPresent: []string{"tag"}, Workers: workers, MaxAhead: rapid.SampledFrom([]int{0, 1, 2, 3, 5, 20}).Draw(rt, "ahead")}
			got := collectOpen(t, dir, o, rapid.SampledFrom([]int{1, 2, 3, maxOpen}).Draw(rt, "open"))
			if diff := cmp.Diff(want, got); diff != "" {
				rt.Fatalf("%d workers, %d ahead (-want +got):\n%s", workers, o.MaxAhead, diff)
			}
		}
	})
}

// TestLargeDirectory is read in several pieces, by several workers.
func TestLargeDirectory(t *testing.T) {
	dir := t.TempDir()
	want := []string{". [dir]"}
	for i := range 3*maxPiece + 7 {
		name := fmt.Sprintf("%05d", i)
		if i%100 == 0 {
			write(t, dir, name+"/x")
			want = append(want, name+" [dir]", name+"/x [file]")
		} else {
			write(t, dir, name)
			want = append(want, name+" [file]")
		}
	}
	for _, workers := range []int{1, 3} {
		check(t, collectOpen(t, dir, Options{Workers: workers}, 1), want...)
	}
}

func TestAppendPath(t *testing.T) {
	top := &node{}
	a := &node{parent: top, name: "a"}
	b := &node{parent: &node{parent: a, name: "bc"}, name: "d"}
	for n, want := range map[*node]string{top: "-", a: "-a", b: "-a/bc/d"} {
		if got := string(n.appendPath([]byte("-"))); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
