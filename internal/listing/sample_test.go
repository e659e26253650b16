package listing

import (
	"fmt"
	"testing"

	"phlb/internal/catalog"
	"phlb/internal/meta"
)

// TestSampleIsSpread: however long a catalogue, the sample is bounded, holds
// no gap much larger than others, and all of a short one.
func TestSampleIsSpread(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 129, 1000, 100_003} {
		var s sample
		for i := range n {
			s.add(&catalog.Record{Path: fmt.Sprintf("d/%d", i), Kind: meta.File, Size: int64(i)})
		}
		if len(s.spread) > maxSpread || n >= maxSpread && len(s.spread) < maxSpread/2 || n < maxSpread && len(s.spread) != n {
			t.Errorf("%d of %d records", len(s.spread), n)
		}
		for i, k := range s.spread {
			if k.size != int64(i*s.stride) {
				t.Fatalf("%d records: number %d of the sample is %d, want %d", n, i, k.size, i*s.stride)
			}
		}
	}
}

// TestShallow: what lies directly in a snapshot is looked at first.
func TestShallow(t *testing.T) {
	var s sample
	for i := range 5000 {
		s.add(&catalog.Record{Path: fmt.Sprintf("%04d", i)})
	}
	if len(s.shallow) != maxShallow {
		t.Errorf("%d of them", len(s.shallow))
	}
}
