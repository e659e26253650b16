package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"phlb/execute"
	"phlb/internal/fsys"
	"phlb/internal/hook"
	"phlb/internal/report"
	"phlb/internal/restore"
	"phlb/internal/snapshot"
	"phlb/plan"
)

// advice is what is known of an error beyond its words.
type advice struct {
	code  report.Code
	path  string // that it is about; empty: what the error chain names
	hint  string // what to do next; empty: not known
	cause string // in place of the error's own words; empty: these
}

// advised is an error with what is known of it where it arises.
type advised struct {
	err error
	advice
}

func (e *advised) Error() string {
	if e.cause != "" {
		return e.cause
	}
	return e.err.Error()
}

func (e *advised) Unwrap() error { return e.err }

// advise adds to an error what is known of it.
func advise(err error, code report.Code, path, hint string) error {
	return &advised{err, advice{code: code, path: path, hint: hint}}
}

// adviceOf finds what is known of an error. The first that knows it speaks:
// those who know more come first.
func adviceOf(err error) advice {
	all := []func(error) (advice, bool){
		outputAdvice, ownAdvice, hookAdvice, lockAdvice, guardAdvice, driftAdvice, planAdvice, refusalAdvice, rootAdvice, restoreAdvice, systemAdvice,
	}
	for _, ask := range all {
		a, ok := ask(err)
		if !ok {
			continue
		}
		if a.path == "" {
			a.path = pathOf(err)
		}
		return a
	}
	return advice{code: report.CodeOther, path: pathOf(err)}
}

// pathOf returns the path that a system call failed on; empty: none did.
func pathOf(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Path
	}
	return ""
}

func ownAdvice(err error) (advice, bool) {
	var e *advised
	if !errors.As(err, &e) {
		return advice{}, false
	}
	return e.advice, true
}

// outputError is an error of standard output: it says nothing of the backup.
type outputError struct{ err error }

func (e *outputError) Error() string { return e.err.Error() }
func (e *outputError) Unwrap() error { return e.err }

func outputAdvice(err error) (advice, bool) {
	var e *outputError
	if !errors.As(err, &e) {
		return advice{}, false
	}
	why := e.err
	var p *fs.PathError
	if errors.As(why, &p) {
		why = p.Err
	}
	return advice{
		code: report.CodeOutput, cause: "write the result to standard output: " + why.Error(),
		hint: "what standard output leads to is full or closed, the backup root is not concerned: a plan was not written, what was applied stays applied",
	}, true
}

func hookAdvice(err error) (advice, bool) {
	var e *hook.Error
	if !errors.As(err, &e) {
		return advice{}, false
	}
	a := advice{code: report.CodeHook, hint: "try the command by hand, as this user and in the manifest's directory; docs/hooks.md lists the variables that it is given"}
	if e.When == hook.Before {
		a.hint = "nothing of this source was backed up, as a before hook failed: " + a.hint
	}
	return a, true
}

func lockAdvice(err error) (advice, bool) {
	var e *snapshot.LockedError
	switch {
	case errors.Is(err, snapshot.ErrLocking):
		return advice{
			code: report.CodeLockUnsupported,
			hint: "a backup root needs a file system that can lock files: mount NFS with its lock service (no nolock option; rpc.statd on both sides), or use another file system",
		}, true
	case !errors.As(err, &e):
		return advice{}, false
	}
	hint := "wait for it with --lock-timeout 1h, or try again later"
	if e.Elsewhere {
		lock := filepath.Join(e.Root, ".phlb", "lock")
		return advice{code: report.CodeLocked, path: e.Root, hint: hint + "; if that run is gone: rm " + shellQuote(lock)}, true
	}
	if host, err := os.Hostname(); err == nil && e.Holder.Host == host && e.Holder.PID > 0 {
		hint += fmt.Sprintf("; `ps -p %d` shows what it is", e.Holder.PID)
	}
	return advice{code: report.CodeLocked, path: e.Root, hint: hint + "; a run that died holds no lock, there is nothing to remove"}, true
}

// planAdvice is about a file that is no plan that can be read.
func planAdvice(err error) (advice, bool) {
	var format *plan.FormatError
	isFormat := errors.As(err, &format)
	switch {
	case errors.Is(err, plan.ErrDigest):
		return advice{code: report.CodePlanDamaged, hint: "plan again: a plan is not meant to be edited, and this one may have been damaged on its way"}, true
	case isFormat && format.Version != "":
		return advice{code: report.CodePlanFormat, hint: "another version of phlb wrote it: apply it with that one, or plan again with this one"}, true
	case isFormat && format.Format == "phlb-report":
		return advice{code: report.CodePlanNone, hint: "it is the report of a run, which `phlb show` shows; `phlb plan MANIFEST` writes plans"}, true
	case errors.Is(err, plan.ErrFormat):
		return advice{code: report.CodePlanNone, hint: "`phlb plan MANIFEST` writes plans; a manifest is taken for one where its name ends in .yaml or .yml"}, true
	case errors.Is(err, plan.ErrOverlap):
		return advice{code: report.CodeOverlap}, true
	}
	var line *plan.LineError
	if errors.As(err, &line) && errors.Is(err, io.ErrUnexpectedEOF) {
		return advice{code: report.CodePlanDamaged, hint: "its end is missing, as after a copy that was cut off or on a full disk: fetch it again, or plan again"}, true
	}
	return advice{}, false
}

// driftAdvice is about a source that is not as planned, with --strict.
func driftAdvice(err error) (advice, bool) {
	if !errors.Is(err, execute.ErrDrift) {
		return advice{}, false
	}
	a := advice{code: report.CodeDrift}
	so := "nothing was published: "
	var e *execute.DriftError
	if errors.As(err, &e) {
		a.path = e.Path
		if len(e.Published) > 0 {
			so = "published before that was found, and kept: " + strings.Join(e.Published, ", ") + "; for the rest "
		}
	}
	a.hint = so + "plan again, or apply without --strict to store what is there now"
	return a, true
}

// refusalAdvice is about a plan that can be read and does not fit.
func refusalAdvice(err error) (advice, bool) {
	var e *execute.RefusedError
	if !errors.As(err, &e) {
		return advice{}, false
	}
	again := planAgain(e.Manifest)
	a := advice{code: report.CodePlanUnsafe, path: e.Root, hint: "it is damaged, or nothing that phlb planned: do not trust it; " + again}
	switch e.Reason {
	case execute.Other:
		a.code, a.hint = report.CodePlanOther, "get the file that was reviewed, or review this one and give its sum: sha256sum, and phlb show, tell it"
	case execute.Applied:
		a.code, a.hint = report.CodePlanApplied, "nothing is left to do with it; for another snapshot "+again
	case execute.Stale:
		a.code, a.hint = report.CodePlanStale, "another run, or somebody, has changed the root since it was planned; "+again
	case execute.Appeared:
		a.code, a.hint = report.CodePlanStale, "another run has begun the root, or another disk is mounted; "+again
	case execute.OtherRoot:
		a.code, a.hint = report.CodePlanOtherRoot, "mount the disk that the plan was made for at "+e.Root+"; or, if this one is meant, "+again
	}
	return a, true
}

// planAgain is how to make another plan.
func planAgain(manifest string) string {
	if manifest == "" {
		return "run the command that planned again"
	}
	return "plan again: phlb plan " + shellQuote(manifest)
}

// shellQuote returns a word as a shell takes it, for commands to be pasted.
func shellQuote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:,@%=", r)
	}
	if word != "" && !strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// rootAdvice is about what is no backup root, or none that this phlb knows.
func rootAdvice(err error) (advice, bool) {
	var state *snapshot.StateError
	var destination *execute.DestinationError
	switch {
	case errors.As(err, &state) && errors.Is(err, snapshot.ErrFormat):
		return advice{code: report.CodeRootFormat, path: state.Root, hint: "a newer phlb made this root: use that one, or a newer one"}, true
	case errors.As(err, &state) && errors.Is(err, snapshot.ErrDamaged):
		return advice{
			code: report.CodeRootDamaged, path: state.Root,
			hint: "the snapshots are not concerned; make it anew, with a new id, which plans and root_id in manifests then do not know: phlb rebuild " + shellQuote(state.Root),
		}, true
	case errors.As(err, &destination):
		return destinationAdvice("the destination", destination.Path, err)
	}
	return advice{}, false
}

// destinationAdvice is about a directory that was to be a root and cannot be
// opened as one.
func destinationAdvice(what, path string, err error) (advice, bool) {
	switch fsys.ClassOf(err) {
	case fsys.ClassVanished:
		return advice{
			code: report.CodeDestinationMissing, path: path, cause: what + " " + path + " does not exist: is its disk mounted?",
			hint: "mount it and try again; `findmnt` lists what is mounted",
		}, true
	case fsys.ClassType:
		return advice{
			code: report.CodeDestinationType, path: path, cause: what + " " + path + " is not a directory",
			hint: "correct the path",
		}, true
	}
	return advice{}, false
}

// notThere explains an error about a directory that was given as an argument.
func notThere(what, path string, err error) error {
	if a, ok := destinationAdvice(what, path, err); ok {
		return &advised{err, a}
	}
	return err
}

func restoreAdvice(err error) (advice, bool) {
	var target *restore.TargetError
	if errors.As(err, &target) {
		return advice{code: report.CodeTarget, path: target.Path, hint: target.Hint}, true
	}
	return advice{}, false
}

// systemAdvice goes by the class of an error of the system.
func systemAdvice(err error) (advice, bool) {
	again := "run the same command again"
	if errors.As(err, &unfinishedRestore{}) {
		again += " with --overwrite"
	}
	switch fsys.ClassOf(err) {
	case fsys.ClassFull:
		return advice{code: report.CodeFull, hint: "nothing more fits there (space, inodes or quota; df -h and df -i tell): make room, then " + again + kept(err)}, true
	case fsys.ClassReadOnly:
		return advice{code: report.CodeReadOnly, hint: "the file system is mounted read-only, as some become after an I/O error: look at findmnt and dmesg, then " + again}, true
	case fsys.ClassPermission:
		return advice{code: report.CodePermission, hint: "run as a user who may (" + whoami() + " may not), or change the owner or mode of what is named"}, true
	case fsys.ClassType:
		return advice{
			code: report.CodeType,
			hint: "something else stands where a directory or file belongs, perhaps a symbolic link, which is not followed there: look with ls -ld, and move it away",
		}, true
	case fsys.ClassIO:
		return advice{code: report.CodeIO, hint: "the device failed or is gone: check the cable, the mount and the disk"}, true
	case fsys.ClassExhausted:
		return advice{code: report.CodeExhausted, hint: "out of open files or memory: use fewer --workers, or raise the limit (ulimit -n)"}, true
	}
	return advice{}, false
}

// kept tells what a run over a full disk leaves to the next one.
func kept(err error) string {
	if !strings.Contains(pathOf(err), "/"+snapshot.PrivateDir+"/staging/") && !errors.As(err, &unfinishedRestore{}) {
		return ""
	}
	return "; what was copied is kept and taken over"
}

func whoami() string {
	if uid := os.Geteuid(); uid >= 0 {
		return fmt.Sprintf("user %d", uid)
	}
	return "this one"
}
