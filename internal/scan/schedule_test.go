package scan

import (
	"fmt"
	"testing"
)

// TestEmptyDirectories: what is awaited may add nothing to what is ahead; the
// consumer must be woken all the same.
func TestEmptyDirectories(t *testing.T) {
	dir := t.TempDir()
	want := []string{". [dir]"}
	for i := range 40 {
		write(t, dir, fmt.Sprintf("%02d/a/", i), fmt.Sprintf("%02d/b/", i))
		want = append(want, fmt.Sprintf("%02d [dir]", i), fmt.Sprintf("%02d/a [dir]", i), fmt.Sprintf("%02d/b [dir]", i))
	}
	for workers := 1; workers <= 4; workers++ {
		for _, ahead := range []int{0, 1, 2, 7, 100} {
			check(t, collect(t, dir, Options{Workers: workers, MaxAhead: ahead}), want...)
		}
	}
}
