package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.uber.org/goleak"

	"phlb/internal/event"
)

// fakeClock stands still until it is moved.
type fakeClock struct {
	mu  sync.Mutex
	now time.Time
}

func newFakeClock() *fakeClock {
	return &fakeClock{now: time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)}
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

const mib = 1 << 20

// record sends the events of a scan of 2 seconds and an apply of 30 seconds:
// one file of 10 MiB a second, while big.iso is being copied from second 10
// to 20.
func record(p *Progress, clock *fakeClock) {
	p.Send(event.Event{Kind: event.Start, Phase: event.Scan})
	clock.advance(2 * time.Second)
	p.Send(event.Event{Kind: event.Advance, Phase: event.Scan, Files: 30})
	p.Send(event.Event{Kind: event.End, Phase: event.Scan})
	p.Send(event.Event{Kind: event.Start, Phase: event.Apply, Files: 30, Bytes: 300 * mib})
	for second := range 30 {
		if second == 10 {
			p.Send(event.Event{Kind: event.File, Phase: event.Apply, Path: "d/big\n.iso", Bytes: 100 * mib})
		}
		clock.advance(time.Second)
		for range 10 {
			p.Send(event.Event{Kind: event.Advance, Phase: event.Apply, Path: "d/big\n.iso", Bytes: mib})
		}
		p.Send(event.Event{Kind: event.Advance, Phase: event.Apply, Path: "x", Files: 1})
		if second == 20 {
			p.Send(event.Event{Kind: event.FileDone, Phase: event.Apply, Path: "d/big\n.iso"})
			p.Send(event.Event{Kind: event.Warning, Phase: event.Apply, Path: "a\xffb", Text: "vanished\r!"})
		}
	}
	p.Send(event.Event{Kind: event.End, Phase: event.Apply})
	p.Send(event.Event{Kind: event.Advance, Phase: event.Apply, Files: 1}) // too late: ignored
}

func run(t *testing.T, mode ProgressMode, o ProgressOptions) string {
	t.Helper()
	clock := newFakeClock()
	o.Clock = clock.Now
	return printed(t, mode, o, func(p *Progress) { record(p, clock) })
}

// printed returns what is written of the events that send sends.
func printed(t *testing.T, mode ProgressMode, o ProgressOptions, send func(*Progress)) string {
	t.Helper()
	var out bytes.Buffer
	o.Out = &out
	p, err := NewProgress(mode, o)
	if err != nil {
		t.Fatal(err)
	}
	send(p)
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestPlainProgress(t *testing.T) {
	for _, mode := range []ProgressMode{ProgressPlain, ProgressAuto, ProgressBar} {
		golden(t, "progress-plain", run(t, mode, ProgressOptions{Surface: Stream}))
	}
}

func TestNoProgress(t *testing.T) {
	if got := run(t, ProgressNone, ProgressOptions{Surface: Terminal}); got != "" {
		t.Errorf("mode none wrote %q", got)
	}
}

func TestUnknownProgressMode(t *testing.T) {
	if _, err := NewProgress("fancy", ProgressOptions{}); !errors.Is(err, ErrProgressMode) {
		t.Errorf("got %v", err)
	}
}

func TestJSONProgress(t *testing.T) {
	out := run(t, ProgressJSON, ProgressOptions{})
	golden(t, "progress-json", out)
	schema, err := jsonschema.NewCompiler().Compile("progress.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	perSecond := map[string]int{}
	for line := range strings.Lines(out) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if instance, err := jsonschema.UnmarshalJSON(strings.NewReader(line)); err != nil || schema.Validate(instance) != nil {
			t.Errorf("%s: %v", line, schema.Validate(instance))
		}
		if object["event"] == "progress" {
			key := fmt.Sprint(object["phase"], object["time"])
			if perSecond[key]++; perSecond[key] > 1 {
				t.Errorf("more than one line a second: %s", line)
			}
		}
	}
}

func TestProgressOfFailedPhase(t *testing.T) {
	var out bytes.Buffer
	clock := newFakeClock()
	p, err := NewProgress(ProgressPlain, ProgressOptions{Out: &out, Clock: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	p.Send(event.Event{Kind: event.Start, Phase: event.Apply})
	clock.advance(90 * time.Second)
	p.Send(event.Event{Kind: event.End, Phase: event.Apply, Err: errors.New("disk full")})
	p.Send(event.Event{Kind: event.Start, Phase: event.Publish, Path: "home"})
	clock.advance(7 * time.Second)
	p.Send(event.Event{Kind: event.End, Phase: event.Publish, Path: "home"})
	want := "apply: 0 files in 1m30s: disk full\npublish home: 7s\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

func TestBarProgressLeavesOnlyLines(t *testing.T) {
	defer goleak.VerifyNone(t)
	out := run(t, ProgressBar, ProgressOptions{Surface: Terminal})
	want := []string{
		`warning: "a\xffb": vanished\r!`,
		"apply: 30 files, 300 MiB in 30s, 10 MiB/s",
		"",
	}
	if d := cmp.Diff(want, replay(t, out).lines); d != "" {
		t.Errorf("%s\nin %q", d, out)
	}
}

func TestBarProgressInterrupted(t *testing.T) {
	defer goleak.VerifyNone(t)
	out, clock := &syncBuffer{}, newFakeClock()
	p, err := NewProgress(ProgressAuto, ProgressOptions{Out: out, Surface: Terminal, Title: true, Clock: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	p.Send(event.Event{Kind: event.Start, Phase: event.Scan})
	p.Send(event.Event{Kind: event.Start, Phase: event.Plan, Path: "home", Files: 10})
	p.Send(event.Event{Kind: event.File, Phase: event.Plan, Path: "big", Bytes: 1 << 30})
	for deadline := time.Now().Add(10 * time.Second); !strings.Contains(out.String(), "phlb plan home"); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no bar was ever drawn: %q", out.String())
		}
	}
	fmt.Fprintln(p, "a line of the log")
	shown := replay(t, out.String())
	want := []string{"a line of the log", "scan     0 entries  0 entries/s", "plan     home  [----------------------]    0%  0/10 entries  0 entries/s", "  big 0% of 1.0 GiB"}
	for i := range shown.lines {
		shown.lines[i] = strings.TrimRight(shown.lines[i], " ")
	}
	if d := cmp.Diff(want, shown.lines); d != "" || shown.row != 1 || shown.column != 0 || shown.title != "phlb plan home 0%" {
		t.Errorf("%s\nrow %d, column %d, title %q", d, shown.row, shown.column, shown.title)
	}
	for range 2 { // closing twice is fine
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
	p.Send(event.Event{Kind: event.Start, Phase: event.Prune}) // too late: draws nothing
	fmt.Fprintln(p, "the last line")
	shown = replay(t, out.String())
	if d := cmp.Diff([]string{"a line of the log", "the last line", ""}, shown.lines); d != "" {
		t.Errorf("%s\nin %q", d, out.String())
	}
	if shown.title != "its own" || shown.noWrap {
		t.Errorf("title %q, wrapping %v", shown.title, !shown.noWrap)
	}
}

func TestProgressConcurrently(t *testing.T) {
	defer goleak.VerifyNone(t)
	for _, mode := range ProgressModes() {
		var out bytes.Buffer
		p, err := NewProgress(mode, ProgressOptions{Out: &out, Surface: Terminal, Clock: newFakeClock().Now})
		if err != nil {
			t.Fatal(err)
		}
		p.Send(event.Event{Kind: event.Start, Phase: event.Apply, Files: 400})
		var workers sync.WaitGroup
		for w := range 4 {
			workers.Go(func() {
				path := fmt.Sprint("large", w)
				p.Send(event.Event{Kind: event.File, Phase: event.Apply, Path: path, Bytes: 100})
				for range 100 {
					p.Send(event.Event{Kind: event.Advance, Phase: event.Apply, Path: path, Files: 1, Bytes: 1})
				}
				p.Send(event.Event{Kind: event.Warning, Path: path, Text: "one"})
				p.Send(event.Event{Kind: event.FileDone, Phase: event.Apply, Path: path})
			})
		}
		workers.Wait()
		if s, ok := p.tracker.snapshotOf(event.Apply); !ok || s.files != 400 || s.bytes != 400 || len(s.large) != 0 {
			t.Errorf("%s: got %+v", mode, s)
		}
		p.Send(event.Event{Kind: event.End, Phase: event.Apply})
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestToldOnce: what the log tells is not told again beside it, but wrappers,
// which read nothing but events, are told.
func TestToldOnce(t *testing.T) {
	for mode, want := range map[ProgressMode]int{ProgressBar: 1, ProgressPlain: 1, ProgressJSON: 2} {
		o := ProgressOptions{Surface: Terminal, Clock: newFakeClock().Now}
		out := printed(t, mode, o, func(p *Progress) {
			p.Send(event.Event{Kind: event.Warning, Phase: event.Apply, Path: "f", Text: "damaged", Logged: true})
			p.Send(event.Event{Kind: event.Warning, Phase: event.Apply, Path: "f", Text: "damaged"})
		})
		if n := strings.Count(out, "damaged"); n != want {
			t.Errorf("%s: told %d times, want %d:\n%s", mode, n, want, out)
		}
	}
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestProgressReportsWriteErrorAtClose(t *testing.T) {
	p, err := NewProgress(ProgressJSON, ProgressOptions{Out: failingWriter{}, Clock: newFakeClock().Now})
	if err != nil {
		t.Fatal(err)
	}
	p.Send(event.Event{Kind: event.Start, Phase: event.Scan})
	if err := p.Close(); err == nil || !strings.Contains(err.Error(), "broken pipe") {
		t.Errorf("got %v", err)
	}
}

func TestBarLine(t *testing.T) {
	s := snapshot{
		phase: event.Apply, name: "home", files: 1234, totalFiles: 5000, bytes: 3 << 30, totalBytes: 10 << 30,
		byteRate: 85 * mib, fileRate: 40, left: 84 * time.Second, part: 0.3,
	}
	unknown := snapshot{phase: event.Scan, files: 1234, fileRate: 200, left: -1, part: -1, elapsed: 75 * time.Second}
	var out strings.Builder
	for _, cells := range []int{140, 90, 70, 60, 45, 30, 12, 3, 0} {
		for _, s := range []snapshot{s, unknown} {
			line := barLine(s, cells, Style{})
			if width(line) > cells {
				t.Errorf("%d cells in place of %d: %q", width(line), cells, line)
			}
			fmt.Fprintf(&out, "%3d %s|\n", cells, line)
		}
	}
	golden(t, "bar", out.String())
}

func TestRateIsAMovingAverage(t *testing.T) {
	clock := newFakeClock()
	var m meter
	m.add(clock.Now(), 0)
	for n := range int64(100) { // 10 a second, for a long time
		clock.advance(100 * time.Millisecond)
		m.add(clock.Now(), n+1)
	}
	if got := m.rate(clock.Now()); got < 9.5 || got > 10.5 {
		t.Errorf("steady: %v a second, want 10", got)
	}
	clock.advance(2500 * time.Millisecond)
	if got := m.rate(clock.Now()); got < 4.5 || got > 7 {
		t.Errorf("after 2.5 quiet seconds: %v a second, want about 5", got)
	}
	clock.advance(time.Hour)
	if got := m.rate(clock.Now()); got > 0.1 {
		t.Errorf("after a quiet hour: %v a second", got)
	}
	if len(m.points) > 20 {
		t.Errorf("%d points held", len(m.points))
	}
}
