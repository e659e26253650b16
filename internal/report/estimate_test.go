package report

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"phlb/internal/event"
)

// machine is a disk that takes its time: seconds for each kind of work.
type machine struct {
	link, small, smallByte, open, byte float64
	noise                              func() float64 // factor, about 1
}

// duty is some files of a simulated run, one after the other.
type duty struct {
	n    int
	size int64
	link bool
}

const smallest = 256 << 10 // what the simulated sender takes for small

func (m *machine) start(duties []duty) event.Event {
	e := event.Event{Kind: event.Start, Phase: event.Apply}
	for _, d := range duties {
		n := int64(d.n)
		e.Files += n
		switch {
		case d.link:
			e.Links += n
		case d.size < smallest:
			e.Small, e.SmallBytes, e.Bytes = e.Small+n, e.SmallBytes+n*d.size, e.Bytes+n*d.size
		default:
			e.Bytes += n * d.size
		}
	}
	return e
}

// look is what was told at a moment of a run.
type look struct{ at, left time.Duration } // left -1: nothing

// simulate works through the duties and looks twice a second.
func (m *machine) simulate(duties []duty) (looks []look, took time.Duration) {
	clock := newFakeClock()
	tr := &tracker{clock: clock.Now}
	tr.start(m.start(duties))
	began, next := clock.Now(), 500*time.Millisecond
	spend := func(seconds float64, e event.Event) {
		clock.advance(time.Duration(seconds * m.noise() * float64(time.Second)))
		e.Kind, e.Phase = event.Advance, event.Apply
		tr.update(e)
		for now := clock.Now().Sub(began); now >= next; next += 500 * time.Millisecond {
			s, _ := tr.snapshotOf(event.Apply)
			looks = append(looks, look{now, s.left})
		}
	}
	var batch event.Event // short ones are told of together
	seconds := 0.0
	flush := func() {
		spend(seconds, batch)
		seconds, batch = 0, event.Event{}
	}
	for _, d := range duties {
		if !d.link && d.size >= smallest {
			m.large(d.size, spend)
			continue
		}
		cost := m.link
		if !d.link {
			cost = m.small + float64(d.size)*m.smallByte
		}
		const pause = 0.02
		for left := d.n; left > 0; {
			n := min(left, int((pause-seconds)/cost)+1)
			left -= n
			seconds += float64(n) * cost
			batch.Files += int64(n)
			if d.link {
				batch.Links += int64(n)
			} else {
				size := int64(n) * d.size
				batch.Small, batch.Bytes, batch.SmallBytes = batch.Small+int64(n), batch.Bytes+size, batch.SmallBytes+size
			}
			if seconds > pause {
				flush()
			}
		}
	}
	flush()
	return looks, clock.Now().Sub(began)
}

func (m *machine) large(size int64, spend func(float64, event.Event)) {
	const piece = 8 << 20
	spend(m.open, event.Event{})
	for done := int64(0); done < size; done += piece {
		n := min(piece, size-done)
		spend(float64(n)*m.byte, event.Event{Bytes: n})
	}
	spend(0, event.Event{Files: 1})
}

// drawMachine draws from slow disks behind a network to fast ones.
func drawMachine(t *rapid.T) *machine {
	between := func(low, high float64, label string) float64 {
		return math.Exp(rapid.Float64Range(math.Log(low), math.Log(high)).Draw(t, label))
	}
	m := &machine{
		link: between(20e-6, 500e-6, "link"), small: between(100e-6, 5e-3, "small"), byte: 1 / between(20e6, 2e9, "speed"),
	}
	m.open, m.smallByte = m.small, m.byte
	seed := rapid.Uint64().Draw(t, "noise")
	m.noise = func() float64 { // a quarter up or down
		seed = seed*6364136223846793005 + 1442695040888963407
		return 0.75 + 0.5*float64(seed>>40)/(1<<24)
	}
	return m
}

// trust is the factor that what is told may be wrong by, once a fifth of the
// time has passed; differences up to three seconds aside.
const trust = 1.75

// TestTimeLeftCanBeTrusted simulates runs of a machine whose speed stays what
// it is, noise aside: of one that gets slower or faster nobody can tell. What is told after a fifth of the
// time is right within a factor, and most of the time something is told.
func TestTimeLeftCanBeTrusted(t *testing.T) {
	for name, tt := range map[string]struct {
		duties func(t *rapid.T, m *machine) []duty
		told   float64 // the share of the looks, after a fifth of the time, that tell something
	}{
		"one large file": {func(_ *rapid.T, m *machine) []duty {
			return []duty{{n: 1, size: int64(30 / m.byte)}}
		}, 1},
		"tiny files": {func(_ *rapid.T, m *machine) []duty {
			return []duty{{n: int(30 / (m.small + 1000*m.smallByte)), size: 1000}}
		}, 1},
		"many links": {func(_ *rapid.T, m *machine) []duty { return []duty{{n: int(30 / m.link), link: true}} }, 1},
		// What the large file takes is told as soon as it is being copied.
		"many links, then a large file": {func(_ *rapid.T, m *machine) []duty {
			return []duty{{n: int(20 / m.link), link: true}, {n: 1, size: int64(20 / m.byte)}}
		}, 0.5},
		"a large file, then many links": {func(_ *rapid.T, m *machine) []duty {
			return []duty{{n: 1, size: int64(20 / m.byte)}, {n: int(20 / m.link), link: true}}
		}, 0.5},
		"small files among links": {func(t *rapid.T, m *machine) []duty {
			of := rapid.IntRange(2, 50).Draw(t, "one of")
			var list []duty
			for i := range int(30 / (m.small + m.link*float64(of-1))) {
				list = append(list, duty{n: of - 1, link: true}, duty{n: 1, size: 1000 * int64(i%30)})
			}
			return list
		}, 0.75},
		"links and then one small file more": {func(_ *rapid.T, m *machine) []duty {
			return []duty{{n: int(30 / m.link), link: true}, {n: 1, size: 5000}}
		}, 1},
	} {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			m := drawMachine(t)
			looks, took := m.simulate(tt.duties(t, m))
			all, told := 0, 0
			for _, l := range looks {
				if l.at < took/5 {
					continue
				}
				all++
				if l.left < 0 {
					continue
				}
				told++
				truth := (took - l.at).Seconds()
				if left := l.left.Seconds(); math.Abs(left-truth) > 3 && (left > truth*trust || left < truth/trust) {
					t.Fatalf("after %v of %v: %v left were told", l.at, took, l.left)
				}
			}
			if took > 15*time.Second && float64(told+1) < tt.told*float64(all) {
				t.Fatalf("took %v: only %d of %d looks told anything", took, told, all)
			}
		}))
	}
}

// TestTimeLeftIsCalm: it goes down with the clock and is corrected rarely.
func TestTimeLeftIsCalm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMachine(t)
		var duties []duty
		for range 20 {
			duties = append(duties, duty{n: int(1 / m.link), link: true}, duty{n: int(1 / m.small), size: 100})
		}
		looks, _ := m.simulate(duties)
		ups := 0
		for i := 1; i < len(looks); i++ {
			if before := looks[i-1].left; before >= 0 && looks[i].left > before {
				ups++
			}
		}
		if ups > len(looks)/10 {
			t.Fatalf("went up %d times in %d looks", ups, len(looks))
		}
	})
}

func TestTimeLeftIsNotTold(t *testing.T) {
	clock := newFakeClock()
	tr := &tracker{clock: clock.Now}
	left := func() time.Duration {
		s, _ := tr.snapshotOf(event.Apply)
		return s.left
	}
	work := func(seconds int) {
		for range seconds {
			clock.advance(time.Second)
			tr.update(event.Event{Kind: event.Advance, Phase: event.Apply, Bytes: 1e8})
		}
	}
	tr.start(event.Event{Kind: event.Start, Phase: event.Apply})
	if work(10); left() >= 0 {
		t.Errorf("without totals: %v", left())
	}
	tr.end(event.Apply)
	tr.start(event.Event{Kind: event.Start, Phase: event.Apply, Bytes: 1e10})
	if work(2); left() >= 0 {
		t.Errorf("after 2 seconds: %v", left())
	}
	if work(8); left().Round(2*time.Second) != 90*time.Second {
		t.Errorf("after 10 seconds of 100: %v", left())
	}
	if clock.advance(15 * time.Second); left() < 0 {
		t.Error("gave up after 15 quiet seconds")
	}
	if clock.advance(15 * time.Second); left() >= 0 {
		t.Errorf("after 30 quiet seconds: %v", left())
	}
	tr.start(event.Event{Kind: event.Start, Phase: event.Apply, Bytes: math.MaxInt64})
	if work(1); left() >= 0 {
		t.Errorf("of practically never: %v", left())
	}
	tr.end(event.Apply)
	tr.start(event.Event{Kind: event.Start, Phase: event.Apply, Files: 3, Expected: true})
	for n := range 5 {
		tr.update(event.Event{Kind: event.Advance, Phase: event.Apply, Files: 1})
		clock.advance(2 * time.Second)
		if s, _ := tr.snapshotOf(event.Apply); (s.part >= 0) != (n < 2) || n >= 2 && s.left >= 0 {
			t.Errorf("%d of 3 that were expected: %v done, %v left", n+1, s.part, s.left)
		}
	}
}

// TestPartNeverGoesBack, and links count for what they are.
func TestPartNeverGoesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		clock := newFakeClock()
		tr := &tracker{clock: clock.Now}
		tr.start(event.Event{Phase: event.Apply, Files: 1000, Links: 900, Small: 50, SmallBytes: 5000, Bytes: 1e9})
		last := 0.0
		for range rapid.IntRange(1, 50).Draw(t, "steps") {
			clock.advance(time.Duration(rapid.Int64Range(0, 2e9).Draw(t, "time")))
			n := rapid.Int64Range(0, 50).Draw(t, "n")
			tr.update(rapid.SampledFrom([]event.Event{
				{Kind: event.Advance, Phase: event.Apply, Files: n, Links: n},
				{Kind: event.Advance, Phase: event.Apply, Files: n, Small: n, Bytes: 100 * n, SmallBytes: 100 * n},
				{Kind: event.Advance, Phase: event.Apply, Bytes: n << 20},
			}).Draw(t, "event"))
			s, _ := tr.snapshotOf(event.Apply)
			if s.part < last || s.part > 1 {
				t.Fatalf("%v after %v", s.part, last)
			}
			last = s.part
		}
	})
	var e estimator
	if got := e.part(tally{files: 1}, tally{files: 1}); got != 1 {
		t.Errorf("all done: %v", got)
	}
	if got := e.part(tally{}, tally{files: 1}); got != 0 {
		t.Errorf("nothing done: %v", got)
	}
}

func TestTimeLeftInWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "1s", 1: "1s", 59500 * time.Millisecond: "1m00s", 121 * time.Second: "2m10s",
		601 * time.Second: "11m00s", 25 * time.Hour: "1d01h",
	} {
		if got := fmt.Sprint(leftOf(snapshot{left: d})); got != want {
			t.Errorf("%v is told as %s, want %s", d, got, want)
		}
	}
}
