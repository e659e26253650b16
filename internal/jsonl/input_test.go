package jsonl

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/zstd"
)

// numbers reads {"n":[…]} and returns the sum of the numbers, skipping what
// else there is.
func numbers(in *Input) (sum int64, err error) {
	var d Decoder
	err = in.Object(func(key string) error {
		if key != "n" {
			return in.Skip()
		}
		return in.Array(func() error {
			var n int64
			if err := in.Take(&d, func() { n = d.Int64() }); err != nil {
				return err
			}
			sum += n
			return nil
		})
	})
	return sum, err
}

func TestInput(t *testing.T) {
	var list strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&list, ",\n%d", i)
	}
	text := `{"x":[{"a":"]}"},[],"\\"],"n":[0` + list.String() + "]\n ,\"y\":{}}\n"
	const want = 100_000 * 99_999 / 2
	for name, r := range map[string]io.Reader{
		"whole":      strings.NewReader(text),
		"one byte":   iotest.OneByteReader(strings.NewReader(text)),
		"data + EOF": iotest.DataErrReader(strings.NewReader(text)),
	} {
		var passed bytes.Buffer
		var keys []int
		in := NewInput(r, 100, Tap{
			Passed: func(b []byte) { passed.Write(b) },
			Key:    func() { keys = append(keys, passed.Len()) },
		})
		got, err := numbers(in)
		if err != nil || got != want {
			t.Errorf("%s: %d, %v", name, got, err)
		}
		if in.Line() != 100_002 {
			t.Errorf("%s: line %d", name, in.Line())
		}
		if _, err := in.Peek(); err != io.EOF {
			t.Errorf("%s: after the end: %v", name, err)
		}
		if passed.String() != text {
			t.Errorf("%s: the tap got something else", name)
		}
		for i, at := range []int{1, strings.Index(text, `"a"`), strings.Index(text, `"n"`), strings.Index(text, `"y"`)} {
			if i >= len(keys) || keys[i] != at {
				t.Errorf("%s: key %d at %v, want %d", name, i, keys, at)
				break
			}
		}
	}
}

func TestInputRefuses(t *testing.T) {
	long := strings.Repeat("x", 200)
	for in, want := range map[string]string{
		``:                                       "unexpected EOF",
		`{`:                                      "unexpected EOF",
		`{"n":[1,2`:                              "unexpected EOF",
		`{"n":[1`:                                "unexpected EOF",
		`{"n":[1,`:                               "unexpected EOF",
		`{"n":[1,]}`:                             "want a value",
		`{"n":[,1]}`:                             "want a value",
		`{"n":[1 2]}`:                            "want ','",
		`{"n":[1}`:                               "want ','",
		`{"n" [1]}`:                              "want ':'",
		`{"n":[1],}`:                             "want a value",
		`{n:1}`:                                  "want a string",
		`[1]`:                                    "want '{'",
		`{"x":"` + long + `"}`:                   ErrTooLong.Error(),
		`{"x":` + strings.Repeat("1", 200) + `}`: ErrTooLong.Error(),
		`{"x":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`: "too deep",
		`{"x":nope}`:  "want a valid value",
		`{"n":[1.5]}`: "want a whole number",
		`{"n":[1x]}`:  "want ','",
	} {
		_, err := numbers(NewInput(strings.NewReader(in), 100, Tap{}))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.30s: %v, want %s", in, err, want)
		}
	}
}

func TestInputReadError(t *testing.T) {
	broken := errors.New("broken")
	r := io.MultiReader(strings.NewReader(`{"n":[1,`), iotest.ErrReader(broken))
	if _, err := numbers(NewInput(r, 100, Tap{})); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// endless is an endless repetition of a text.
type endless struct {
	text string
	at   int
}

func (e *endless) Read(p []byte) (int, error) {
	for n := 0; n < len(p); {
		c := copy(p[n:], e.text[e.at:])
		n += c
		e.at = (e.at + c) % len(e.text)
	}
	return len(p), nil
}

// idle never gives anything.
type idle struct{}

func (idle) Read([]byte) (int, error) { return 0, nil }

func TestInputNoProgress(t *testing.T) {
	if _, err := numbers(NewInput(idle{}, 100, Tap{})); err != io.ErrNoProgress {
		t.Errorf("got %v", err)
	}
}

// TestInputMemory: neither a value without end nor an endless array of them
// takes memory.
func TestInputMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r := io.MultiReader(strings.NewReader(`{"x":"`), &endless{text: "xxxxxxxx"})
	if _, err := numbers(NewInput(r, 1<<20, Tap{})); !errors.Is(err, ErrTooLong) {
		t.Errorf("an endless string: %v", err)
	}
	r = io.MultiReader(strings.NewReader(`{"x":[[]`), io.LimitReader(&endless{text: ` ,[1,"a"]`}, 9<<20))
	if _, err := numbers(NewInput(r, 1<<20, Tap{})); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a long array: %v", err)
	}
	runtime.ReadMemStats(&after)
	// Buffers double up to twice the limit; what is allocated in passing for
	// a million small values is little each.
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 600<<20 {
		t.Errorf("%d bytes allocated", grown)
	}
	if live := int64(after.HeapAlloc) - int64(before.HeapAlloc); live > 64<<20 {
		t.Errorf("%d bytes held", live)
	}
}

func TestNewReader(t *testing.T) {
	const text = `{"n":[1,2]}`
	var packed bytes.Buffer
	w, err := NewZstdWriter(&packed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	read := func(b []byte) (string, error) {
		r, err := NewReader(bytes.NewReader(b))
		if err != nil {
			return "", err
		}
		defer r.Close()
		out, err := io.ReadAll(r)
		return string(out), err
	}
	for name, in := range map[string][]byte{"plain": []byte(text), "compressed": packed.Bytes()} {
		if out, err := read(in); out != text || err != nil {
			t.Errorf("%s: %q, %v", name, out, err)
		}
	}
	if out, err := read(packed.Bytes()[:packed.Len()-3]); err == nil {
		t.Errorf("cut off: %q", out)
	}
	if out, err := read(nil); out != "" || err != nil {
		t.Errorf("empty: %q, %v", out, err)
	}
}

// TestWindow: memory for decompression is bounded whatever a frame claims.
func TestWindow(t *testing.T) {
	var packed bytes.Buffer
	w, err := zstd.NewWriter(&packed, zstd.WithWindowSize(64<<20), zstd.WithSingleSegment(false))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, io.LimitReader(&endless{text: "abcdefgh"}, 80<<20)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(&packed)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if n, err := io.Copy(io.Discard, r); err == nil {
		t.Errorf("a window of 64 MiB was accepted, %d bytes", n)
	}
}
