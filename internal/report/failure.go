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

// Failure is what a command with --json prints in place of its result.
type Failure struct {
	Outcome  Outcome
	ExitCode int
	Error    string            // as on standard error
	Problems manifest.Problems // with an invalid manifest
}

// failureJSON is a failure in JSON.
type failureJSON struct {
	Format        string        `json:"format"`
	FormatVersion string        `json:"format_version"`
	Status        Outcome       `json:"status"`
	ExitCode      int           `json:"exit_code"`
	Error         string        `json:"error"`
	Problems      []problemJSON `json:"problems,omitempty"`
}

// FailureJSON writes why there is no result.
func FailureJSON(w io.Writer, f *Failure) error {
	return WriteJSON(w, failureJSON{
		Format: "phlb-error", FormatVersion: "1.0",
		Status: f.Outcome, ExitCode: f.ExitCode, Error: f.Error, Problems: problemsOf(f.Problems),
	})
}
