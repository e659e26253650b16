//go:build unix

package plan_test

import (
	"strings"
	"testing"
)

// TestNamesThatGrowTooLong: a name that is too long with the ".source" it gets
// in the snapshot is a skip, and of a directory all that lies in it.
func TestNamesThatGrowTooLong(t *testing.T) {
	w := newWorld(t)
	long := "SHA256SUMS" + strings.Repeat(".source", 35)
	w.file("a/"+long, noise(1, 2000))
	w.file("b/"+long+"/inside", noise(2, 2000))
	w.file("c/SHA256SUMS.source", noise(3, 2000))
	p := w.plan()
	p.want(t, "a/"+long, "skip  name: its 262 bytes are more than the 255 that the destination can hold")
	p.want(t, "b/"+long, "skip  name: its 262 bytes are more than the 255 that the destination can hold")
	p.want(t, "c/SHA256SUMS.source", "copy new new size")
	for _, e := range p.entries {
		if strings.HasSuffix(e.Path, "inside") {
			t.Errorf("%s is planned", e.Path)
		}
	}
}
