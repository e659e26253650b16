package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"phlb/execute"
	"phlb/internal/fsys"
	"phlb/internal/report"
	"phlb/internal/snapshot"
	"phlb/manifest"
	"phlb/plan"
)

// What the program ends with.
const (
	codeDone        = 0
	codeFailed      = 1
	codeDifferent   = 2
	codeIncomplete  = 3
	codeGuard       = 4
	codeRefused     = 5
	codeDamage      = 6
	codeLocked      = 11
	codeUsage       = 64
	codeInterrupted = 130
)

// usageError is wrong usage of the command line.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// unfinishedRestore is a restore that ended early and can be finished.
type unfinishedRestore struct{ err error }

func (e unfinishedRestore) Error() string { return e.err.Error() }
func (e unfinishedRestore) Unwrap() error { return e.err }

// resultError ends the program with a code although nothing failed: the
// result has been printed.
type resultError int

func (e resultError) Error() string { return "exit code " + strconv.Itoa(int(e)) }

// exit prints the error, if there is one to print, and returns the code.
func (a *app) exit(ctx context.Context, err error) int {
	code := exitCode(ctx, err)
	var result resultError
	if err == nil || errors.As(err, &result) {
		return code
	}
	f := report.Failure{Outcome: outcome(code), ExitCode: code}
	switch {
	case errors.As(err, &f.Problems):
		f.Error = "the manifest is invalid: " + plural(len(f.Problems), "problem")
	case code == codeInterrupted:
		f.Error = "interrupted; nothing that was published is affected"
	default:
		f.Error = printable(message(err))
	}
	a.sayFailure(&f)
	if a.json && !a.answered() {
		// Whoever reads standard output would take nothing for no answer yet.
		_ = report.FailureJSON(a.out, &f)
	}
	return code
}

// outcome is an exit code in a word.
func outcome(code int) report.Outcome {
	switch code {
	case codeGuard:
		return report.Guarded
	case codeRefused:
		return report.Refused
	case codeLocked:
		return report.Locked
	case codeUsage:
		return report.Invalid
	case codeInterrupted:
		return report.Interrupted
	}
	return report.Failed
}

// exitCode maps what a command returned to the documented exit codes.
func exitCode(ctx context.Context, err error) int {
	var result resultError
	var problems manifest.Problems
	var usage usageError
	var locked *snapshot.LockedError
	var line *plan.LineError
	switch {
	case err == nil:
		return codeDone
	case errors.As(err, &result):
		return int(result)
	case ctx.Err() != nil:
		return codeInterrupted
	case errors.As(err, &problems), errors.As(err, &usage), errors.Is(err, plan.ErrOverlap):
		return codeUsage
	case errors.Is(err, execute.ErrGuard):
		return codeGuard
	case errors.Is(err, execute.ErrRefused), errors.Is(err, execute.ErrDrift),
		errors.Is(err, plan.ErrFormat), errors.Is(err, plan.ErrDigest), errors.As(err, &line):
		return codeRefused
	case errors.As(err, &locked):
		return codeLocked
	}
	return codeFailed
}

// message adds what to do next where that is known.
func message(err error) string {
	hint, again := "", "run the same command again"
	if errors.As(err, &unfinishedRestore{}) {
		again += " with --overwrite"
	}
	switch fsys.ClassOf(err) {
	case fsys.ClassFull:
		hint = "nothing more fits there (space, inodes or quota): make room, then " + again + "; what was copied is kept and taken over"
	case fsys.ClassReadOnly:
		hint = "it is mounted read-only, as some file systems become after an I/O error: check it, then " + again
	case fsys.ClassPermission:
		hint = "run as a user who may read the source and write the destination"
	case fsys.ClassIO:
		hint = "the device failed or is gone: check the cable, the mount and the disk"
	}
	switch {
	case fsys.ClassOf(err) == fsys.ClassExhausted:
		hint = "out of open files or memory: use fewer --workers, or raise the limit (ulimit -n)"
	case errors.Is(err, plan.ErrDigest):
		hint = "plan again: a plan is not meant to be edited"
	case errors.Is(err, plan.ErrFormat):
		hint = "phlb plan writes plans; a manifest's name ends in .yaml or .yml"
	case errors.Is(err, execute.ErrDrift):
		hint = "nothing was published: plan again, or apply without --strict to store what is there now"
	}
	if hint == "" {
		return err.Error()
	}
	return err.Error() + "\n" + hint
}

// printable escapes what would speak to the terminal: messages carry names
// from file systems, where anything may be in them.
func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r != '\n' && (r == utf8.RuneError || !unicode.IsPrint(r)) {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

// notThere explains an error about a path that was given as an argument.
func notThere(what, path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s %s does not exist: is its disk mounted?", what, path)
	}
	return err
}
