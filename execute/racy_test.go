package execute

import (
	"testing"
	"time"

	"phlb/internal/meta"
)

func TestRacy(t *testing.T) {
	began := time.Date(2026, 1, 2, 3, 4, 5, 500_000_000, time.UTC)
	for age, want := range map[time.Duration]bool{
		-time.Second: true, 0: true, 1100 * time.Millisecond: true, 2*time.Second - 1: true,
		2 * time.Second: false, time.Hour: false,
	} {
		if got := racy(meta.At(began.Add(-age)), began); got != want {
			t.Errorf("%v old: %t", age, got)
		}
	}
}
