package plan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// visitedAhead is more than is ever decoded ahead.
const visitedAhead = 3 * visitBatches * visitsTogether

// aheadCounts are numbers of entries around the ends of batches.
func aheadCounts() []int {
	const total = visitBatches * visitsTogether
	return []int{0, 1, visitsTogether - 1, visitsTogether, visitsTogether + 1, total - 1, total, total + 1, 2*total + 7}
}

// aheadPlan is a plan of many entries, and the line of each.
func aheadPlan(tb testing.TB) (text []byte, lines []int) {
	tb.Helper()
	var b bytes.Buffer
	if err := large(tb, visitedAhead).Write(&b); err != nil {
		tb.Fatal(err)
	}
	for i, line := range bytes.Split(b.Bytes(), []byte("\n")) {
		if bytes.HasPrefix(line, []byte(`{"action":`)) {
			lines = append(lines, i+1)
		}
	}
	return b.Bytes(), lines
}

// damagedAt returns the plan with an entry's action exchanged for an unknown one.
func damagedAt(text []byte, line int) []byte {
	lines := slices.Clone(bytes.Split(text, []byte("\n")))
	lines[line-1] = bytes.Replace(lines[line-1], []byte(`{"action":"`), []byte(`{"action":"un`), 1)
	return bytes.Join(lines, []byte("\n"))
}

// readTo reads a plan and refuses the entry behind the first ones.
func readTo(ctx context.Context, text []byte, first int, refusal error) (visited int, err error) {
	_, err = Read(ctx, bytes.NewReader(text), Visitor{Entry: func(*Entry) error {
		if visited == first {
			return refusal
		}
		visited++
		return nil
	}})
	return visited, err
}

// TestFirstErrorCounts: of what a Visitor refuses and what is wrong in the plan
// the first is told, with its line, although decoding is ahead.
func TestFirstErrorCounts(t *testing.T) {
	text, lines := aheadPlan(t)
	no := errors.New("no")
	for _, n := range aheadCounts() {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			var at *LineError
			visited, err := readTo(t.Context(), damagedAt(text, lines[n+1]), n, no)
			if visited != n || !errors.Is(err, no) || !errors.As(err, &at) || at.Line != lines[n] {
				t.Errorf("refused in front of damage: %d visited, %v; want line %d", visited, err, lines[n])
			}
			visited, err = readTo(t.Context(), damagedAt(text, lines[n]), n+1, no)
			if visited != n || errors.Is(err, no) || !errors.As(err, &at) || at.Line != lines[n] {
				t.Errorf("damaged in front of a refusal: %d visited, %v; want line %d", visited, err, lines[n])
			}
		})
	}
}

// TestReadCancelled: once cancelled, what was decoded ahead is not visited but
// for a batch, and the plan is not to blame.
func TestReadCancelled(t *testing.T) {
	text, _ := aheadPlan(t)
	for _, n := range aheadCounts() {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			visited := 0
			_, err := Read(ctx, bytes.NewReader(text), Visitor{Entry: func(*Entry) error {
				if visited == n {
					cancel()
				}
				visited++
				return nil
			}})
			if at := (*LineError)(nil); !errors.Is(err, context.Canceled) || errors.As(err, &at) {
				t.Errorf("got %v", err)
			}
			if visited > n+visitsTogether {
				t.Errorf("%d visited after %d", visited, n)
			}
		})
	}
}

// endless repeats a text for ever.
type endless struct{ text string }

func (e endless) Read(p []byte) (int, error) {
	n := 0
	for n+len(e.text) <= len(p) {
		n += copy(p[n:], e.text)
	}
	return n, nil
}

// TestRefusedIsReadNoFurther: behind what was refused there may be anything.
func TestRefusedIsReadNoFurther(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	text, _, _ := strings.Cut(string(encode(t, sample(t))), `"entries":[`)
	no := errors.New("no")
	v := Visitor{Header: func(*Header) error { return no }}
	for name, more := range map[string]string{"skipped": `"future":[0`, "decoded": `"entries":[{"action":"skip","path":"a"}`} {
		t.Run(name, func(t *testing.T) {
			in := io.MultiReader(strings.NewReader(text+more), endless{",0"})
			if _, err := Read(t.Context(), in, v); !errors.Is(err, no) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// late is at its end only when something has happened.
type late struct {
	tb       testing.TB
	happened chan struct{}
}

func (l late) Read([]byte) (int, error) {
	select {
	case <-l.happened:
	case <-time.After(20 * time.Second):
		l.tb.Error("nothing was visited")
	}
	return 0, io.EOF
}

// TestVisitsDoNotWait: what is decoded is visited, however long the rest takes.
func TestVisitsDoNotWait(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	text, _ := aheadPlan(t)
	happened, visited := make(chan struct{}), 0
	in := io.MultiReader(bytes.NewReader(text[:100_000]), late{t, happened}, bytes.NewReader(text[100_000:]))
	_, err := Read(t.Context(), in, Visitor{Entry: func(*Entry) error {
		if visited++; visited == 300 {
			close(happened)
		}
		return nil
	}})
	if err != nil || visited < visitedAhead {
		t.Errorf("%d visited, %v", visited, err)
	}
}
