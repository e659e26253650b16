package digest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

const emptyHex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func TestParse(t *testing.T) {
	want := Sum(sha256.Sum256(nil))
	for _, tc := range []struct {
		name, in string
		ok       bool
	}{
		{"lower case", emptyHex, true},
		{"upper case", strings.ToUpper(emptyHex), true},
		{"short", emptyHex[1:], false},
		{"long", emptyHex + "0", false},
		{"empty", "", false},
		{"not hex", "g" + emptyHex[1:], false},
		{"not ASCII", "é" + emptyHex[2:], false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Parse(tc.in)
			if (err == nil) != tc.ok {
				t.Fatalf("Parse(%q): error %v", tc.in, err)
			}
			if tc.ok && got != want {
				t.Errorf("Parse(%q) = %v", tc.in, got)
			}
			if !tc.ok && !got.IsZero() {
				t.Errorf("Parse(%q) returned %v with an error", tc.in, got)
			}
		})
	}
}

func TestSumText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s Sum
		copy(s[:], rapid.SliceOfN(rapid.Byte(), len(s), len(s)).Draw(t, "sum"))
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		got := Sum{1}
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if got != s {
			t.Fatalf("%s came back as %s", s, got)
		}
		if hex := string(s.AppendHex(nil)); !s.IsZero() && hex != s.String() {
			t.Fatalf("AppendHex %q, String %q", hex, s.String())
		}
	})
}

func TestUnknownSum(t *testing.T) {
	s := Sum{1}
	if err := s.UnmarshalText(nil); err != nil || !s.IsZero() {
		t.Errorf("UnmarshalText of nothing: %v, %v", s, err)
	}
	if s.String() != "" {
		t.Errorf("String of the unknown sum = %q", s.String())
	}
	if err := s.UnmarshalText([]byte("12")); err == nil {
		t.Error("UnmarshalText accepted two digits")
	}
}

// TestSampleSees changes each interesting byte of a content and asks whether
// the sample notices: it must within head and tail, and cannot between.
func TestSampleSees(t *testing.T) {
	for _, size := range []int{1, 2, SampleSpan, SampleSpan + 1, 2*SampleSpan - 1, 2 * SampleSpan, 2*SampleSpan + 1, 5 * SampleSpan} {
		content := bytes.Repeat([]byte{7}, size)
		before := sampleOf(t, content)
		for _, at := range []int{0, 1, SampleSpan - 1, SampleSpan, size / 2, size - SampleSpan - 1, size - SampleSpan, size - 1} {
			if at < 0 || at >= size {
				continue
			}
			content[at]++
			changed := sampleOf(t, content) != before
			content[at]--
			if want := at < SampleSpan || at >= size-SampleSpan; changed != want {
				t.Errorf("size %d, byte %d changed: sample differs %v, want %v", size, at, changed, want)
			}
		}
	}
}

func TestSampleSize(t *testing.T) {
	a, b := make([]byte, 3*SampleSpan), make([]byte, 3*SampleSpan+1)
	if sampleOf(t, a) == sampleOf(t, b) {
		t.Error("zeros of different length have the same sample")
	}
}

// TestSampleBuffer: the buffer's length changes no sample.
func TestSampleBuffer(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(0, 3*SampleSpan).Draw(t, "size")
		content := make([]byte, size)
		for i := range content {
			content[i] = byte(i * i >> 3)
		}
		want, err := SampleOf(bytes.NewReader(content), int64(size), nil)
		if err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, rapid.IntRange(1000, 2*SampleBuffer).Draw(t, "buffer"))
		got, err := SampleOf(bytes.NewReader(content), int64(size), buf)
		if err != nil || got != want {
			t.Fatalf("buffer of %d: %x, %v; want %x", len(buf), got, err, want)
		}
	})
}

func TestSampleErrors(t *testing.T) {
	if _, err := SampleOf(bytes.NewReader(make([]byte, 99)), 100, nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("shrunk file: %v", err)
	}
	if _, err := SampleOf(bytes.NewReader(nil), -1, nil); err == nil {
		t.Error("negative size: no error")
	}
	broken := errReaderAt{}
	if _, err := SampleOf(broken, 10, nil); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("unreadable file: %v", err)
	}
}

type errReaderAt struct{}

func (errReaderAt) ReadAt([]byte, int64) (int, error) { return 0, iotest.ErrTimeout }

func sampleOf(t *testing.T, content []byte) Sample {
	t.Helper()
	s, err := SampleOf(bytes.NewReader(content), int64(len(content)), nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAddZeros(t *testing.T) {
	for _, n := range []int64{0, 1, zeroSpan - 1, zeroSpan, zeroSpan + 1, 3*zeroSpan + 5} {
		h := sha256.New()
		if err := AddZeros(t.Context(), h, n); err != nil {
			t.Fatal(err)
		}
		if got, want := Sum(h.Sum(nil)), Sum(sha256.Sum256(make([]byte, n))); got != want {
			t.Errorf("%d zeros: %v, want %v", n, got, want)
		}
	}
}

func TestAddZerosStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := AddZeros(ctx, sha256.New(), 1<<60); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// FuzzParse: what is accepted is the hash that hex says, and comes back.
func FuzzParse(f *testing.F) {
	f.Add(emptyHex)
	f.Add(strings.ToUpper(emptyHex))
	f.Add(emptyHex[:63] + "g")
	f.Fuzz(func(t *testing.T, in string) {
		sum, err := Parse(in)
		same, errBytes := Parse([]byte(in))
		if sum != same || (err == nil) != (errBytes == nil) {
			t.Fatalf("string and bytes differ: %v, %v", err, errBytes)
		}
		if err == nil && string(sum.AppendHex(nil)) != strings.ToLower(in) {
			t.Fatalf("%q read as %v", in, sum)
		}
	})
}
