package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"phlb/execute"
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

// exitMeaning says what an exit code means.
type exitMeaning struct {
	code    int
	meaning string
}

// exitMeanings are all exit codes, for help and the reference.
func exitMeanings() []exitMeaning {
	return []exitMeaning{
		{codeDone, "done"},
		{codeFailed, "failed"},
		{codeDifferent, "with --detailed-exitcode: the plan contains changes; compare, diff: differences found"},
		{codeIncomplete, "finished and published, but some files could not be read, vanished, or drifted from the plan"},
		{codeGuard, "a guard tripped: the plan is for inspection, not applicable"},
		{codeRefused, "the plan is refused: damaged, edited, unknown format, already applied, or the root has moved on"},
		{codeDamage, "damage: verify found it, repair could not mend all, restore met it"},
		{codeLocked, "another run holds the root's lock"},
		{codeUsage, "wrong usage, or an invalid manifest"},
		{codeInterrupted, "interrupted"},
	}
}

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
	f := failure(err, code)
	a.sayFailure(f)
	if a.json && !a.answered() {
		// Whoever reads standard output would take nothing for no answer yet.
		_ = report.FailureJSON(a.out, f)
	}
	return code
}

// failure is what is told of an error that ends the program with a code.
func failure(err error, code int) *report.Failure {
	f := &report.Failure{Outcome: outcome(code), ExitCode: code}
	if errors.As(err, &f.Problems) {
		f.Code, f.Cause = report.CodeManifestInvalid, "the manifest is invalid: "+plural(len(f.Problems), "problem")
		f.Path = f.Problems[0].Pos.File
		return f
	}
	if code == codeInterrupted {
		f.Code, f.Cause = report.CodeInterrupted, "interrupted; nothing that was published is affected"
		return f
	}
	a := adviceOf(err)
	if a.cause == "" {
		a.cause = err.Error()
	}
	f.Code, f.Path, f.Cause, f.Hint = a.code, a.path, printable(a.cause), printable(a.hint)
	if f.Code == report.CodeOther && code == codeUsage {
		f.Code = report.CodeUsage
	}
	return f
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
