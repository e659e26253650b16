package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"phlb/execute"
	"phlb/internal/hook"
	"phlb/internal/report"
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
	found := errors.New("found")
	staged := "/mnt/.phlb/staging/home/tree/x"
	tests := []struct {
		err  error
		code report.Code
		path string
		want string
	}{
		{&fs.PathError{Op: "write", Path: "/mnt/x", Err: syscall.ENOSPC}, report.CodeFull, "/mnt/x", "make room, then run the same command again$"},
		{&fs.PathError{Op: "write", Path: staged, Err: syscall.ENOSPC}, report.CodeFull, staged, "what was copied is kept and taken over"},
		{unfinishedRestore{&fs.PathError{Op: "write", Path: "/t", Err: syscall.ENOSPC}}, report.CodeFull, "/t", "run the same command again with --overwrite"},
		{&fs.PathError{Op: "write", Path: "/mnt/x", Err: syscall.EROFS}, report.CodeReadOnly, "/mnt/x", "mounted read-only"},
		{&fs.PathError{Op: "open", Path: "/mnt/x", Err: syscall.EACCES}, report.CodePermission, "/mnt/x", "run as a user who may"},
		{&fs.PathError{Op: "read", Path: "/mnt/x", Err: syscall.EIO}, report.CodeIO, "/mnt/x", "cable"},
		{&fs.PathError{Op: "open", Path: "/mnt/x", Err: syscall.EMFILE}, report.CodeExhausted, "/mnt/x", "--workers"},
		{&outputError{&fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}}, report.CodeOutput, "/dev/stdout", "^what standard output leads to"},
		{fmt.Errorf("read: %w", plan.ErrDigest), report.CodePlanDamaged, "", "plan again"},
		{fmt.Errorf("read: %w", plan.ErrFormat), report.CodePlanNone, "", `\.yaml`},
		{fmt.Errorf("read: %w", &plan.FormatError{Format: "phlb-report"}), report.CodePlanNone, "", "phlb show"},
		{fmt.Errorf("read: %w", &plan.FormatError{Version: "2.0"}), report.CodePlanFormat, "", "another version of phlb"},
		{&plan.LineError{Line: 3, Err: io.ErrUnexpectedEOF}, report.CodePlanDamaged, "", "its end is missing"},
		{fmt.Errorf("%w", execute.ErrDrift), report.CodeDrift, "", "--strict"},
		{&execute.DriftError{Path: "/src/x", How: "gone"}, report.CodeDrift, "/src/x", "^nothing was published: plan again, .*--strict"},
		{
			&execute.DriftError{Path: "/src/x", Published: []string{"a/1", "b/1"}}, report.CodeDrift, "/src/x",
			"^published before that .*: a/1, b/1; for the rest plan again, .*--strict",
		},
		{&execute.RefusedError{Reason: execute.Stale, Manifest: "/etc/a b.yaml", Root: "/mnt", Err: found}, report.CodePlanStale, "/mnt", `plan again: phlb plan '/etc/a b\.yaml'$`},
		{&execute.RefusedError{Reason: execute.Applied, Root: "/mnt", Err: found}, report.CodePlanApplied, "/mnt", "^nothing is left to do"},
		{&execute.RefusedError{Reason: execute.Appeared, Root: "/mnt", Err: found}, report.CodePlanStale, "/mnt", "another run has begun"},
		{&execute.RefusedError{Reason: execute.OtherRoot, Root: "/mnt", Err: found}, report.CodePlanOtherRoot, "/mnt", "mount the disk .* at /mnt"},
		{&execute.RefusedError{Reason: execute.Other, Root: "/mnt", Err: found}, report.CodePlanOther, "/mnt", "sha256sum"},
		{&execute.RefusedError{Reason: execute.Unsafe, Root: "/mnt", Err: found}, report.CodePlanUnsafe, "/mnt", "do not trust it"},
		{&execute.GuardError{Guard: "space", Path: "/src", Err: found}, report.CodeGuard, "/src", "(?s)make room.*apply the plan then.*--override-guard space"},
		{&execute.GuardError{Guard: "clock", Planned: true, Err: found}, report.CodeGuard, "", "(?s)date.*for inspection only.*--override-guard clock"},
		{&execute.GuardError{Guard: "source", Always: true, Err: found}, report.CodeGuard, "", "mend that, and apply the plan then$"},
		{&snapshot.LockedError{Root: "/mnt"}, report.CodeLocked, "/mnt", "--lock-timeout"},
		{&snapshot.LockedError{Root: "/mnt", Elsewhere: true}, report.CodeLocked, "/mnt", "if that run is gone: rm /mnt/.phlb/lock$"},
		{fmt.Errorf("lock: %w: %w", snapshot.ErrLocking, syscall.ENOLCK), report.CodeLockUnsupported, "", "NFS"},
		{&hook.Error{When: hook.Before, Err: syscall.ENOENT}, report.CodeHook, "", "nothing of this source was backed up"},
		{errors.New("x"), report.CodeOther, "", "^$"},
	}
	for _, tt := range tests {
		f := failure(fmt.Errorf("copy a: %w", tt.err), codeFailed)
		if !regexp.MustCompile(tt.want).MatchString(f.Hint) || f.Code != tt.code || f.Path != tt.path || f.Cause == "" {
			t.Errorf("%#v: got %+v, want %s, %q and a hint like %q", tt.err, f, tt.code, tt.path, tt.want)
		}
	}
	if f := failure(usagef("x"), codeUsage); f.Code != report.CodeUsage {
		t.Errorf("wrong usage has the code %s", f.Code)
	}
}

func TestShellQuote(t *testing.T) {
	for word, want := range map[string]string{"": "''", "/mnt/b-1": "/mnt/b-1", "a b": "'a b'", "it's": `'it'\''s'`, "$x": "'$x'", "~": "'~'"} {
		if got := shellQuote(word); got != want {
			t.Errorf("%q is quoted %s, want %s", word, got, want)
		}
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
