package report

import (
	"slices"
	"sync"
	"time"

	"phlb/internal/event"
)

const (
	// barRefresh is the time between two drawings. The terminal's size is
	// read before each, so no signal has to tell that it has changed.
	barRefresh = 150 * time.Millisecond
	// titleRefresh is the time between two titles.
	titleRefresh = time.Second
)

// barFront draws a bar for each open phase, and a line below it for the large
// file that is being worked on.
//
// Something runs and draws only while a phase is open: in between questions
// may be asked.
type barFront struct {
	o       ProgressOptions
	tracker *tracker

	// mu guards what follows. It is never taken by who holds the tracker's
	// lock.
	mu       sync.Mutex
	screen   screen
	open     []event.Phase // in the order of their start
	titled   time.Time
	stop     chan struct{} // closed when nothing is to be drawn any more; nil: nothing is
	finished bool          // closed for good
}

func newBarFront(t *tracker, o ProgressOptions) *barFront {
	if o.Size == nil {
		o.Size = func() (int, int) { return 0, 0 }
	}
	return &barFront{o: o, tracker: t, screen: screen{out: o.Out, size: o.Size}}
}

// progress does nothing: what there is to show is looked up when it is drawn.
func (f *barFront) progress(event.Phase) error { return nil }

func (f *barFront) start(s snapshot) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.finished || f.isOpen(s.phase) {
		return nil
	}
	f.open = append(f.open, s.phase)
	if f.stop == nil {
		f.stop = make(chan struct{})
		go f.redraw(f.stop)
	}
	return nil
}

func (f *barFront) isOpen(phase event.Phase) bool { return slices.Contains(f.open, phase) }

// redraw draws until it is stopped.
func (f *barFront) redraw(stop <-chan struct{}) {
	ticker := time.NewTicker(barRefresh)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			f.mu.Lock()
			if !f.finished {
				_ = f.draw(nil) // what cannot be written is told at the end
			}
			f.mu.Unlock()
		}
	}
}

// draw brings bars and title up to date, below text.
func (f *barFront) draw(text []byte) error {
	cells, lines := f.screen.room()
	style := Style{Colors: f.o.Colors}
	var block []string
	title := ""
	for _, phase := range f.open {
		s, ok := f.tracker.snapshotOf(phase)
		if !ok {
			continue
		}
		block = append(block, barLine(s, cells, style))
		if len(s.large) > 0 {
			block = append(block, fit(tableIndent+largeLine(s.large), cells))
		}
		title = titleLine(s) // the latest phase's
	}
	if err := f.screen.draw(text, block[:min(len(block), lines)]); err != nil {
		return err
	}
	if now := time.Now(); f.o.Title && title != "" && now.Sub(f.titled) >= titleRefresh {
		f.titled = now
		return f.screen.entitle(title)
	}
	return nil
}

func (f *barFront) warning(e event.Event, _ time.Time) error {
	if e.Logged {
		return nil
	}
	_, err := f.Write([]byte(Style{Colors: f.o.Colors}.paint(yellow, warningLine(e)) + "\n"))
	return err
}

// end takes the phase's bar away and leaves a line if the phase took long.
func (f *barFront) end(s snapshot, cause error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.isOpen(s.phase) {
		return nil
	}
	f.open = slices.DeleteFunc(f.open, func(open event.Phase) bool { return open == s.phase })
	var text []byte
	if s.elapsed >= plainFirst {
		text = []byte(endLine(s, cause) + "\n")
	}
	if len(f.open) == 0 {
		return f.clear(text)
	}
	return f.draw(text)
}

// Write puts whole lines above the bars.
func (f *barFront) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.screen.lines == 0 {
		return f.o.Out.Write(b)
	}
	if err := f.draw(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

// Close wipes all bars; later events draw nothing more.
func (f *barFront) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.finished, f.open = true, nil
	return f.clear(nil)
}

// clear leaves text in place of the bars, and the terminal as it was.
func (f *barFront) clear(text []byte) error {
	if f.stop != nil {
		close(f.stop)
		f.stop = nil
	}
	err := f.screen.draw(text, nil)
	if back := f.screen.entitle(""); err == nil {
		err = back
	}
	f.titled = time.Time{}
	return err
}
