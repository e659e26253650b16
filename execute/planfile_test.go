package execute

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"phlb/plan"
)

func TestReadAhead(t *testing.T) {
	text := bytes.Repeat([]byte("0123456789"), aheadBuffer) // ten buffers
	for name, r := range map[string]io.Reader{
		"whole": bytes.NewReader(text), "halves": iotest.HalfReader(bytes.NewReader(text)),
		"end with data": iotest.DataErrReader(bytes.NewReader(text)),
	} {
		a := readAhead(r)
		got, err := io.ReadAll(a)
		a.close()
		if err != nil || !bytes.Equal(got, text) || a.sum != sha256.Sum256(text) {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

func TestReadAheadFails(t *testing.T) {
	a := readAhead(io.MultiReader(bytes.NewReader(make([]byte, 1000)), iotest.ErrReader(io.ErrNoProgress)))
	defer a.close()
	if got, err := io.ReadAll(a); len(got) != 1000 || !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestReadAheadStops: whoever gives up need not read to the end, of which
// there may be none.
func TestReadAheadStops(t *testing.T) {
	a := readAhead(endless{})
	if _, err := io.ReadFull(a, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	a.close()
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

func TestEntriesThatFindNoRoom(t *testing.T) {
	room := int64(10_000)
	lists := make([]entryList, 3)
	for i, n := range []int{10, 1000, 10} {
		lists[i].whole = true
		for range n {
			lists[i].add(&plan.Entry{Path: "path"}, &room)
		}
	}
	for i, want := range []int{10, 0, 10} {
		n, whole := 0, lists[i].whole
		_ = lists[i].each(func(*plan.Entry) error { n++; return nil })
		if n != want || whole != (want > 0) || lists[i].whole {
			t.Errorf("list %d: %d entries, whole: %t", i, n, whole)
		}
	}
	if want := 10_000 - lists[0].size - lists[2].size; room != want {
		t.Errorf("room is %d, want %d", room, want)
	}
}

func TestFilesSoFar(t *testing.T) {
	var f files
	for _, p := range []string{"a", "b/c"} {
		if f.has("s/1/" + p) {
			t.Errorf("%s is known too early", p)
		}
		f.add("s/1", p)
		if !f.has("s/1/" + p) {
			t.Errorf("%s is not known", p)
		}
	}
	if !f.has("s/1/a") || f.has("s/2/a") {
		t.Error("it knows something else")
	}
}
