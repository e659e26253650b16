package main

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// slowBackup is a directory whose backup takes a while, and no room: the hole
// that is its largest file has to be hashed.
func slowBackup(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	put(t, dir, map[string]string{"src/a": "small", "src/large.iso": "", "dst/.keep": ""})
	if err := os.Truncate(filepath.Join(dir, "src/large.iso"), 64<<30); err != nil {
		t.Skipf("no sparse files here: %v", err)
	}
	return dir
}

// startOnTerminal starts the program on a terminal of its own.
func startOnTerminal(t *testing.T, dir string, env []string, args ...string) (c *exec.Cmd, screen *seen, tty *os.File) {
	t.Helper()
	person, tty := openTerminal(t, 100, 24)
	screen = &seen{}
	go func() { _, _ = io.Copy(screen, person) }()
	c = exec.Command(program(t), args...)
	c.Dir, c.Stdin, c.Stdout, c.Stderr = dir, tty, tty, tty
	c.Env = append(append(os.Environ(), "TERM=xterm-256color", "NO_COLOR="), env...)
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill() })
	return c, screen, tty
}

// TestBarsOnATerminal: a resize is followed, an interrupt leaves the terminal
// as it was, and a second one does, too.
func TestBarsOnATerminal(t *testing.T) {
	dir := slowBackup(t)
	c, screen, tty := startOnTerminal(t, dir, nil, "backup", "src", "dst", "--workers", "1")
	screen.waitFor(t, "\x1b[22;2t\x1b]2;phlb ")
	screen.waitFor(t, "large.iso ")
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: 30, Row: 24}); err != nil {
		t.Fatal(err)
	}
	before := len(screen.String())
	time.Sleep(2 * barTime)
	drawn := screen.String()[before:]
	blocks := strings.Split(drawn, "\x1b[?7l")
	lines := regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]|\x1b\].*?\a`)
	for _, block := range blocks[min(2, len(blocks)):] { // the first may have been on its way
		for line := range strings.Lines(block) {
			if text := strings.Trim(lines.ReplaceAllString(line, ""), "\r\n"); len(text) > 29 {
				t.Errorf("%d cells on a terminal of 30: %q", len(text), text)
			}
		}
	}
	for range 2 {
		if err := c.Process.Signal(os.Interrupt); err != nil {
			break // it was quicker
		}
		time.Sleep(10 * time.Millisecond)
	}
	_ = c.Wait() // the exit code tells
	if code := c.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d: %q", code, screen.String())
	}
	screen.waitFor(t, "\x1b[23;2t")
	left := screen.String()
	if strings.LastIndex(left, "\x1b[?7h") < strings.LastIndex(left, "\x1b[?7l") || strings.LastIndex(left, "\x1b[J") < strings.LastIndex(left, "apply ") {
		t.Errorf("bars, or their mode, are left: %q", left[max(0, len(left)-300):])
	}
}

// TestPlainOnADumbTerminal: no control sequences, and no title.
func TestPlainOnADumbTerminal(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{"src/a": "small", "dst/.keep": ""})
	c, screen, _ := startOnTerminal(t, dir, []string{"TERM=dumb"}, "backup", "src", "dst", "--progress", "bar")
	if err := c.Wait(); err != nil {
		t.Fatalf("%v: %s", err, screen.String())
	}
	screen.waitFor(t, "complete")
	if strings.Contains(screen.String(), "\x1b") {
		t.Errorf("control sequences: %q", screen.String())
	}
}

// TestResizeInTmux: a terminal that wraps lines anew when it is resized shows
// one block of bars nevertheless, and nothing of it in the end.
func TestResizeInTmux(t *testing.T) {
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Skip("needs tmux")
	}
	dir := slowBackup(t)
	tmux := func(args ...string) string {
		t.Helper()
		c := exec.Command("tmux", append([]string{"-S", filepath.Join(dir, "tmux"), "-f", "/dev/null"}, args...)...)
		c.Env = append(os.Environ(), "TERM=xterm-256color", "TMUX=", "LC_ALL=C.UTF-8")
		out, err := c.CombinedOutput()
		if err != nil {
			t.Skipf("tmux %s: %v: %s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	shown := func(what string, is func(text string) bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			text := tmux("capture-pane", "-p", "-t", "x")
			if is(text) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s:\n%s", what, text)
			}
		}
	}
	tmux("new-session", "-d", "-s", "x", "-x", "100", "-y", "24", "-c", dir,
		"sh -c 'trap : INT; seq 90; \"$0\" backup src dst --workers 1 >/dev/null; echo after $?; sleep 60' "+program(t))
	defer exec.Command("tmux", "-S", filepath.Join(dir, "tmux"), "kill-server").Run()
	one := func(text string) bool {
		return strings.Count(text, "apply") == 1 && strings.Count(text, "large.iso ") == 1 && strings.Contains(text, "\n90\napply")
	}
	shown("no bar", one)
	for _, columns := range []string{"40", "160", "60"} {
		tmux("resize-window", "-t", "x", "-x", columns, "-y", "24")
		time.Sleep(2 * barTime) // until it is drawn anew
		shown("not one bar with "+columns+" columns", one)
	}
	tmux("send-keys", "-t", "x", "C-c")
	shown("something is left behind", func(text string) bool {
		return strings.Contains(text, "after 130") && !strings.Contains(text, "apply") && strings.Contains(text, "\n90\n")
	})
}

// barTime is more than the time between two drawings.
const barTime = 200 * time.Millisecond
