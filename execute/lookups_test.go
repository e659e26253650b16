package execute

import "testing"

// TestNewsAreBounded: what does not fit is not remembered in part, so that the
// catalogue is asked for all of it.
func TestNewsAreBounded(t *testing.T) {
	n := lookupNews{complete: true}
	n.add(make([]content, lookupChunk-1))
	n.add(make([]content, 1))
	if !n.complete || len(n.added) != lookupChunk {
		t.Fatalf("complete: %t with %d", n.complete, len(n.added))
	}
	n.add(make([]content, 1))
	if n.complete || len(n.added) != 0 {
		t.Errorf("one too many: complete: %t with %d", n.complete, len(n.added))
	}
	n.add(make([]content, 1))
	if n.complete || len(n.added) != 0 {
		t.Errorf("one more: complete: %t with %d", n.complete, len(n.added))
	}
}
