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
	phase                  event.Phase
	started                time.Time
	files, bytes           int64
	totalFiles, totalBytes int64 // 0: not known
	byteRate, fileRate     meter
	large                  []largeFile // being worked on, in the order of their start
	shown                  time.Time   // when a front end last showed it; zero: never
}

type largeFile struct {
	path       string
	done, size int64
}

// snapshot is the state of a phase at one moment.
type snapshot struct {
	phase                  event.Phase
	now                    time.Time
	elapsed                time.Duration
	files, bytes           int64
	totalFiles, totalBytes int64
	byteRate, fileRate     float64       // a second; 0: not known
	left                   time.Duration // -1: not known
	large                  []largeFile
}

// start opens the phase of e, or corrects the totals of an open one.
func (t *tracker) start(e event.Event) snapshot {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock()
	p := t.find(e.Phase)
	if p == nil {
		p = &phaseState{phase: e.Phase, started: now}
		p.byteRate.add(now, 0)
		p.fileRate.add(now, 0)
		t.phases = append(t.phases, p)
	}
	p.totalFiles, p.totalBytes = e.Files, e.Bytes
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

// due returns the phase's state if it was last shown at least every ago or,
// if it never was, started at least first ago. It then counts as shown.
func (t *tracker) due(phase event.Phase, first, every time.Duration) (s snapshot, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.find(phase)
	if p == nil {
		return snapshot{}, false
	}
	now := t.clock()
	since, wait := p.shown, every
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
		p.files += e.Files
		p.bytes += e.Bytes
		p.byteRate.add(now, p.bytes)
		p.fileRate.add(now, p.files)
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

func (p *phaseState) largeIndex(path string) int {
	return slices.IndexFunc(p.large, func(l largeFile) bool { return l.path == path })
}

func (p *phaseState) snapshot(now time.Time) snapshot {
	s := snapshot{
		phase: p.phase, now: now, elapsed: now.Sub(p.started),
		files: p.files, bytes: p.bytes,
		totalFiles: p.totalFiles, totalBytes: p.totalBytes,
		byteRate: p.byteRate.rate(now), fileRate: p.fileRate.rate(now),
		large: slices.Clone(p.large),
	}
	// Many small files take longer than their bytes tell, so the slower of
	// the two estimates is the better one.
	s.left = max(
		timeLeft(s.totalBytes-s.bytes, s.totalBytes, s.byteRate),
		timeLeft(s.totalFiles-s.files, s.totalFiles, s.fileRate))
	return s
}

// overall replaces the moving averages by those over the whole phase.
func (s *snapshot) overall() {
	s.byteRate, s.fileRate, s.left = 0, 0, -1
	if s.elapsed > 0 {
		s.byteRate = float64(s.bytes) / s.elapsed.Seconds()
		s.fileRate = float64(s.files) / s.elapsed.Seconds()
	}
}

// timeLeft is -1 when there is nothing to tell it from.
func timeLeft(todo, total int64, rate float64) time.Duration {
	const century = 100 * 365 * 24 * 3600 // seconds; more would overflow
	if total <= 0 || rate <= 0 {
		return -1
	}
	seconds := float64(max(todo, 0)) / rate
	if seconds > century {
		return -1
	}
	return time.Duration(seconds * float64(time.Second))
}

// done returns how much of the phase is done, from 0 to 1; ok is false when
// the totals are not known.
func (s *snapshot) done() (fraction float64, ok bool) {
	switch {
	case s.totalBytes > 0:
		return min(1, float64(s.bytes)/float64(s.totalBytes)), true
	case s.totalFiles > 0:
		return min(1, float64(s.files)/float64(s.totalFiles)), true
	}
	return 0, false
}

// meter measures the moving average of a growing count.
type meter struct{ points []point }

type point struct {
	at    time.Time
	count int64
}

const (
	meterSpan = 15 * time.Second // averaged over
	meterStep = time.Second      // between two points
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
