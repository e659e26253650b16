package report

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"phlb/internal/event"
)

// ProgressMode says how progress is shown.
type ProgressMode string

// The modes, as --progress takes them.
const (
	ProgressAuto  ProgressMode = "auto"  // bars on a terminal, else plain
	ProgressBar   ProgressMode = "bar"   // bars; plain where there is no terminal to draw them on
	ProgressPlain ProgressMode = "plain" // now and then a line
	ProgressJSON  ProgressMode = "json"  // one JSON object a line, see the package's documentation
	ProgressNone  ProgressMode = "none"  // nothing, not even warnings
)

// ProgressModes are all modes, in the order in which help lists them.
func ProgressModes() []ProgressMode {
	return []ProgressMode{ProgressAuto, ProgressBar, ProgressPlain, ProgressJSON, ProgressNone}
}

// ErrProgressMode is returned for a mode that does not exist.
var ErrProgressMode = errors.New("unknown progress mode")

// Surface says what progress is written to.
type Surface int

// The surfaces.
const (
	Stream   Surface = iota // a file or pipe: lines only
	Terminal                // a terminal: bars can be drawn
)

// ProgressOptions say where progress goes to.
type ProgressOptions struct {
	Out     io.Writer // normally standard error
	Surface Surface
	// Size is the terminal's size now, in cells; zeros: not known, as when it
	// is nil.
	Size func() (columns, rows int)
	// NewLog, if not nil, makes the logger that lines and warnings of the modes
	// auto and plain go to in place of text. It writes to w and nothing else.
	NewLog func(w io.Writer) *slog.Logger
	Title  bool // the terminal has a title that may be set while bars are shown
	Colors Colors
	Clock  func() time.Time
}

// Progress shows the progress of a run. It is an event.Sink, safe for
// concurrent use. While it is open, whatever else goes to the same terminal
// must be written through Write, or bars and lines get mixed.
type Progress struct {
	tracker *tracker
	front   front

	mu  sync.Mutex // of err
	err error
}

// front shows phases in one of the modes. Its methods are safe for
// concurrent use and are called without the tracker's lock.
type front interface {
	start(snapshot) error
	progress(event.Phase) error
	warning(e event.Event, at time.Time) error
	end(s snapshot, err error) error
	io.WriteCloser
}

// NewProgress returns a Progress of the given mode. It must be closed.
func NewProgress(mode ProgressMode, o ProgressOptions) (*Progress, error) {
	p := &Progress{tracker: &tracker{clock: o.Clock}}
	out := &lockedWriter{w: o.Out}
	switch mode {
	case ProgressAuto, ProgressBar, ProgressPlain:
		p.front = &plainFront{lockedWriter: out, tracker: p.tracker}
		switch {
		case o.NewLog != nil:
			p.front = &logFront{lockedWriter: out, tracker: p.tracker, log: o.NewLog(out)}
		case mode != ProgressPlain && o.Surface == Terminal:
			p.front = newBarFront(p.tracker, o)
		}
	case ProgressJSON:
		p.front = &jsonFront{lockedWriter: out, tracker: p.tracker}
	case ProgressNone:
		p.front = silentFront{out}
	default:
		return nil, fmt.Errorf("%w %q: choose one of %s", ErrProgressMode, mode, modeList())
	}
	return p, nil
}

func modeList() string {
	var names []string
	for _, m := range ProgressModes() {
		names = append(names, string(m))
	}
	return strings.Join(names, ", ")
}

// Send implements event.Sink. An error of writing stops nothing: Close
// returns the first one.
func (p *Progress) Send(e event.Event) {
	switch e.Kind {
	case event.Warning:
		p.note(p.front.warning(e, p.tracker.clock()))
	case event.Start:
		p.note(p.front.start(p.tracker.start(e)))
	case event.End:
		if s, ok := p.tracker.end(e.Phase); ok {
			p.note(p.front.end(s, e.Err))
		}
	default:
		p.tracker.update(e)
		p.note(p.front.progress(e.Phase))
	}
}

// Write writes whole lines that are not progress, a log's for example, to
// the same place, above the bars if there are any.
func (p *Progress) Write(b []byte) (int, error) { return p.front.Write(b) }

// Close removes the bars of phases that did not end and returns the first
// error of writing. It may be called more than once.
func (p *Progress) Close() error {
	p.note(p.front.Close())
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err != nil {
		return fmt.Errorf("write progress: %w", p.err)
	}
	return nil
}

// Busy reports whether a phase is open.
func (p *Progress) Busy() bool { return p.tracker.busy() }

func (p *Progress) note(err error) {
	if err == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = err
	}
}

// lockedWriter keeps lines of many goroutines whole.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

func (l *lockedWriter) Close() error { return nil }

// silentFront shows nothing.
type silentFront struct{ *lockedWriter }

func (silentFront) start(snapshot) error                 { return nil }
func (silentFront) progress(event.Phase) error           { return nil }
func (silentFront) warning(event.Event, time.Time) error { return nil }
func (silentFront) end(snapshot, error) error            { return nil }
