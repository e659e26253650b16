package scan

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func newMatcher(t testing.TB, texts ...string) *Matcher {
	t.Helper()
	patterns := make([]Pattern, len(texts))
	for i, text := range texts {
		patterns[i].Text = text
	}
	m, err := NewMatcher(patterns)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// oracle asks git what it makes of patterns and a tree on disk.
type oracle struct {
	gitDir, tree string
	paths        map[string]bool // path below tree: is a directory
}

// newOracle makes the tree of paths; those with a trailing slash are
// directories.
func newOracle(t testing.TB, paths []string) *oracle {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git as judge")
	}
	if runtime.GOOS != "linux" {
		t.Skip("needs a file system that holds any name")
	}
	o := &oracle{gitDir: filepath.Join(t.TempDir(), "git"), tree: t.TempDir(), paths: map[string]bool{}}
	for _, p := range paths {
		o.create(t, p)
	}
	if out, err := o.git("init", "-q").CombinedOutput(); err != nil {
		t.Fatalf("git init: %v\n%s", err, out)
	}
	return o
}

func (o *oracle) create(t testing.TB, p string) {
	t.Helper()
	name, isDir := strings.CutSuffix(p, "/")
	dir := name
	if !isDir {
		dir = filepath.Dir(name)
	}
	if err := os.MkdirAll(filepath.Join(o.tree, dir), 0o755); err != nil {
		t.Fatal(err)
	}
	for ; dir != "."; dir = filepath.Dir(dir) {
		o.paths[dir] = true
	}
	if isDir {
		return
	}
	if err := os.WriteFile(filepath.Join(o.tree, name), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	o.paths[name] = false
}

func (o *oracle) git(args ...string) *exec.Cmd {
	cmd := exec.Command("git", append([]string{"-c", "core.ignorecase=false", "-c", "core.excludesFile="}, args...)...)
	cmd.Dir = o.tree
	cmd.Env = append(os.Environ(), "GIT_DIR="+o.gitDir, "GIT_WORK_TREE="+o.tree,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL="+os.DevNull)
	return cmd
}

// decide returns git's deciding pattern for each path of the tree.
func (o *oracle) decide(t testing.TB, patterns []string) map[string]int {
	t.Helper()
	// The comment keeps a byte order mark in the first pattern.
	text := "# patterns\n" + strings.Join(patterns, "\n") + "\n"
	if err := os.WriteFile(filepath.Join(o.gitDir, "info", "exclude"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var in, out bytes.Buffer
	for p := range o.paths {
		in.WriteString("./" + p + "\x00") // a leading colon would be magic
	}
	cmd := o.git("check-ignore", "--no-index", "-v", "-n", "-z", "--stdin")
	cmd.Stdin, cmd.Stdout = &in, &out
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil && cmd.ProcessState.ExitCode() != 1 {
		t.Fatalf("git check-ignore: %v\n%s", err, stderr.Bytes())
	}
	fields := strings.Split(strings.TrimSuffix(out.String(), "\x00"), "\x00")
	decided := map[string]int{}
	for ; len(fields) >= 4; fields = fields[4:] {
		line, err := strconv.Atoi(fields[1])
		if err != nil {
			line = 1 // nothing matches
		}
		decided[strings.TrimPrefix(fields[3], "./")] = line - 2
	}
	if len(decided) != len(o.paths) {
		t.Fatalf("git answered for %d of %d paths", len(decided), len(o.paths))
	}
	return decided
}

// compare fails if the matcher and git disagree about any path.
func (o *oracle) compare(t testing.TB, patterns []string) {
	t.Helper()
	m := newMatcher(t, patterns...)
	for path, want := range o.decide(t, patterns) {
		got := m.Decide(path, o.paths[path])
		if got.Index != want {
			t.Errorf("%q (directory: %v) with %q: pattern %d decides, git says %d", path, o.paths[path], patterns, got.Index, want)
		}
	}
}

// awkward is a tree whose names are full of what patterns are made of.
func awkward() []string {
	names := []string{
		"a", "b", "ab", "aab", "abc", "A", "a b", "a ", " ", "#a", "!a", "[a", "a]", "[", "]", "*", "**", "?", "\\", "a\\",
		"-", "^", ":", "a-b", "é", "\xff", "a\xffb", "1", "a1", ".a", "..a", "a.b", "a.b.c", "\t", "a\tb",
	}
	var paths []string
	for _, n := range names {
		paths = append(paths, n, "d/"+n, "a.d/"+n+"/", "x/y/"+n, "d.d/"+n+"/a/b")
	}
	return append(paths, "ax/b", "ax/y/b", "aa/b/c/d/e", "b.d/a/a/a/b", "b.d/ab/ab", "b.d/a/x/b/x/c", "x/a/b/a/c")
}

func TestMatcherAgainstGit(t *testing.T) {
	o := newOracle(t, awkward())
	lists := [][]string{
		{"a"}, {"a/"}, {"/a"}, {"d/a"}, {"/d/a"}, {"d/a/"}, {"y/a"}, {"x/*/a"}, {"x/y/*"},
		{"**/a"}, {"**/y/a"}, {"d/**"}, {"/d/**"}, {"x/**/a"}, {"**/a/**"}, {"**"}, {"**/"}, {"/**"}, {"/**/"}, {"***"}, {"a**"},
		{"a**/b"}, {"a**b"}, {"?**/b"}, {"x/**b"}, {"x/a**/c"}, {"**/**/a"}, {"**/*/a"}, {"*/**/a"}, {"x/***/a"}, {"**a/b"},
		{"d**"}, {"d**/"}, {"*d/**"}, {"**\\/a"}, {"\\**"}, {"\\***/b"}, {"a\\/b"}, {"x\\/**"}, {"x\\/**/a"},
		{"*"}, {"*/"}, {"/*"}, {"*.d"}, {"*.d/"}, {"*.b"}, {"a*"}, {"*b*"}, {"*a*b"}, {"a?b"}, {"?"}, {"/?"}, {"d?a"}, {"d[/]a"}, {"d[!x]a"},
		{"*", "!a"}, {"*", "!d/", "!d/a"}, {"/*", "!/d/"}, {"d/", "!d/a"}, {"d/*", "!d/a"}, {"a", "!a", "a"}, {"!a"}, {"!a", "*"},
		{"#a"}, {"\\#a"}, {" #a"}, {"!a"}, {"\\!a"}, {"!!a"}, {"!\\!a", "*"}, {""}, {" "}, {"   "}, {"\\ "}, {"a\\ "}, {"a "}, {"a  "}, {"a\\  "}, {" \\"},
		{"a \\"}, {"a b"}, {"a\\ b"}, {"a\t"}, {"\t"}, {"!"}, {"!/"}, {"/"}, {"//"}, {"//a"}, {"a//"}, {"a//b"}, {"./a"}, {"."}, {"/."}, {"d/."}, {".."}, {"d/../a"},
		{"\\"}, {"a\\"}, {"\\\\"}, {"a\\\\"}, {"*\\"}, {"[\\"}, {"\\a"}, {"\\*"}, {"\\?"}, {"\\["}, {"\\]"}, {"a\\/"}, {"\\/a"},
		{"["}, {"[a"}, {"[]"}, {"[]a"}, {"[]]"}, {"[!]]"}, {"[^]]"}, {"[]-]"}, {"[a]"}, {"[!a]"}, {"[^a]"}, {"[a-c]"}, {"[c-a]"}, {"[a-]"}, {"[-a]"}, {"[a-c-e]"},
		{"[!a-c]"}, {"[!0-9]"}, {"[^a-z]"}, {"a[0-9]"}, {"[\\]]"}, {"[\\a-c]"}, {"[a-\\c]"}, {"[a\\-c]"}, {"[[]"}, {"[[a]"}, {"[--1]"}, {"[!-a]"}, {"[!!]"}, {"[^^]"},
		{"[[:alpha:]]"}, {"[![:alpha:]]"}, {"[[:alpha:][:digit:]]"}, {"[[:alpha:]-z]"}, {"[a-[:digit:]]"}, {"[[:foo:]]"}, {"[[:foo:]a]"}, {"[[:alpha]"},
		{"[[:]"}, {"[[::]]"}, {"[[:alpha:"}, {"[[:alpha:]"}, {"[:alpha:]"}, {"[[:alpha:x]]"}, {"[[:a]:]"}, {"[[:ALPHA:]]"}, {"a[[:space:]]b"},
		{"\xff"}, {"a\xffb"}, {"a?b"}, {"[\x80-\xff]"}, {"[!\xff]"}, {"é"}, {"??"}, {"\xef\xbb\xbfa"},
		{"d/a", "d/*", "!d/a"}, {"/d", "!/d/a", "*/b"}, {"*.*", "!*.b", "a.b*"}, {"a/", "!a"}, {"a", "!a/"},
	}
	for _, patterns := range lists {
		o.compare(t, patterns)
	}
}

// TestClassesAgainstGit asks about every byte that a name can hold.
func TestClassesAgainstGit(t *testing.T) {
	var paths []string
	for c := 1; c < 256; c++ {
		if c != '/' {
			paths = append(paths, "x"+string([]byte{byte(c)}))
		}
	}
	o := newOracle(t, paths)
	for _, class := range strings.Fields("alnum alpha blank cntrl digit graph lower print punct space upper xdigit") {
		o.compare(t, []string{"x[[:" + class + ":]]"})
		o.compare(t, []string{"x[![:" + class + ":]]"})
	}
	o.compare(t, []string{"x?"})
	o.compare(t, []string{"x[ -~]"})
	o.compare(t, []string{"x[\x01-\xff]"})
}

var pieces = []string{
	"a", "b", "ab", "d", "x", "y", "x/y", "d/", "/", "/", "*", "*", "**", "**/", "/**", "/**/", "***", "?", "[", "]", "[a]", "[!a]", "[^b]", "[a-b]",
	"[]a]", "[[:alpha:]]", "[[:digit:]]", "[a/b]", "[!/]", "\\", "\\*", "\\/", "!", "#", " ", "\\ ", "-", "^", ":", ".", ".d", "1", "\xff", "é", "\t",
}

func drawPattern(t *rapid.T) string {
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 7).Draw(t, "pieces"), "")
}

func TestRandomPatternsAgainstGit(t *testing.T) {
	o := newOracle(t, awkward())
	rapid.Check(t, func(rt *rapid.T) {
		patterns := rapid.SliceOfN(rapid.Custom(drawPattern), 1, 8).Draw(rt, "patterns")
		o.compareRapid(t, rt, patterns)
	})
}

// TestRandomTreesAgainstGit varies the tree, too.
func TestRandomTreesAgainstGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("needs git as judge")
	}
	name := rapid.StringMatching(`[ab]{1,3}|[a*?!# -]{1,2}x|[a-c][\x{80}-\x{90}]`)
	rapid.Check(t, func(rt *rapid.T) {
		o := newOracle(t, nil)
		for range rapid.IntRange(1, 15).Draw(rt, "paths") {
			o.createNew(t, strings.Join(rapid.SliceOfN(name, 1, 5).Draw(rt, "path"), "/"))
		}
		patterns := rapid.SliceOfN(rapid.Custom(drawPattern), 1, 8).Draw(rt, "patterns")
		o.compareRapid(t, rt, patterns)
	})
}

// createNew creates p as a file unless something is in the way.
func (o *oracle) createNew(t testing.TB, p string) {
	if _, taken := o.paths[p]; taken {
		return
	}
	for dir := filepath.Dir(p); dir != "."; dir = filepath.Dir(dir) {
		if isDir, taken := o.paths[dir]; taken && !isDir {
			return
		}
	}
	o.create(t, p)
}

func (o *oracle) compareRapid(t *testing.T, rt *rapid.T, patterns []string) {
	m := newMatcher(t, patterns...)
	decided := o.decide(t, patterns)
	paths := make([]string, 0, len(decided))
	for path := range decided {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	for _, path := range paths {
		if got := m.Decide(path, o.paths[path]); got.Index != decided[path] {
			rt.Fatalf("%q (directory: %v) with %q: pattern %d decides, git says %d", path, o.paths[path], patterns, got.Index, decided[path])
		}
	}
}

func FuzzMatcherAgainstGit(f *testing.F) {
	for _, seed := range []string{"*.d/\n!a", "**/a*b", "[[:alpha:]-z]", "a\\ ", "x/**/[!b]"} {
		f.Add(seed)
	}
	o := newOracle(f, awkward())
	f.Fuzz(func(t *testing.T, text string) {
		// A file of patterns ends at a NUL byte and knows CR LF; a list of
		// items does not.
		if len(text) > 1000 || strings.ContainsAny(text, "\x00\r") {
			t.Skip()
		}
		o.compare(t, strings.Split(text, "\n"))
	})
}

func FuzzMatcher(f *testing.F) {
	f.Add("a**/[!b]*?", "a/b/c")
	f.Add("**/*a*a*a*b", "x/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		m, err := NewMatcher([]Pattern{{pattern}, {"!" + pattern}, {"/" + pattern}})
		if (err != nil) != strings.Contains(pattern, "\x00") {
			t.Fatalf("NewMatcher(%q): %v", pattern, err)
		}
		if err != nil {
			return
		}
		if i, _ := m.Match(path, false); i >= 0 {
			if j, _ := m.Match(path, true); j < i {
				t.Errorf("%q: matches as a file, not as a directory", pattern)
			}
		}
	})
}

func TestMatchLooksAtOnePathOnly(t *testing.T) {
	m := newMatcher(t, "d/", "!/d/a")
	if i, excluded := m.Match("d/a", false); i != 1 || excluded {
		t.Errorf("Match: %d %v", i, excluded)
	}
	if got, want := m.Decide("d/a", false), (Decision{0, true, "d"}); got != want {
		t.Errorf("Decide: %+v, want %+v", got, want)
	}
	if got, want := m.Decide("e/a", false), (Decision{-1, false, "e/a"}); got != want {
		t.Errorf("Decide: %+v, want %+v", got, want)
	}
	for _, all := range []string{"*", ".", "/", "**", "?"} {
		if i, excluded := newMatcher(t, all).Match(".", true); i != -1 || excluded {
			t.Errorf("%q excludes the source itself", all)
		}
	}
}

// TestLineEndsAreBytes holds where an item differs from a line of a file.
func TestLineEndsAreBytes(t *testing.T) {
	m := newMatcher(t, "Icon\r", "a\nb", "\nx")
	for path, want := range map[string]int{"Icon\r": 0, "Icon": -1, "a\nb": 1, "b": -1, "x": -1, "\nx": 2} {
		if got, _ := m.Match(path, false); got != want {
			t.Errorf("%q: %d, want %d", path, got, want)
		}
	}
}

func TestPathologicalPatterns(t *testing.T) {
	m := newMatcher(t, strings.Repeat("**/*a*", 20)+"b", strings.Repeat("*a", 50)+"*b", strings.Repeat("**/", 50)+"z")
	path := strings.Repeat(strings.Repeat("a", 100)+"/", 100) + "c"
	start := time.Now()
	if i, _ := m.Match(path, false); i != -1 {
		t.Errorf("pattern %d matches", i)
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("took %v", d)
	}
}

func BenchmarkMatch(b *testing.B) {
	m := newMatcher(b, "__pycache__/", ".cache/", ".temp/", ".tmp/", ".tox/", ".nox/", "*.iso", "/Downloads/**/*.part", "!keep.iso", "[ab]*.tmp")
	paths := make([]string, 1000)
	for i := range paths {
		paths[i] = fmt.Sprintf("Downloads/some/dir%d/sub/file-%d.txt", i%10, i)
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, p := range paths {
			m.Match(p, false)
		}
	}
}
