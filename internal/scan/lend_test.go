package scan

import (
	"reflect"
	"testing"

	"phlb/internal/fsys"
)

func TestBlanksAreZero(t *testing.T) {
	var b blanks
	for _, n := range []int{0, 1, 2, 3, 4, 5, 300, maxPiece, 5, 3, 0} {
		c := b.take(n)
		if len(c) != n || cap(c) > 2*n {
			t.Errorf("take(%d) has length %d, capacity %d", n, len(c), cap(c))
		}
		for i := range c {
			if !reflect.ValueOf(c[i]).IsZero() {
				t.Fatalf("take(%d): child %d is %+v", n, i, c[i])
			}
			c[i].Path, c[i].Skip, c[i].node = "x", "y", &node{}
		}
		b.give(c)
	}
}

// TestListIsNotKept: the next directory's names overwrite a lent list.
func TestListIsNotKept(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a", "b")
	root := openRoot(t, dir)
	top, err := newTop(root)
	if err != nil {
		t.Fatal(err)
	}
	dirs := newOpenDirs(top, maxOpen)
	defer dirs.closeAll()
	o := Options{MaxAhead: 1000}
	r := &reader{Options: &o, schedule: newSchedule(top, 1000), dirs: dirs, device: top.info.Dev}
	r.read(&top.head)
	if lent, ok := r.lists.Get().(*[]fsys.DirEntry); ok && len(*lent) != 0 {
		t.Errorf("a list with %v in it was given back", *lent)
	}
	if top.names != nil || len(top.head.children) != 2 {
		t.Errorf("%v kept, %d children", top.names, len(top.head.children))
	}
}
