package execute

import (
	"testing"

	"phlb/internal/digest"
	"phlb/internal/sums"
	"phlb/plan"
)

// TestListsKeepLittle: what is kept of a huge directory until the end of a run
// is neither its names nor their memory.
func TestListsKeepLittle(t *testing.T) {
	var l lists[sums.Line]
	list := []sums.Line{{Name: "a"}, {Name: "b"}}
	l.reuse(list)
	if list[0].Name != "" || list[1].Name != "" {
		t.Errorf("points to %q", list)
	}
	l.reuse(make([]sums.Line, 0, maxReused+1))
	for range 3 {
		if n := cap(l.empty(0)); n > maxReused {
			t.Errorf("kept room for %d", n)
		}
	}
}

// TestSparesAreBounded: where nothing can be linked, a file more takes no
// memory more.
func TestSparesAreBounded(t *testing.T) {
	var s spares
	rule := plan.LinkRule{}
	for ino := range uint64(maxSpares + 1) {
		s.keep(ino, spare{path: "x"})
	}
	for ino, want := range map[uint64]bool{0: true, maxSpares - 1: true, maxSpares: false} {
		if _, ok := s.of(ino, digest.Sum{}, &rule, &plan.Attrs{}); ok != want {
			t.Errorf("the spare of inode %d is there: %v", ino, ok)
		}
	}
}
