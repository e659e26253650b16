package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"

	"phlb/internal/event"
)

// barRefresh is the time between two drawings, well under ten a second.
const barRefresh = 150 * time.Millisecond

// barFront draws one bar for each open phase. mpb moves the cursor, redraws
// and wipes; what a bar says is made here from the tracker's state.
//
// There is an mpb container only while a phase is open, so that nothing runs
// and nothing is drawn in between, when a question may be asked.
type barFront struct {
	o       ProgressOptions
	tracker *tracker

	// mu guards what follows. It is never held together with the tracker's
	// lock: mpb's goroutines take that one while they draw.
	mu     sync.Mutex
	pool   *mpb.Progress
	bars   map[event.Phase]*mpb.Bar
	closed bool
}

func newBarFront(t *tracker, o ProgressOptions) *barFront {
	return &barFront{o: o, tracker: t, bars: map[event.Phase]*mpb.Bar{}}
}

// progress does nothing: mpb's own ticker draws.
func (f *barFront) progress(event.Phase) error { return nil }

// start makes the phase's bar, if it has none yet.
func (f *barFront) start(s snapshot) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || f.bars[s.phase] != nil {
		return nil
	}
	if f.pool == nil {
		f.pool = mpb.New(
			mpb.WithOutput(f.o.Out), mpb.WithWidth(f.o.Width),
			mpb.WithRefreshRate(barRefresh), mpb.WithAutoRefresh())
	}
	// A total of 0 keeps mpb from ending the bar by itself.
	bar, err := f.pool.Add(0, f.filler(s.phase), mpb.BarFillerTrim(), mpb.BarExtender(f.extender(s.phase), false))
	if err != nil {
		return fmt.Errorf("add progress bar: %w", err)
	}
	f.bars[s.phase] = bar
	return nil
}

func (f *barFront) filler(phase event.Phase) mpb.BarFiller {
	return mpb.BarFillerFunc(func(w io.Writer, st decor.Statistics) error {
		s, ok := f.tracker.snapshotOf(phase)
		if !ok {
			return nil
		}
		_, err := io.WriteString(w, barLine(s, st.AvailableWidth, Style{Colors: f.o.Colors}))
		return err
	})
}

// extender adds a line for the large file being worked on.
func (f *barFront) extender(phase event.Phase) mpb.BarFiller {
	return mpb.BarFillerFunc(func(w io.Writer, st decor.Statistics) error {
		s, ok := f.tracker.snapshotOf(phase)
		if !ok || len(s.large) == 0 {
			return nil
		}
		_, err := io.WriteString(w, fit(tableIndent+largeLine(s.large), st.AvailableWidth)+"\n")
		return err
	})
}

func (f *barFront) warning(e event.Event, _ time.Time) error {
	if e.Logged {
		return nil
	}
	style := Style{Colors: f.o.Colors}
	_, err := io.WriteString(f, style.paint(yellow, warningLine(e))+"\n")
	return err
}

// end wipes the phase's bar and leaves a line if the phase took long.
func (f *barFront) end(s snapshot, cause error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if bar := f.bars[s.phase]; bar != nil {
		bar.Abort(true)
		bar.Wait()
		delete(f.bars, s.phase)
	}
	if len(f.bars) == 0 {
		f.stop()
	}
	if s.elapsed < plainFirst {
		return nil
	}
	_, err := f.write([]byte(endLine(s, cause) + "\n"))
	return err
}

// Write puts whole lines above the bars.
func (f *barFront) Write(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.write(b)
}

// write is Write with the lock held. mpb shows lines given to it at its next
// drawing, above the bars.
func (f *barFront) write(b []byte) (int, error) {
	if f.pool != nil {
		return f.pool.Write(b)
	}
	return f.o.Out.Write(b)
}

// Close wipes all bars; later events draw nothing more.
func (f *barFront) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	for _, bar := range f.bars {
		bar.Abort(true)
		bar.Wait()
	}
	clear(f.bars)
	f.stop()
	return nil
}

// stop ends mpb's goroutines after a last drawing.
func (f *barFront) stop() {
	if f.pool != nil {
		f.pool.Wait()
		f.pool = nil
	}
}

// barLayout says which parts a bar line has.
type barLayout struct {
	cells       int // of the bar itself, brackets included; 0: none
	files, rate bool
}

// barLayouts are the layouts from wide to narrow: what matters less goes
// first.
func barLayouts() []barLayout {
	return []barLayout{
		{cells: 24, files: true, rate: true},
		{cells: 10, files: true, rate: true},
		{cells: 10, files: true},
		{cells: 10},
		{},
	}
}

// barLine lays a phase's state out in at most cells terminal cells.
func barLine(s snapshot, cells int, style Style) string {
	for _, l := range barLayouts() {
		if line := l.line(s, style); width(line) <= cells {
			return line
		}
	}
	return fit(strings.TrimSpace(barLayout{}.line(s, Style{})), cells)
}

func (l barLayout) line(s snapshot, style Style) string {
	parts := []string{pad(string(s.phase), len("compare"))}
	if fraction, known := s.done(); known {
		if l.cells > 0 {
			parts = append(parts, bar(fraction, l.cells, style))
		}
		parts = append(parts, fmt.Sprintf("%3d%%", int(fraction*100)))
	}
	if s.bytes > 0 || s.totalBytes > 0 {
		parts = append(parts, ofTotal(Bytes(s.bytes), Bytes(s.totalBytes), s.totalBytes))
	}
	if l.files || s.totalBytes == 0 {
		parts = append(parts, ofTotal(Count(s.files), Count(s.totalFiles), s.totalFiles)+" files")
	}
	if rate := rateOf(s); l.rate && rate != "" {
		parts = append(parts, rate)
	}
	if s.left >= 0 {
		parts = append(parts, Duration(s.left.Round(time.Second))+" left")
	}
	return strings.Join(parts, "  ")
}

// ofTotal returns "done/all", or done alone where the total is not known.
func ofTotal(done, all string, total int64) string {
	if total == 0 {
		return done
	}
	return done + "/" + all
}

func bar(fraction float64, cells int, style Style) string {
	full := int(fraction * float64(cells-2))
	return "[" + style.paint(green, strings.Repeat("#", full)) + strings.Repeat("-", cells-2-full) + "]"
}
