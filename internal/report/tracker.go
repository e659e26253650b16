package report

import (
	"slices"
	"sync"
	"time"

	"phlb/internal/event"
)

// tracker adds up events into the state of each open phase. It is safe for
// concurrent use and holds its lock only for arithmetic.
type tracker struct {
	clock func() time.Time

	mu     sync.Mutex
	phases []*phaseState // open ones, in the order of their start
}

// phaseState is what is known of an open phase.
type phaseState struct {
	phase              event.Phase
	name               string // of the source
	started            time.Time
	done, total        tally // zeros in total: not known
	worked             tally // done, without what was ready before
	expected           bool  // total is an expectation
	byteRate, fileRate meter
	estimate           estimator
	large              []largeFile // being worked on, in the order of their start
	most               float64     // the largest part that was told to be done
	shown              time.Time   // when a front end last showed it; zero: never
}

type largeFile struct {
	path       string
	done, size int64
}

// snapshot is the state of a phase at one moment.
type snapshot struct {
	phase                  event.Phase
	name                   string
	now                    time.Time
	elapsed                time.Duration
	files, bytes           int64
	totalFiles, totalBytes int64
	expected               bool          // the totals may be wrong
	byteRate, fileRate     float64       // a second, now; 0: not known
	left                   time.Duration // -1: not known
	part                   float64       // of the phase that is done, 0 to 1; -1: not known
	large                  []largeFile
}

// start opens the phase of e, or corrects the totals of an open one.
func (t *tracker) start(e event.Event) snapshot {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock()
	p := t.find(e.Phase)
	if p == nil {
		p = &phaseState{phase: e.Phase, started: now, estimate: newEstimator(now)}
		p.byteRate.add(now, 0)
		p.fileRate.add(now, 0)
		t.phases = append(t.phases, p)
	}
	p.name, p.total, p.expected = e.Path, tallyOf(e), e.Expected
	return p.snapshot(now)
}

// update counts e. Phases that are not open are left alone: an event that
// comes after its phase's End must not open it again.
func (t *tracker) update(e event.Event) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.find(e.Phase); p != nil {
		p.count(e, t.clock())
	}
}

// end closes a phase and returns its state with rates over all its time; ok
// is false if it was not open.
func (t *tracker) end(phase event.Phase) (s snapshot, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.find(phase)
	if p == nil {
		return snapshot{}, false
	}
	t.phases = slices.DeleteFunc(t.phases, func(o *phaseState) bool { return o == p })
	s = p.snapshot(t.clock())
	s.overall()
	return s, true
}

func (t *tracker) busy() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.phases) > 0
}

// find returns the open phase, or nil. The lock must be held.
func (t *tracker) find(phase event.Phase) *phaseState {
	for _, p := range t.phases {
		if p.phase == phase {
			return p
		}
	}
	return nil
}

// snapshotOf returns the state of a phase now; ok is false if it is closed.
func (t *tracker) snapshotOf(phase event.Phase) (s snapshot, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.find(phase)
	if p == nil {
		return snapshot{}, false
	}
	return p.snapshot(t.clock()), true
}

// due returns the phase's state if it was last shown at least as long ago as
// every says for how long it has been running or, if it never was, started at
// least first ago. It then counts as shown.
func (t *tracker) due(phase event.Phase, first time.Duration, every func(running time.Duration) time.Duration) (s snapshot, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.find(phase)
	if p == nil {
		return snapshot{}, false
	}
	now := t.clock()
	since, wait := p.shown, every(now.Sub(p.started))
	if since.IsZero() {
		since, wait = p.started, first
	}
	if now.Sub(since) < wait {
		return snapshot{}, false
	}
	p.shown = now
	return p.snapshot(now), true
}

// count adds e to the phase.
func (p *phaseState) count(e event.Event, now time.Time) {
	switch e.Kind {
	case event.Advance:
		did := tallyOf(e)
		if p.total.links == 0 && p.total.small == 0 {
			did.links, did.small, did.smallBytes = 0, 0, 0 // as the totals are not told apart
		}
		p.done.add(did)
		if !e.Ready {
			p.work(now, did)
		}
		if i := p.largeIndex(e.Path); i >= 0 {
			p.large[i].done += e.Bytes
		}
	case event.File:
		if p.largeIndex(e.Path) < 0 {
			p.large = append(p.large, largeFile{path: e.Path, size: e.Bytes})
		}
	case event.FileDone:
		if i := p.largeIndex(e.Path); i >= 0 {
			p.large = slices.Delete(p.large, i, i+1)
		}
	}
}

// work takes into rates and prices what took time.
func (p *phaseState) work(now time.Time, did tally) {
	p.worked.add(did)
	p.byteRate.add(now, p.worked.bytes)
	p.fileRate.add(now, p.worked.files)
	if p.total.bytes == 0 { // how much more is to come is not known: it is in the price of files
		did.bytes, did.smallBytes = 0, 0
	}
	p.estimate.add(now, did)
}

func (p *phaseState) largeIndex(path string) int {
	return slices.IndexFunc(p.large, func(l largeFile) bool { return l.path == path })
}

func (p *phaseState) snapshot(now time.Time) snapshot {
	return snapshot{
		phase: p.phase, name: p.name, now: now, elapsed: now.Sub(p.started),
		files: p.done.files, bytes: p.done.bytes,
		totalFiles: p.total.files, totalBytes: p.total.bytes, expected: p.expected,
		byteRate: p.byteRate.rate(now), fileRate: p.fileRate.rate(now),
		left: p.left(now), part: p.part(),
		large: slices.Clone(p.large),
	}
}

// measurable reports whether totals tell how much is left to do.
func (p *phaseState) measurable() bool {
	switch {
	case p.total.files <= 0 && p.total.bytes <= 0:
		return false
	case p.expected && p.done.files >= p.total.files:
		return false // there is more than was expected, and who knows how much
	}
	return true
}

// left is the time left; -1: not known.
func (p *phaseState) left(now time.Time) time.Duration {
	if !p.measurable() {
		return -1
	}
	return p.estimate.left(now, rest(p.total, p.done))
}

// part is how much of the phase's work is done, by what its kinds cost; -1:
// not known. It never goes back.
func (p *phaseState) part() float64 {
	if !p.measurable() {
		return -1
	}
	p.most = max(p.most, p.estimate.part(p.done, p.total))
	return p.most
}

// isCounted reports whether there is anything to count in the phase.
func (s *snapshot) isCounted() bool { return s.phase != event.Publish }

// overall replaces the moving averages by those over the whole phase.
func (s *snapshot) overall() {
	s.byteRate, s.fileRate, s.left = 0, 0, -1
	if s.elapsed > 0 {
		s.byteRate = float64(s.bytes) / s.elapsed.Seconds()
		s.fileRate = float64(s.files) / s.elapsed.Seconds()
	}
}

// meter measures the moving average of a growing count.
type meter struct{ points []point }

type point struct {
	at    time.Time
	count int64
}

const (
	meterSpan = 5 * time.Second        // averaged over
	meterStep = 500 * time.Millisecond // between two points
)

// add notes that the count is n by now.
func (m *meter) add(now time.Time, n int64) {
	last := len(m.points) - 1
	// The first point stays as it is; the last one moves along until it is a
	// step away from the one before.
	if last >= 1 && now.Sub(m.points[last-1].at) < meterStep {
		m.points[last] = point{now, n}
		return
	}
	m.points = append(m.points, point{now, n})
	m.forget(now)
}

// forget drops points that lie before the span, but keeps one at its edge.
func (m *meter) forget(now time.Time) {
	for len(m.points) > 2 && now.Sub(m.points[1].at) >= meterSpan {
		m.points = slices.Delete(m.points, 0, 1)
	}
}

// rate returns the count's growth a second up to now, 0 if not known. It
// falls while nothing comes.
func (m *meter) rate(now time.Time) float64 {
	m.forget(now)
	if len(m.points) == 0 {
		return 0
	}
	first, last := m.points[0], m.points[len(m.points)-1]
	seconds := now.Sub(first.at).Seconds()
	if seconds <= 0 {
		return 0
	}
	return float64(last.count-first.count) / seconds
}
