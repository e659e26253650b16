package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// openTerminal opens a pseudo-terminal of a size: the end that a person sits
// at, and the program's.
func openTerminal(t *testing.T, columns, rows uint16) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { person.Close() })
	fd := int(person.Fd())
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		err = unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: rows})
	}
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

// seen is what a program has written to its terminal.
type seen struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *seen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *seen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// waitFor waits until text stands on the screen.
func (s *seen) waitFor(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(s.String(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%q does not appear in %q", text, s.String())
		}
	}
}

const (
	otherScreen = "\x1b[?1049h"
	ownScreen   = "\x1b[?1049l"
	showCursor  = "\x1b[?25h"
)

// TestReviewOnATerminal: keys, a signal, and what is left of the terminal.
func TestReviewOnATerminal(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, map[string]string{
		"m.yaml": "version: 1\ndestination: dst\nsources: [{path: src}]\n", "src/hello": strings.Repeat("x", 2000), "dst/.keep": "",
	})
	plan := exec.Command(program(t), "plan", "m.yaml")
	plan.Dir = dir
	if out, err := plan.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, tt := range []struct {
		name string
		do   func(person *os.File, p *os.Process)
		code int
		then string
	}{
		{"quit", func(person *os.File, _ *os.Process) { fmt.Fprint(person, "q") }, 0, "nothing was done"},
		{"Ctrl-C", func(person *os.File, _ *os.Process) { fmt.Fprint(person, "\x03") }, 130, ""},
		{"SIGINT", func(_ *os.File, p *os.Process) { _ = p.Signal(os.Interrupt) }, 130, ""},
		{"apply", func(person *os.File, _ *os.Process) { fmt.Fprint(person, "ayes\r") }, 0, "Backup complete"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			reviewOnce(t, dir, tt.do, tt.code, tt.then)
		})
	}
}

func reviewOnce(t *testing.T, dir string, do func(*os.File, *os.Process), code int, then string) {
	t.Helper()
	person, tty := openTerminal(t, 90, 24)
	before, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	var screen seen
	go func() { _, _ = io.Copy(&screen, person) }()
	c := exec.Command(program(t), "review", "--progress", "none", "plan.json")
	c.Dir, c.Stdin, c.Stdout, c.Stderr = dir, tty, tty, tty
	c.Env = append(os.Environ(), "TERM=xterm-256color", "NO_COLOR=")
	c.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	screen.waitFor(t, otherScreen)
	screen.waitFor(t, "hello")
	do(person, c.Process)
	_ = c.Wait() // the exit code tells
	if got := c.ProcessState.ExitCode(); got != code {
		t.Errorf("exit code %d, want %d: %q", got, code, screen.String())
	}
	screen.waitFor(t, then)
	screen.waitFor(t, ownScreen)
	screen.waitFor(t, showCursor)
	after, err := unix.IoctlGetTermios(int(tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	if after.Lflag != before.Lflag || after.Iflag != before.Iflag || after.Oflag != before.Oflag {
		t.Errorf("the terminal's mode is %v, it was %v", after, before)
	}
}
