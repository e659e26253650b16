package execute

import (
	"testing"
	"time"

	"phlb/internal/meta"
)

func TestWindowsCover(t *testing.T) {
	at := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	w := windows{{at, at.Add(time.Minute)}, {at.Add(time.Hour), at.Add(2 * time.Hour)}}
	for offset, want := range map[time.Duration]bool{
		-time.Second: false, -1: false, 0: true, time.Minute: true, time.Minute + 1: false,
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
