package execute_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"phlb/execute"
	"phlb/internal/fsys"
)

// TestShortWritesAreContinued: with every write of a run cut short, again and
// again, what is published is whole, as are the lookups; the same goes for the
// run after it.
func TestShortWritesAreContinued(t *testing.T) {
	w := newWorld(t)
	for i := range 12 {
		w.write(fmt.Sprintf("d%d/f%d", i%3, i), big(fmt.Sprint(i), 1000+i*40_000))
	}
	w.write("small", "a few bytes")
	short := 0
	cut := func(o *execute.Options) {
		o.Workers = 1
		o.Faults = func(op fsys.Op, _ string) error {
			if op != fsys.OpWrite {
				return nil
			}
			short++
			return fsys.ErrShort
		}
	}
	for range 2 {
		rep := w.apply(w.plan(), cut)
		w.whole(rep)
		w.lookupsSound(true)
		w.write("small", "other bytes")
		w.ok(os.Remove(filepath.Join(w.src, "d0/f3")))
		w.write("d0/f3", big("new", 70_000))
	}
	if short < 100 {
		t.Errorf("%d short writes", short)
	}
}
