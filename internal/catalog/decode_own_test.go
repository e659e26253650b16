package catalog

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"phlb/internal/jsonl"
)

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// bothWays decodes a line in both ways, which must agree where ours accepts
// it, and reports whether it did. What stands behind the line is not its
// matter.
func bothWays(t fataler, in []byte) (own bool) {
	t.Helper()
	var d, general jsonl.Decoder
	var l, want line
	d.Reset(in)
	text := d.Line()
	own = l.own(&text)
	if own != d.TakeLine(&text) || !own && d.Len() != 0 {
		t.Fatalf("%q: own %v, %d bytes taken", in, own, d.Len())
	}
	if !own {
		return false
	}
	general.Reset(in)
	want.decodeAny(&general)
	if err := general.Err(); err != nil {
		t.Fatalf("%q is accepted, and refused by the general way: %v", in, err)
	}
	var a, b Record
	l.give(&a)
	want.give(&b)
	if diff := cmp.Diff(b, a); diff != "" || d.Len() != general.Len() || l.seen&keyEnd != want.seen&keyEnd {
		t.Fatalf("%q: the general way has -, ours has + (%d and %d bytes)\n%s", in, general.Len(), d.Len(), diff)
	}
	return true
}

// rarely reports whether a record has something that only the general way
// reads: text with escapes or not UTF-8, times before 1970 or far ahead.
func rarely(text []byte) bool {
	if bytes.ContainsRune(text, '\\') || bytes.Contains(text, []byte(`_b64":`)) || bytes.Contains(text, []byte(`_ns":-`)) {
		return true
	}
	digits := 0
	for _, c := range text {
		if digits++; c < '0' || c > '9' {
			digits = 0
		}
		if digits > 19 {
			return true
		}
	}
	return false
}

// TestOwnIsGeneral: of any record that is written, cut, or changed somewhere,
// both ways have the same, and ours has all that are not rare.
func TestOwnIsGeneral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.StringMatching(`[a-zé]{1,5}(/[a-z."]{1,9}){0,4}`).Draw(t, "path")
		r := records(path).Draw(t, "record")
		text := Append(nil, &r)
		if own := bothWays(t, text); !own && !rarely(text) {
			t.Fatalf("%s is left to the general way", text)
		}
		i := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		bothWays(t, text[:i])
		changed := bytes.Clone(text)
		changed[i] = rapid.SampledFrom([]byte("0129aF-.\"{},: \\\x00\x7f\xc3")).Draw(t, "byte")
		bothWays(t, changed)
		bothWays(t, append(changed[:i:i], text[i+1:]...))
	})
}

// TestKernelIsOwn: all of an ordinary catalogue goes the fast way.
func TestKernelIsOwn(t *testing.T) {
	for _, r := range kernel(1000) {
		if text := Append(nil, &r); !bothWays(t, text) {
			t.Fatalf("%s is left to the general way", text)
		}
	}
}

// FuzzDecodeOwn: for any line both ways have the same.
func FuzzDecodeOwn(f *testing.F) {
	lines := strings.Split(sampleLines+endLine, "\n")
	for _, r := range kernel(30) {
		lines = append(lines, string(Append(nil, &r)))
	}
	random := rand.New(rand.NewPCG(3, 4))
	for _, s := range lines {
		f.Add([]byte(s))
		if len(s) > 0 {
			i := random.IntN(len(s))
			f.Add([]byte(s[:i] + s[i+1:]))
		}
	}
	for _, s := range []string{
		`{"path":"a","kind":"dir","mode":"0755","uid":0,"gid":0,"mtime_ns":0,"xattrs":{},"sha256":"` + strings.Repeat("00", 32) + `","hardlink":"","racy":true}`,
		`{"path":"a","kind":"symlink","mode":"0777","uid":0,"gid":0,"mtime_ns":0,"target":"","racy":false}`,
		`{"path":"a","kind":"file","size":9223372036854775808,"mode":"0644","uid":4294967296,"gid":00,"mtime_ns":0}`,
		`{"path":"a","kind":"file","size":0,"mode":"00644","uid":0,"gid":0,"mtime_ns":0,"stored":{"action":"link","mode":"0600","uid":1,"gid":1,"mtime_ns":1,"ctime_ns":1,"ino":1,"xattrs":{"a":""}}}`,
		`{"path":"a","path":"b","kind":"dir","mode":"0755","uid":0,"gid":0,"mtime_ns":0}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) { bothWays(t, in) })
}

// TestReusesStored: a record that is handed in again keeps its memory, and
// one that is not owns its own.
func TestReusesStored(t *testing.T) {
	r, err := NewReader(bytes.NewReader(write(t, sample())))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var rec Record
	var all []Record
	var kept *Stored
	for ; err == nil; err = r.Next(&rec) {
		if rec.Stored != nil {
			if kept != nil && kept != rec.Stored {
				t.Error("the next file has another Stored")
			}
			kept = rec.Stored
			stored := *rec.Stored
			rec := rec
			rec.Stored = &stored
			all = append(all, rec)
			continue
		}
		all = append(all, rec)
	}
	if diff := cmp.Diff(sample(), all[1:]); err != io.EOF || diff != "" {
		t.Error(err, diff)
	}
}

// TestExpect: what is expected changes no record, and is used where it is right.
func TestExpect(t *testing.T) {
	text := write(t, sample())
	_, want, _, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	shared := 0
	for i := range want {
		path := strings.Clone(want[i].Path)
		if i%2 == 1 {
			path += "x"
		}
		r.Expect(path)
		var rec Record
		if err := r.Next(&rec); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want[i], rec); diff != "" {
			t.Error(diff)
		}
		if unsafe.StringData(rec.Path) == unsafe.StringData(path) {
			shared++
		}
	}
	if shared == 0 {
		t.Error("all paths are copies")
	}
}
