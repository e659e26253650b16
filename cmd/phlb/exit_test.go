package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"phlb/execute"
	"phlb/internal/snapshot"
	"phlb/manifest"
	"phlb/plan"
)

func TestExitCode(t *testing.T) {
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	failure := errors.New("failure")
	tests := []struct {
		name string
		ctx  context.Context //nolint:containedctx // what is tested
		err  error
		want int
	}{
		{"done", nil, nil, 0},
		{"done although stopped", stopped, nil, 0},
		{"failed", nil, failure, 1},
		{"missing file", nil, &fs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}, 1},
		{"declined", nil, errDeclined, 1},
		{"differences", nil, resultError(codeDifferent), 2},
		{"incomplete", nil, resultError(codeIncomplete), 3},
		{"incomplete although stopped", stopped, resultError(codeIncomplete), 3},
		{"guard", nil, fmt.Errorf("%w: source", execute.ErrGuard), 4},
		{"refused", nil, fmt.Errorf("apply: %w", execute.ErrRefused), 5},
		{"drift", nil, fmt.Errorf("%w: a", execute.ErrDrift), 5},
		{"not a plan", nil, fmt.Errorf("read plan: %w", plan.ErrFormat), 5},
		{"edited", nil, fmt.Errorf("read plan: %w", plan.ErrDigest), 5},
		{"damaged", nil, fmt.Errorf("read plan: %w", &plan.LineError{Line: 3, Err: failure}), 5},
		{"damage", nil, resultError(codeDamage), 6},
		{"locked", nil, fmt.Errorf("apply: %w", &snapshot.LockedError{Root: "/mnt"}), 11},
		{"usage", nil, usagef("--workers: %w", failure), 64},
		{"wrapped usage", nil, fmt.Errorf("write plan: %w", usagef("a directory")), 64},
		{"manifest", nil, manifest.Problems{{Message: "no"}}, 64},
		{"overlap", nil, fmt.Errorf("plan home: %w", plan.ErrOverlap), 64},
		{"interrupted", stopped, context.Canceled, 130},
		{"interrupted, told otherwise", stopped, failure, 130},
		{"interrupted while refused", stopped, execute.ErrRefused, 130},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ctx := tt.ctx
			if ctx == nil {
				ctx = context.Background()
			}
			var out, errs strings.Builder
			a := &app{streams: streams{out: &out, err: &errs}}
			if got := a.exit(ctx, tt.err); got != tt.want {
				t.Errorf("exit code %d, want %d", got, tt.want)
			}
			var result resultError
			silent := tt.err == nil || errors.As(tt.err, &result)
			if out.Len() > 0 || (errs.Len() == 0) != silent {
				t.Errorf("printed %q and %q", out.String(), errs.String())
			}
		})
	}
}

func TestMessageTellsWhatToDo(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{&fs.PathError{Op: "write", Path: "/mnt/x", Err: syscall.ENOSPC}, "make room"},
		{&fs.PathError{Op: "write", Path: "/mnt/x", Err: syscall.EROFS}, "read-only"},
		{&fs.PathError{Op: "open", Path: "/mnt/x", Err: syscall.EACCES}, "run as a user who may"},
		{&fs.PathError{Op: "read", Path: "/mnt/x", Err: syscall.EIO}, "cable"},
		{&fs.PathError{Op: "open", Path: "/mnt/x", Err: syscall.EMFILE}, "--workers"},
		{fmt.Errorf("read: %w", plan.ErrDigest), "plan again"},
		{fmt.Errorf("read: %w", plan.ErrFormat), ".yaml"},
		{fmt.Errorf("%w", execute.ErrDrift), "--strict"},
	}
	for _, tt := range tests {
		if tt.err == nil {
			continue
		}
		got := message(fmt.Errorf("copy a: %w", tt.err))
		if !strings.HasPrefix(got, "copy a: ") || !strings.Contains(got, tt.want) {
			t.Errorf("%v: message %q does not tell %q", tt.err, got, tt.want)
		}
	}
	full := unfinishedRestore{syscall.ENOSPC}
	if got := message(full); !strings.Contains(got, "run the same command again with --overwrite") {
		t.Errorf("an unfinished restore: got %q", got)
	}
	if got := message(errors.New("x")); got != "x" {
		t.Errorf("got %q", got)
	}
}

func TestPrintable(t *testing.T) {
	got := printable("a\x1b[2J\tb\nc ä \u202e\xff")
	want := `a\x1b[2J\tb` + "\nc ä " + `\u202e\ufffd`
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestColorsNeedTerminal(t *testing.T) {
	f, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	a := &app{streams: streams{out: f, err: f}}
	if a.colors(f) != 0 || width(f) != 0 || isTerminal(f) {
		t.Error("a file is taken for a terminal")
	}
}
