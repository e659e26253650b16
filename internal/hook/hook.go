// Package hook runs the commands that a manifest wants to be run around a
// backup, tells them by their environment what it is about, and puts what
// they say into a log.
//
// It must never run anything that did not come from a manifest: plans carry
// no commands. It decides nothing about the backup: who calls it does, by the
// error. No command outlives its time, an interrupt, or is given a terminal
// to ask on.
package hook

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"strings"
	"time"

	"phlb/internal/fsys"
)

// When says at which point of a run a hook runs.
type When string

// The points, as the manifest calls them.
const (
	Before  When = "before"
	After   When = "after"
	OnError When = "on_error"
)

// Options say how commands are run.
type Options struct {
	Dir     string        // working directory
	Environ []string      // what they inherit, as from os.Environ
	Timeout time.Duration // for each command; 0: none
	Log     *slog.Logger  // takes what they print, line by line
	// Grace is how long a command that has to end may take to do so before it
	// is killed; 0: a second.
	Grace time.Duration
}

// ErrTimeout is the cause when a command took longer than it may.
var ErrTimeout = errors.New("it took longer than its timeout")

// Error is a command that failed.
type Error struct {
	When    When
	Name    string // of the source
	Command string
	Err     error    // *exec.ExitError, ErrTimeout, the context's or of starting it
	Tail    []string // the last lines that it printed
}

func (e *Error) Error() string {
	text := fmt.Sprintf("hook %s of %s: %s: %v", e.When, e.Name, e.Command, e.Err)
	if len(e.Tail) > 0 {
		text += "\n  " + strings.Join(e.Tail, "\n  ")
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// Run runs commands one after the other, until one fails. The error is an
// *Error.
func Run(ctx context.Context, commands []string, f *Facts, o Options) error {
	if o.Grace <= 0 {
		o.Grace = time.Second
	}
	o.Environ = append(o.Environ[:len(o.Environ):len(o.Environ)], f.Environment()...)
	for _, line := range commands {
		log := o.Log.With("hook", string(f.When), "source", f.Name)
		log.Info("run hook", "command", line)
		out := &lines{log: log}
		err := run(ctx, line, out, o)
		out.finish()
		if err != nil {
			log.Error("hook failed", "command", line, "error", err)
			return &Error{When: f.When, Name: f.Name, Command: line, Err: err, Tail: out.tail}
		}
	}
	return nil
}

// pipeWait is how long what a command has left running may hold its output.
const pipeWait = 5 * time.Second

// run runs one command.
func run(ctx context.Context, line string, out *lines, o Options) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	cmd := fsys.Shell(line)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = o.Dir, o.Environ, out, out, pipeWait
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	var late <-chan time.Time
	if o.Timeout > 0 {
		timer := time.NewTimer(o.Timeout)
		defer timer.Stop()
		late = timer.C
	}
	select {
	case err := <-done:
		if errors.Is(err, exec.ErrWaitDelay) {
			err = nil // it succeeded, and left something running
		}
		return err
	case <-ctx.Done():
		stop(cmd, done, o.Grace)
		return ctx.Err()
	case <-late:
		stop(cmd, done, o.Grace)
		return fmt.Errorf("%w of %v", ErrTimeout, o.Timeout)
	}
}

// stop ends a command and all that it started: asks, then kills.
func stop(cmd *exec.Cmd, done <-chan error, grace time.Duration) {
	// What cannot be signalled has ended.
	_ = fsys.TerminateGroup(cmd)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-done:
		// The shell has ended, not necessarily what it started.
		_ = fsys.KillGroup(cmd)
	case <-timer.C:
		_ = fsys.KillGroup(cmd)
		<-done
	}
}
