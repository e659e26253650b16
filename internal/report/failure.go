package report

import (
	"io"

	"phlb/manifest"
)

// Outcome is why a command with --json has no result.
type Outcome string

// The outcomes, one for each exit code that means that nothing was done, or
// not all.
const (
	Failed      Outcome = "failed"
	Guarded     Outcome = "guarded"     // a guard tripped
	Refused     Outcome = "refused"     // the plan is not to be carried out
	Locked      Outcome = "locked"      // another run holds the root's lock
	Invalid     Outcome = "invalid"     // wrong usage, or an invalid manifest
	Interrupted Outcome = "interrupted" // by a signal
)

// Code names a cause for machines. Codes are never renamed; new ones come.
type Code string

// The codes, in the order of docs/troubleshooting.md.
const (
	CodeOther       Code = "other"       // nothing more is known than the words say
	CodeUsage       Code = "usage"       // wrong usage of the command line
	CodeInterrupted Code = "interrupted" // by a signal

	CodeManifestInvalid Code = "manifest_invalid"
	CodeManifestMissing Code = "manifest_missing"

	CodeDestinationMissing Code = "destination_missing" // or not mounted
	CodeDestinationType    Code = "destination_type"    // it is no directory
	CodeNoRoot             Code = "no_root"             // a directory, but no backup root
	CodeRootFormat         Code = "root_format"         // of another major version
	CodeRootDamaged        Code = "root_damaged"        // root.json cannot be understood
	CodeOverlap            Code = "overlap"             // source and destination lie in each other
	CodeGuard              Code = "guard"
	CodeLocked             Code = "locked"
	CodeLockUnsupported    Code = "lock_unsupported" // the file system has no locks

	CodePlanMissing   Code = "plan_missing"
	CodePlanNone      Code = "plan_none"   // the file is no plan
	CodePlanFormat    Code = "plan_format" // of another major version
	CodePlanDamaged   Code = "plan_damaged"
	CodePlanUnsafe    Code = "plan_unsafe" // whole, but what it asks for is never done
	CodePlanOther     Code = "plan_other"  // not the file that was reviewed
	CodePlanApplied   Code = "plan_applied"
	CodePlanStale     Code = "plan_stale"      // the root has moved on
	CodePlanOtherRoot Code = "plan_other_root" // it is for another root
	CodeDrift         Code = "drift"           // with --strict: the source has changed

	CodeSnapshotPath    Code = "snapshot_path" // it leads to no snapshot
	CodeSnapshotMissing Code = "snapshot_missing"
	CodePathMissing     Code = "path_missing" // not in the snapshot, or in no source
	CodeNameMissing     Code = "name_missing" // the root has no snapshots of it
	CodeTarget          Code = "target"       // of restore: not empty, in the root, in the way

	CodeFull       Code = "full"       // no space, no inodes, over quota
	CodeReadOnly   Code = "read_only"  // the file system is mounted so
	CodePermission Code = "permission" // this user may not
	CodeIO         Code = "io"         // the device failed
	CodeType       Code = "type"       // something else than a directory or file that belongs there
	CodeExhausted  Code = "exhausted"  // out of open files or memory
	CodeOutput     Code = "output"     // what standard output leads to failed
	CodeTemporary  Code = "temporary"  // the directory for temporary files
	CodeHook       Code = "hook"       // a hook failed
)

// Failure is what a command with --json prints in place of its result.
type Failure struct {
	Outcome  Outcome
	ExitCode int
	Code     Code
	Cause    string // what was attempted, on which path, and why it failed
	Path     string // that it is about; empty: none
	Hint     string // what to do next, where that is known
	Problems manifest.Problems
}

// Text returns the failure as people are told it: the cause, and below it what
// to do next.
func (f *Failure) Text() string {
	if f.Hint == "" {
		return f.Cause
	}
	return f.Cause + "\n" + f.Hint
}

// failureJSON is a failure in JSON.
type failureJSON struct {
	Format        string  `json:"format"`
	FormatVersion string  `json:"format_version"`
	Status        Outcome `json:"status"`
	ExitCode      int     `json:"exit_code"`
	Code          Code    `json:"code"`
	Error         string  `json:"error"` // cause and hint, as on standard error
	Cause         string  `json:"cause"`
	Path
	Hint     string        `json:"hint,omitempty"`
	Problems []problemJSON `json:"problems,omitempty"`
}

// FailureJSON writes why there is no result.
func FailureJSON(w io.Writer, f *Failure) error {
	return WriteJSON(w, failureJSON{
		Format: "phlb-error", FormatVersion: "1.0",
		Status: f.Outcome, ExitCode: f.ExitCode, Code: f.Code, Error: f.Text(), Cause: f.Cause, Path: NewPath(f.Path), Hint: f.Hint,
		Problems: problemsOf(f.Problems),
	})
}
