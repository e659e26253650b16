package execute

import (
	"errors"
	"fmt"
	"io"

	"phlb/plan"
)

// Reason is why a plan is refused, for whoever tells people what to do next.
type Reason int

// The reasons.
const (
	Unsafe    Reason = iota // it asks for what is never done, or contradicts itself
	Unread                  // no plan, of an unknown version, damaged or edited: the error says which
	Other                   // not the file that was reviewed
	Applied                 // it was applied before
	Stale                   // the root has moved on since
	Appeared                // the root was to be new and is there
	OtherRoot               // what is mounted is not the root it was made for
)

// RefusedError says why a plan is refused. It is ErrRefused.
type RefusedError struct {
	Reason   Reason
	Manifest string // that the plan was made from; empty: none, or not known
	Root     string // that the plan is for; empty: not known
	Err      error  // what was found
}

// Error returns what was found.
func (e *RefusedError) Error() string { return ErrRefused.Error() + ": " + e.Err.Error() }

// Unwrap returns ErrRefused and the cause.
func (e *RefusedError) Unwrap() []error { return []error{ErrRefused, e.Err} }

func refuse(why Reason, format string, args ...any) error {
	return &RefusedError{Reason: why, Err: fmt.Errorf(format, args...)}
}

// refuseFile refuses a plan for what is wrong with its file.
func refuseFile(err error) error {
	why := Unsafe
	if errors.Is(err, plan.ErrFormat) || errors.Is(err, plan.ErrDigest) || errors.Is(err, io.ErrUnexpectedEOF) {
		why = Unread
	}
	return refuse(why, "%w", err)
}

// of completes an error with what the plan says of itself.
func (c *checked) of(err error) error {
	var refused *RefusedError
	if errors.As(err, &refused) {
		refused.Manifest, refused.Root = c.header.Manifest.Path, c.header.Destination.Path
	}
	var guard *GuardError
	if errors.As(err, &guard) {
		guard.Manifest = c.header.Manifest.Path
	}
	return err
}

// GuardError says which guard stands against a plan. It is ErrGuard.
type GuardError struct {
	Guard string // its name
	Path  string // of the source, or of the destination
	// Planned says that it tripped when the plan was made: the plan is for
	// inspection only. Otherwise it can be applied once that is mended.
	Planned bool
	// Always says that it cannot be overridden.
	Always   bool
	Manifest string // that the plan was made from; empty: none
	Err      error  // what was found
}

// Error returns what was found.
func (e *GuardError) Error() string { return ErrGuard.Error() + ": " + e.Guard + ": " + e.Err.Error() }

// Unwrap returns ErrGuard and the cause.
func (e *GuardError) Unwrap() []error { return []error{ErrGuard, e.Err} }

// DestinationError says that the plan's destination cannot be opened.
type DestinationError struct {
	Path string
	err  error
}

// Error returns why.
func (e *DestinationError) Error() string { return "open destination: " + e.err.Error() }

// Unwrap returns the cause.
func (e *DestinationError) Unwrap() error { return e.err }
