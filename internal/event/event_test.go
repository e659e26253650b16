package event_test

import (
	"slices"
	"sync"
	"testing"

	"phlb/internal/event"
)

type recorder struct {
	mu     sync.Mutex
	events []event.Event
}

func (r *recorder) Send(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func TestTeePassesEveryEventInOrder(t *testing.T) {
	var a, b recorder
	sink := event.Tee(&a, nil, event.Discard, event.Func(b.Send))
	want := []event.Event{
		{Kind: event.Start, Phase: event.Scan},
		{Kind: event.Advance, Phase: event.Scan, Files: 1, Bytes: 2},
		{Kind: event.End, Phase: event.Scan},
	}
	for _, e := range want {
		sink.Send(e)
	}
	if !slices.Equal(a.events, want) || !slices.Equal(b.events, want) {
		t.Errorf("got %v and %v, want %v", a.events, b.events, want)
	}
}

func TestTeeOfNothing(t *testing.T) {
	event.Tee().Send(event.Event{Kind: event.Start})
	event.Tee(nil).Send(event.Event{Kind: event.Start})
}

func TestKindNames(t *testing.T) {
	seen := map[string]bool{}
	for k := event.Start; k <= event.End; k++ {
		name := k.String()
		if name == "" || seen[name] {
			t.Errorf("kind %d is called %q", k, name)
		}
		seen[name] = true
	}
	if got := event.Kind(200).String(); got != "" {
		t.Errorf("unknown kind is called %q", got)
	}
}
