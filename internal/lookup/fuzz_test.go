package lookup

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// FuzzEntry: whatever an entry holds, it leads nowhere but down, is never
// more than a bounded path, and reads the same however it comes.
func FuzzEntry(f *testing.F) {
	for _, seed := range []string{"home/2026-11-23-140000/a", "../x", "/etc/passwd", "a//b", "a/./b", "a\x00b", "", "a\n", strings.Repeat("a/", 40_000)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		text, err := readAll(bytes.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		if slow, err := readAll(iotest.OneByteReader(bytes.NewReader(content))); err != nil || len(content) <= maxPath && !bytes.Equal(slow, text) {
			t.Errorf("byte by byte: %d bytes, %v; at once: %d", len(slow), err, len(text))
		}
		if len(content) <= maxPath && !bytes.Equal(text, content) {
			t.Error("not what is in it")
		}
		path := string(text)
		if !validPath(path) {
			return
		}
		if len(path) > maxPath || strings.HasPrefix(path, "/") || strings.Contains("/"+path+"/", "/../") || strings.Contains(path, "\x00") {
			t.Errorf("%q passes", path)
		}
	})
}

// endless never ends, as a device would not.
type endless struct{ n int }

func (e *endless) Read(b []byte) (int, error) {
	e.n += len(b)
	return len(b), nil
}

func TestEndlessEntry(t *testing.T) {
	var r endless
	if _, err := readAll(&r); err != nil || r.n > 8*maxPath {
		t.Errorf("%d bytes were read, %v", r.n, err)
	}
	if _, err := readAll(iotest.ErrReader(io.ErrUnexpectedEOF)); err == nil {
		t.Error("an error was lost")
	}
}
