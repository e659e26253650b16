package execute

import (
	"testing"
	"time"

	"phlb/internal/meta"
)

func TestWindowsCover(t *testing.T) {
	at := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	window := func(from, to time.Duration) Window { return Window{meta.At(at.Add(from)), meta.At(at.Add(to))} }
	w := windows{window(0, time.Minute), window(time.Hour, 2*time.Hour)}
	for offset, want := range map[time.Duration]bool{
		-time.Second: false, 0: false, 1: true, time.Minute - 1: true, time.Minute: false,
		30 * time.Minute: false, 90 * time.Minute: true, 3 * time.Hour: false,
	} {
		if got := w.cover(meta.At(at.Add(offset))); got != want {
			t.Errorf("cover(%v) = %t", offset, got)
		}
	}
	if (windows)(nil).cover(meta.At(at)) {
		t.Error("no windows cover something")
	}
}

func TestWindowOfReport(t *testing.T) {
	start := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	rep := Report{Start: start, End: start.Add(time.Minute)}
	if got, want := rep.window(), (Window{meta.At(start), meta.At(start.Add(time.Minute))}); got != want {
		t.Errorf("without a window of its own: %v, want %v", got, want)
	}
	rep.CtimeWindow = &Window{meta.Time{Sec: 1}, meta.Time{Sec: 2}}
	if got := rep.window(); got != *rep.CtimeWindow {
		t.Errorf("got %v", got)
	}
}
