package catalog

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// end reads a catalogue to its end and returns the error there: io.EOF from
// Next, nothing else, says that it is whole.
func end(in []byte) ([]Record, error) {
	r, err := NewReader(bytes.NewReader(in))
	if err != nil {
		if err == io.EOF {
			panic("NewReader returned io.EOF itself")
		}
		return nil, err
	}
	defer r.Close()
	var all []Record
	for {
		var rec Record
		if err := r.Next(&rec); err != nil {
			return all, err
		}
		all = append(all, rec)
	}
}

// TestCutAnywhere: a catalogue that lacks bytes at its end never ends with
// io.EOF, so that whoever acts on its records while reading learns of it.
func TestCutAnywhere(t *testing.T) {
	for name, in := range map[string][]byte{"zstd": write(t, sample()), "plain": []byte(strings.TrimSuffix(headerLine+sampleLines+endLine, "\n"))} {
		for i := range in {
			if _, err := end(in[:i]); err == io.EOF {
				t.Errorf("%s: %d of %d bytes are taken for a whole catalogue", name, i, len(in))
			}
		}
		if all, err := end(in); err != io.EOF || cmp.Diff(sample(), all) != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFlipAnywhere: with any one bit of the compressed file wrong, reading
// fails, or what was read is right to the last record all the same (a few
// bits of a zstd frame mean nothing).
func TestFlipAnywhere(t *testing.T) {
	in := write(t, sample())
	for i := range in {
		for bit := range 8 {
			damaged := bytes.Clone(in)
			damaged[i] ^= 1 << bit
			all, err := end(damaged)
			if err == io.EOF && cmp.Diff(sample(), all) != "" {
				t.Errorf("bit %d of byte %d of %d flipped: other records, and no error", bit, i, len(in))
			}
		}
	}
}

// TestFollowed: whatever follows a whole catalogue makes it none.
func TestFollowed(t *testing.T) {
	in := write(t, sample())
	for c := range 256 {
		if _, err := end(append(bytes.Clone(in), byte(c))); err == io.EOF {
			t.Errorf("a byte %#x that follows is not noticed", c)
		}
	}
	if _, err := end(append(bytes.Clone(in), in...)); err == io.EOF {
		t.Error("a second catalogue that follows is not noticed")
	}
	if _, err := end(append(bytes.Clone(in), bytes.Repeat([]byte{0}, 512)...)); err == io.EOF {
		t.Error("zeros that follow are not noticed")
	}
}

// TestLargeDamaged is TestCutAnywhere and TestFlipAnywhere at some places of
// a catalogue of several blocks.
func TestLargeDamaged(t *testing.T) {
	want := kernel(5000)
	in := write(t, want)
	places := 97
	if testing.Short() { // with the race detector each takes a tenth of a second
		places = 17
	}
	for i := 0; i < len(in); i += len(in)/places + 1 {
		if _, err := end(in[:i]); err == io.EOF {
			t.Errorf("%d of %d bytes are taken for a whole catalogue", i, len(in))
		}
		damaged := bytes.Clone(in)
		damaged[i] ^= 1 << (i % 8)
		if all, err := end(damaged); err == io.EOF && cmp.Diff(want, all) != "" {
			t.Errorf("byte %d of %d flipped: other records, and no error", i, len(in))
		}
	}
}
