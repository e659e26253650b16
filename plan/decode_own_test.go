package plan

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"phlb/internal/jsonl"
)

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// bothWays decodes an entry in both ways, which must agree where ours accepts
// it, and reports whether it did. What stands behind it is not its matter.
func bothWays(t fataler, in []byte, neighbour string) (own bool) {
	t.Helper()
	var d, general jsonl.Decoder
	left := Entry{Action: ActionLink, Path: "left", Size: 1, SHA256: [32]byte{1}, Hardlink: "left", Reason: neighbour}
	got, want := left, left
	d.Reset(in)
	l := d.Line()
	own = ownEntry(&l, &got)
	if own != d.TakeLine(&l) {
		t.Fatalf("%q: own %v, but not taken", in, own)
	}
	if !own {
		if diff := cmp.Diff(Entry{Reason: neighbour}, got); diff != "" || d.Len() != 0 {
			t.Fatalf("%q: given up, but something is left (%d bytes taken)\n%s", in, d.Len(), diff)
		}
		return false
	}
	general.Reset(in)
	decodeAnyEntry(&general, &want)
	if err := general.Err(); err != nil {
		t.Fatalf("%q is accepted, and refused by the general way: %v", in, err)
	}
	if diff := cmp.Diff(want, got); diff != "" || d.Len() != general.Len() {
		t.Fatalf("%q: the general way has -, ours has + (%d and %d bytes)\n%s", in, general.Len(), d.Len(), diff)
	}
	return true
}

// rarely reports whether an entry has something that only the general way
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

// TestOwnIsGeneral: of any entry that is written, cut, or changed somewhere,
// both ways have the same, and ours has all that are not rare.
func TestOwnIsGeneral(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := rapid.StringMatching(`[a-zé]{1,5}(/[a-z."]{1,9}){0,4}`).Draw(t, "path")
		e := entries(path).Draw(t, "entry")
		if rapid.Bool().Draw(t, "same path") && e.Action == ActionLink {
			e.Target = "home/2026-11-22-140000/" + path
		}
		neighbour := rapid.SampledFrom([]string{"", "same as parent", e.Reason}).Draw(t, "neighbour")
		text := appendEntry(nil, &e, appendHexSum)
		if own := bothWays(t, text, neighbour); !own && !rarely(text) {
			t.Fatalf("%s is left to the general way", text)
		}
		i := rapid.IntRange(0, len(text)-1).Draw(t, "at")
		bothWays(t, text[:i], neighbour)
		changed := bytes.Clone(text)
		changed[i] = rapid.SampledFrom([]byte("0129aF-.\"{},: \\\x00\x7f\xc3")).Draw(t, "byte")
		bothWays(t, changed, neighbour)
		bothWays(t, append(changed[:i:i], text[i+1:]...), neighbour)
	})
}

// ownLines are entries as they are written: of the sample, and of a backup.
func ownLines(tb testing.TB) (lines [][]byte) {
	tb.Helper()
	for text := range bytes.SplitSeq(encode(tb, sample(tb)), []byte("\n")) {
		if bytes.HasPrefix(text, []byte(`{"action"`)) {
			lines = append(lines, bytes.TrimSuffix(text, []byte(",")))
		}
	}
	keep := func(e *Entry) error {
		lines = append(lines, appendEntry(nil, e, appendHexSum))
		return nil
	}
	if err := synthetic(200, keep); err != nil {
		tb.Fatal(err)
	}
	return lines
}

// TestOrdinaryIsOwn: all of an ordinary plan goes the fast way.
func TestOrdinaryIsOwn(t *testing.T) {
	for _, text := range ownLines(t) {
		if !bothWays(t, text, "") && !rarely(text) {
			t.Errorf("%s is left to the general way", text)
		}
	}
}

// FuzzDecodeOwn: for any entry both ways have the same.
func FuzzDecodeOwn(f *testing.F) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, text := range ownLines(f) {
		f.Add(text, "same as parent")
		i := random.IntN(len(text))
		f.Add(append(bytes.Clone(text[:i]), text[i+1:]...), "")
	}
	for _, s := range []string{
		`{"action":"skip","path":"a","size":0,"reason":""}`, `{"action":"skip","path":"a","change":"new"}`, `{"action":"skip","path":""}`,
		`{"action":"mkdir","path":"a","mode":"00755","uid":0,"gid":0,"mtime_ns":0,"xattrs":{},"change":"","reason":"x"}`,
		`{"action":"symlink","path":"a","target":"","uid":4294967296,"gid":00,"mtime_ns":0,"change":"unchanged"}`,
		`{"action":"link","path":"a","size":9223372036854775808,"mode":"0644","uid":0,"gid":0,"mtime_ns":0,"ctime_ns":0,"ino":9999999999999999999,"sha256":"` +
			strings.Repeat("00", 32) + `","target":"b/a","hardlink":""}`,
		`{"action":"copy","path":"a","size":1,"mode":"0644","uid":0,"gid":0,"mtime_ns":0,"ctime_ns":0,"ino":1,"target":"b"}`,
	} {
		f.Add([]byte(s), "")
	}
	f.Fuzz(bothWaysFuzz)
}

func bothWaysFuzz(t *testing.T, in []byte, neighbour string) { bothWays(t, in, neighbour) }
