package execute

import (
	"encoding/binary"
	"testing"

	"phlb/internal/digest"
)

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

// TestLooksAgainAreBounded: where too many entries are in doubt, all are.
func TestLooksAgainAreBounded(t *testing.T) {
	sum := func(n int) (s digest.Sum) {
		binary.BigEndian.PutUint32(s[:], uint32(n))
		return s
	}
	n := lookupNews{again: map[digest.Sum]lookupCare{}, complete: true}
	for i := range lookupChunk {
		n.lookAgain(sum(i), keepGood)
	}
	n.lookAgain(sum(1), pointHere)
	n.lookAgain(sum(1), keepGood)
	if care, wanted := n.care(sum(1), false); care != pointHere || !wanted {
		t.Errorf("care %d, wanted %t", care, wanted)
	}
	if _, wanted := n.care(sum(lookupChunk), true); wanted || !n.complete {
		t.Errorf("wanted: %t, complete: %t", wanted, n.complete)
	}
	n.lookAgain(sum(lookupChunk), keepGood)
	n.lookAgain(sum(lookupChunk+1), keepGood)
	if len(n.again) > 0 || n.complete {
		t.Errorf("%d are remembered, complete: %t", len(n.again), n.complete)
	}
	copied, wanted := n.care(sum(1<<30), true)
	linked, too := n.care(sum(1<<30), false)
	if copied != pointHere || linked != keepGood || !wanted || !too {
		t.Errorf("a copy: %d, %t; a link: %d, %t", copied, wanted, linked, too)
	}
}
