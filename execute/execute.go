// Package execute carries out a plan: it builds each snapshot in staging,
// makes it durable, publishes it by one rename, and then keeps the lookups.
//
// Beside rebuild, repair and pin nothing else writes into a backup root. The
// package decides nothing that a reviewer did not see: what the plan does not
// say is not done, and what the plan says is done or reported. It must never
// change the inode of a published file, never publish a snapshot whose data
// is not durable, and never import manifest or scan: the plan is enough.
//
// What goes wrong with one path is collected and reported (FileError); what
// goes wrong with the destination (full, read-only, lost) stops the run, and
// nothing is published.
package execute

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"time"

	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/snapshot"
)

// Options configure Apply. NewID and Now are required.
type Options struct {
	Workers int // copying and linking at the same time; at least 1
	// Strict looks at the source of links too, and publishes nothing on any
	// drift from the plan.
	Strict bool
	// ExpectSHA256, if set, is the SHA-256 (hex) the plan's bytes must have.
	ExpectSHA256 string
	LockWait     time.Duration
	Holder       snapshot.HolderInfo // told to whoever finds the root locked
	NewID        func() string       // makes the id of a new root
	Now          func() time.Time
	Events       event.Sink   // nil: none are sent
	Log          *slog.Logger // nil: only the file beside the snapshot
	LogFileLevel slog.Leveler // of <time>-backup.log; nil: info
	// Preamble holds, by source, what the run's log begins with: what happened
	// before the plan was made.
	Preamble map[string][]byte
	// Summary renders what is kept as <time>-summary.txt. Nil: none is kept.
	Summary func(*Report) []byte
	// MaxDuration ends pruning after a time, what is under way included; 0: no
	// limit.
	MaxDuration time.Duration
	// Faults makes writing operations fail, for tests.
	Faults fsys.FaultFunc
	// CheckpointEvery is how often finished copies are made durable and
	// recorded in the journal; 0: one second.
	CheckpointEvery time.Duration
	// PlanMemory is how much of the plan may stay in memory, in bytes, once it
	// is checked; 0: 32 MiB, less: nothing. The rest is read once more.
	PlanMemory int64
}

// withDefaults fills in what may be left out.
func (o Options) withDefaults() Options {
	if o.Workers < 1 {
		o.Workers = 1
	}
	if o.Events == nil {
		o.Events = event.Discard
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.LogFileLevel == nil {
		o.LogFileLevel = slog.LevelInfo
	}
	if o.CheckpointEvery <= 0 {
		o.CheckpointEvery = time.Second
	}
	if o.PlanMemory == 0 {
		o.PlanMemory = planMemory
	}
	return o
}

// fsys returns how the destination is opened.
func (o *Options) fsys() []fsys.Option {
	if o.Faults == nil {
		return nil
	}
	return []fsys.Option{fsys.WithFaults(o.Faults)}
}

// PlanFile is a saved plan. A large one is read more than once, always through
// the same open file, so that nobody can swap it between check and use; that
// nobody wrote into it meanwhile is checked by its hash.
type PlanFile interface {
	io.Reader
	io.Seeker
}

var _ PlanFile = (*os.File)(nil)

// Refusals. They are returned wrapped with what was found and what to do.
var (
	// ErrRefused: the plan is damaged, edited, unsafe, of an unknown format,
	// already applied, or the root has moved on since.
	ErrRefused = errors.New("plan refused")
	// ErrGuard: a guard tripped when the plan was made or trips now.
	ErrGuard = errors.New("guard tripped")
	// ErrDrift: with Strict, the source is not as planned.
	ErrDrift = errors.New("the source has drifted from the plan")
)
