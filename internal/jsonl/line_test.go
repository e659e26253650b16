package jsonl

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"phlb/internal/digest"
	"phlb/internal/meta"
)

// lineReaders read one value each by a Line and by a Decoder.
var lineReaders = map[string]struct {
	line    func(*Line) any
	decoder func(*Decoder) any
}{
	"text":   {func(l *Line) any { return string(l.Text()) }, func(d *Decoder) any { return d.Text() }},
	"uint64": {func(l *Line) any { return l.Uint64() }, func(d *Decoder) any { return d.Uint64() }},
	"uint32": {func(l *Line) any { return l.Uint32() }, func(d *Decoder) any { return d.Uint32() }},
	"count":  {func(l *Line) any { return l.Count() }, func(d *Decoder) any { return d.Count() }},
	"time":   {func(l *Line) any { return l.Time() }, func(d *Decoder) any { return d.Time() }},
	"mode":   {func(l *Line) any { return l.Mode() }, func(d *Decoder) any { return d.Mode() }},
	"sum":    {func(l *Line) any { return l.Sum() }, func(d *Decoder) any { return d.Sum() }},
	"xattrs": {func(l *Line) any { return l.Xattrs() }, func(d *Decoder) any {
		if x := d.Xattrs(nil, NamesPlain); len(x) > 0 {
			return x
		}
		return meta.Xattrs(nil)
	}},
}

// agree reads in both ways and reports in how many the Line succeeded.
func agree(t *testing.T, in []byte) (read int) {
	t.Helper()
	for name, r := range lineReaders {
		var d Decoder
		d.Reset(in)
		l := d.Line()
		got := r.line(&l)
		// In a line something follows, which cannot be a part of the value.
		if !l.Has(",") {
			l.GiveUp()
		}
		want := r.decoder(&d)
		ok := d.err == nil && d.take(',')
		if !l.OK() {
			continue
		}
		read++
		if diff := cmp.Diff(want, got); !ok || diff != "" || l.i != d.i {
			t.Errorf("%s of %q: %v (%d bytes), a Decoder has %v (%d bytes, %v)", name, in, got, l.i, want, d.i, d.err)
		}
	}
	return read
}

func TestLine(t *testing.T) {
	long := strings.Repeat("0123456789", 3)
	for in, want := range map[string]int{
		`0`: 4, `7`: 4, `12345678`: 4, `123456789`: 4, `1234567812345678`: 3, `9999999999999999999`: 2, `4294967295`: 4, `4294967296`: 3,
		strconv.Itoa(math.MaxInt64): 3, `9223372036854775808`: 2, `18446744073709551615`: 0, long[1:]: 0, long: 0,
		`-1`: 0, `-0`: 0, `00`: 0, `01`: 0, `000000001`: 0, `1.0`: 0, `1e1`: 0, `1E1`: 0, ``: 0, `+1`: 0, ` 1`: 0, `0000000000000000000`: 0,
		`"0644"`: 2, `"7777"`: 2, `"0648"`: 1, `"644"`: 1, `"00644"`: 1, `"/644"`: 1, `0644`: 0, `"a b é"`: 1, `""`: 1,
		`"` + "\xff" + `"`: 0, `"\n"`: 0, "\"\n\"": 0, `"` + strings.Repeat("x", 20) + "\x1f" + `"`: 0, `"x`: 0, "\"\x7f\"": 1,
		`"` + strings.Repeat("0a", 32) + `"`: 2, `"` + strings.Repeat("0A", 32) + `"`: 1, `"` + strings.Repeat("0g", 32) + `"`: 1,
		`"` + strings.Repeat("0a", 31) + `"`: 1, `{}`: 1, `{"a":"Yg=="}`: 1, `{ "a" : "" , "b":"YQ=="}`: 1,
		`{"a":"!"}`: 0, `{"a":"","a":""}`: 0, `{"a":null}`: 0, `null`: 0, `[]`: 0,
	} {
		if got := agree(t, []byte(in+`,"and":1,"so":"on"}`)); got != want {
			t.Errorf("%s is read as %d kinds of values, want %d", in, got, want)
		}
		if got := agree(t, []byte(in+`,`)); got != want {
			t.Errorf("%s at the end is read as %d kinds of values, want %d", in, got, want)
		}
		for i := range in {
			agree(t, []byte(in[:i]))
		}
	}
}

// TestLineGivesUp: what did not match once never matches again, and the
// decoder stays where it was.
func TestLineGivesUp(t *testing.T) {
	var d Decoder
	d.Reset([]byte(`{"a":1}`))
	l := d.Line()
	l.Want(`{"a":`)
	l.Want(`2`)
	if l.OK() || l.Has(`1`) || l.Uint64() != 0 || l.Text() != nil || l.Mode() != 0 || l.Sum() != (digest.Sum{}) || l.Xattrs() != nil || d.TakeLine(&l) || d.Len() != 0 {
		t.Errorf("%+v, %d", l, d.Len())
	}
	d.Fail(ErrTooLong)
	if l := d.Line(); l.OK() || l.Has(`{`) {
		t.Error("a Decoder that failed gave a Line")
	}
}

// FuzzLine: whatever a Line reads, a Decoder reads, too, and alike.
func FuzzLine(f *testing.F) {
	for _, s := range []string{
		`12345678901234567890,`, `"0644",`, `"` + strings.Repeat("0123456789abcdef", 4) + `",`, `"aé\u0000",`, `{"user.a":"Yg=="},`, `1234567x,`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) { agree(t, in) })
}

// FuzzAppendPlain: the way for plain strings writes what the general one does,
// and it is read back.
func FuzzAppendPlain(f *testing.F) {
	f.Add("a/b.c")
	f.Add("0123456\x7f")
	f.Add("é\"\\\n\x00\xff")
	f.Fuzz(func(t *testing.T, s string) {
		want := appendValid(nil, strings.ToValidUTF8(s, "\ufffd"))
		if got := AppendString([]byte("x"), s); s == strings.ToValidUTF8(s, "\ufffd") && string(got[1:]) != string(want) {
			t.Errorf("%q is written as %s, want %s", s, got[1:], want)
		}
		var d Decoder
		d.Reset(AppendPath(nil, "k", s))
		key := string(bytes.Clone(d.text()))
		d.take(':')
		got := ""
		if key == "k" {
			got = d.Text()
		} else {
			got = string(d.Base64())
		}
		if d.Err() != nil || got != s {
			t.Errorf("%q came back as %q under %q: %v", s, got, key, d.Err())
		}
	})
}
