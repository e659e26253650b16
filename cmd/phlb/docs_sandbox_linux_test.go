package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sandbox is a shell with a home, programs that only record how they are
// called, and the snapshots that were named so far.
type sandbox struct {
	dir   string
	in    io.WriteCloser
	codes *bufio.Reader
	cmd   *exec.Cmd
	steps int
	times map[string]string // as the page writes it → as it is
}

// places are what pages call directories that lie in the sandbox.
var places = regexp.MustCompile(`(^|[^\w./-])(/(?:home/me|mnt|srv|etc|var|media|opt|tmp|root|usr/local)\b)`)

func newSandbox(t *testing.T) *sandbox {
	t.Helper()
	s := &sandbox{dir: t.TempDir(), times: map[string]string{}}
	for _, dir := range []string{
		"home/me", "mnt/backup", "srv", "etc/systemd/system", "var/lib", "media", "opt", "tmp", "root", "usr/local/bin", "step", "stubs",
	} {
		if err := os.MkdirAll(filepath.Join(s.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for path, text := range exampleFiles {
		s.write(t, path, text)
	}
	for name := range stubs {
		s.writeStub(t, name)
	}
	s.start(t)
	return s
}

// writeStub makes a program that records how it was called.
func (s *sandbox) writeStub(t *testing.T, name string) {
	t.Helper()
	text := "#!/bin/sh\necho \"" + name + " $*\" >>" + filepath.Join(s.dir, "step/calls") + "\n"
	if err := os.WriteFile(filepath.Join(s.dir, "stubs", name), []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
}

func (s *sandbox) start(t *testing.T) {
	t.Helper()
	repo, err := filepath.Abs(repository)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	s.cmd = exec.CommandContext(ctx, "/bin/sh")
	s.cmd.Dir = filepath.Join(s.dir, "home/me")
	s.cmd.Env = []string{
		"PATH=" + filepath.Join(s.dir, "usr/local/bin") + ":" + filepath.Join(s.dir, "stubs") + ":" + os.Getenv("PATH"),
		"HOME=" + s.cmd.Dir, "TMPDIR=" + filepath.Join(s.dir, "tmp"), "USER=me", "LC_ALL=C.UTF-8", "NO_COLOR=1", "TZ=Europe/Berlin",
		"REPOSITORY=" + repo,
	}
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { read.Close() })
	s.cmd.ExtraFiles = []*os.File{write}
	if s.in, err = s.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	write.Close()
	s.codes = bufio.NewReader(read)
}

// step has the shell do something and looks at what came of it.
func (s *sandbox) step(t *testing.T, p page, line int, st step) {
	t.Helper()
	s.steps++
	script, out := filepath.Join(s.dir, "step/script"), filepath.Join(s.dir, "step/output")
	if err := os.WriteFile(script, []byte(st.commands+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	options := "set -e"
	if st.code != 0 {
		options = "set +e"
	}
	fmt.Fprintf(s.in, "%s; { . %s; } >%s 2>&1 </dev/null 3>&-; echo $? >&3\n", options, script, out)
	answer, err := s.codes.ReadString('\n')
	text, _ := os.ReadFile(out) // a shell that ended said why in it
	if code := strings.TrimSpace(answer); err != nil || code != strconv.Itoa(st.code) {
		t.Fatalf("%s:%d: exit code %q, want %d (%v)\n%s\n%s", p.path, line, code, st.code, err, st.commands, text)
	}
	got := strings.ReplaceAll(string(text), s.dir, "")
	want := s.timesIn(strings.Join(st.want, "\n"))
	for _, name := range snapshotTime.FindAllString(want, -1) {
		if s.pageTimes(name) == name { // a plan names a snapshot that is not there yet
			want = strings.ReplaceAll(want, name, "…")
		}
	}
	if missing := lacking(strings.Split(want, "\n"), got); missing != "" {
		t.Errorf("%s:%d: %s\nlacks: %s\noutput:\n%s", p.path, line, st.commands, missing, s.pageTimes(got))
	}
}

// end looks at the programs that were only recorded.
func (s *sandbox) end(t *testing.T) {
	t.Helper()
	s.in.Close()
	if err := s.cmd.Wait(); err != nil {
		t.Error(err)
	}
	calls, err := os.ReadFile(filepath.Join(s.dir, "step/calls"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for call := range strings.Lines(strings.ReplaceAll(string(calls), s.dir, "")) {
		name, args, _ := strings.Cut(strings.TrimSpace(call), " ")
		if !slices.ContainsFunc(stubs[name], func(form string) bool { return regexp.MustCompile("^(?:" + form + ")$").MatchString(args) }) {
			t.Errorf("unknown form of %s: %s", name, args)
		}
	}
}

// write writes a file that a page shows.
func (s *sandbox) write(t *testing.T, path, text string) {
	t.Helper()
	if local := s.localText(path, true); local != path {
		path = local
	} else {
		path = filepath.Join(s.dir, "home/me", path)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// localText makes paths lead into the sandbox and times those of snapshots.
func (s *sandbox) localText(text string, literal bool) string {
	text = places.ReplaceAllString(text, "${1}"+s.dir+"${2}")
	if literal {
		return text
	}
	return s.timesIn(text)
}

var snapshotTime = regexp.MustCompile(`\b\d{4}-\d{2}-\d{2}-\d{6}\b`)

// timesIn puts the times of real snapshots in the place of a page's.
func (s *sandbox) timesIn(text string) string {
	var unknown []string
	for _, name := range snapshotTime.FindAllString(text, -1) {
		if s.times[name] == "" && !slices.Contains(unknown, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		slices.Sort(unknown)
		if fresh := s.unnamed(); len(fresh) >= len(unknown) {
			for i, name := range unknown {
				s.times[name] = fresh[len(fresh)-len(unknown)+i]
			}
		}
	}
	return snapshotTime.ReplaceAllStringFunc(text, func(name string) string {
		if is := s.times[name]; is != "" {
			return is
		}
		return name
	})
}

// pageTimes is the reverse of timesIn.
func (s *sandbox) pageTimes(text string) string {
	for name, is := range s.times {
		text = strings.ReplaceAll(text, is, name)
	}
	return text
}

// unnamed returns the times of snapshots that the page has not named, in order.
func (s *sandbox) unnamed() []string {
	var named, found []string
	for _, is := range s.times {
		named = append(named, is)
	}
	_ = filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return nil //nolint:nilerr // what cannot be read holds no snapshot for the page
		}
		if name := e.Name(); snapshotTime.FindString(name) == name {
			if !slices.Contains(named, name) && !slices.Contains(found, name) {
				found = append(found, name)
			}
			return fs.SkipDir
		}
		if e.Name() == ".phlb" {
			return fs.SkipDir
		}
		return nil
	})
	slices.Sort(found)
	return found
}
