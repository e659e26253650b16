// Package event carries what happens during a run from the packages that do
// the work to whoever watches: progress displays, logs, tests.
//
// It is a leaf: it imports the standard library alone, formats nothing and
// prints nothing. Senders say what happened as it happens; throttling, rates
// and words are the receiver's business.
package event

// Kind says what an Event reports.
type Kind uint8

// The kinds of events. Within a phase the order is Start, any number of
// Advance, File, FileDone and Warning, End. Phases may nest or overlap:
// every event names its own. Except warnings, what comes outside its phase's
// Start and End is ignored.
const (
	// Start opens a phase. Files and Bytes are its totals; 0: not known. Path
	// is the name of the source it is about, if it is about one. A second
	// Start of an open phase corrects the totals and keeps what was done so
	// far.
	Start Kind = iota + 1
	// Advance reports finished work. Files and Bytes are what came since the
	// last one; Path, if set, is what was worked on.
	Advance
	// File says that work on one large file (LargeFile bytes or more) began.
	// Path is the file, Bytes its size; its Advance events carry its Path.
	File
	// FileDone says that the large file in Path is no longer worked on,
	// whatever the outcome.
	FileDone
	// Warning is something to tell at once; Text says what, Path where.
	Warning
	// End closes a phase, also after a failure or an interrupt. Err is set
	// when it did not get to its end.
	End
)

var kindNames = [...]string{"", "start", "advance", "file", "file done", "warning", "end"}

// String returns the kind's lower-case name.
func (k Kind) String() string {
	if int(k) >= len(kindNames) {
		return ""
	}
	return kindNames[k]
}

// LargeFile is the size in bytes from which on a file is worth a File event
// of its own.
const LargeFile = 64 << 20

// Phase is a part of a run.
type Phase string

// The phases.
const (
	Scan      Phase = "scan" // reading the source tree
	Plan      Phase = "plan" // deciding, hashing included
	Apply     Phase = "apply"
	Publish   Phase = "publish" // making a snapshot durable and giving it its name
	Verify    Phase = "verify"
	Rebuild   Phase = "rebuild"
	Repair    Phase = "repair"
	Compare   Phase = "compare"
	Restore   Phase = "restore"
	Prune     Phase = "prune"
	Benchmark Phase = "benchmark"
)

// Event is one thing that happened. Which fields are set depends on Kind.
type Event struct {
	Kind  Kind
	Phase Phase
	Path  string // slash-separated, as its phase counts it; raw bytes
	Files int64
	Bytes int64
	// What takes different times is told apart as far as the sender can, of
	// totals and of what is done: Links are those of Files that need no
	// content, Small those whose content is moved in one piece and told of in
	// one event, SmallBytes their part of Bytes.
	Links, Small, SmallBytes int64
	// Ready says of an Advance that what it tells of was done before, and took
	// no time now.
	Ready bool
	// Expected says of a Start that its totals are what is to be expected
	// after the runs before: there may be more, or less.
	Expected bool
	Text     string
	Err      error
	// Logged says of a warning that the log tells it, too: people who see both
	// are told once.
	Logged bool
}

// Sink receives events. Send may be called by many goroutines at a time and
// must return quickly: workers call it between two buffers.
type Sink interface{ Send(Event) }

// Func makes a function a Sink. The function must be safe for concurrent use.
type Func func(Event)

// Send calls f.
func (f Func) Send(e Event) { f(e) }

// Discard is the Sink that drops every event.
var Discard Sink = discard{}

type discard struct{}

func (discard) Send(Event) {}

// Tee returns a Sink that passes each event to all sinks in turn. Nil sinks
// are left out.
func Tee(sinks ...Sink) Sink {
	var t tee
	for _, s := range sinks {
		if s != nil {
			t = append(t, s)
		}
	}
	return t
}

type tee []Sink

func (t tee) Send(e Event) {
	for _, s := range t {
		s.Send(e)
	}
}
