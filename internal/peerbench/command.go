package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// command is one process to be.
type command struct {
	argv []string
	dir  string
	env  []string // in addition to the harness' own
}

func cmd(argv ...string) command { return command{argv: argv} }

// shell is a script for what needs more than one process at a time; its
// arguments are passed beside it, so that no path needs quoting.
func shell(script string, args ...string) command {
	return command{argv: append([]string{"sh", "-c", script, "sh"}, args...)}
}

func (c command) in(dir string) command         { c.dir = dir; return c }
func (c command) with(env ...string) command    { c.env = append(c.env, env...); return c }
func (c command) String() string                { return strings.Join(c.argv, " ") }
func (c command) run(ctx context.Context) error { return c.start(ctx, c.argv, nil) }

// output runs the command and returns what it printed.
func (c command) output(ctx context.Context) (string, error) {
	var out bytes.Buffer
	err := c.start(ctx, c.argv, &out)
	return out.String(), err
}

// start runs argv in the command's place and waits for its end.
func (c command) start(ctx context.Context, argv []string, stdout io.Writer) error {
	var stderr tail
	p := exec.CommandContext(ctx, argv[0], argv[1:]...)
	p.Dir, p.Env = c.dir, append(os.Environ(), c.env...)
	p.Stdout, p.Stderr = stdout, &stderr
	p.WaitDelay = 5 * time.Second
	inGroup(p)
	err := p.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%s: %w\n%s", c, err, stderr.kept)
}

// tail keeps the end of what is written to it.
type tail struct{ kept []byte }

const tailLength = 2000

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - tailLength; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}
