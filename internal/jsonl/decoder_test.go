package jsonl

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"phlb/internal/meta"
)

func decode[T any](text string, take func(*Decoder) T) (T, error) {
	var d Decoder
	d.Reset([]byte(text))
	v := take(&d)
	if d.peek(); d.Err() == nil && d.i < len(d.b) {
		return v, errors.New("something is left")
	}
	return v, d.Err()
}

func TestValues(t *testing.T) {
	text := func(d *Decoder) any { return d.Text() }
	i64 := func(d *Decoder) any { return d.Int64() }
	count := func(d *Decoder) any { return d.Count() }
	u64 := func(d *Decoder) any { return d.Uint64() }
	u32 := func(d *Decoder) any { return d.Uint32() }
	boolean := func(d *Decoder) any { return d.Bool() }
	when := func(d *Decoder) any { return d.Time() }
	mode := func(d *Decoder) any { return d.Mode() }
	scalar := func(d *Decoder) any { return d.Scalar() }
	base64 := func(d *Decoder) any { return string(d.Base64()) }
	sum := func(d *Decoder) any { return d.Sum().String() }
	hex := strings.Repeat("ab", 32)
	bad := errors.New("an error")
	for _, c := range []struct {
		in   string
		take func(*Decoder) any
		want any
	}{
		{` "a\n\u00e4\ud83d\ude00" `, text, "a\nä😀"},
		{`"\\ud800"`, text, `\ud800`},
		{`"\ud800"`, text, bad}, {`"\udc00\ud800"`, text, bad}, {`"\uD83D\ud83d\ude00"`, text, bad}, {`"\ud83d\\ude00"`, text, bad},
		{"\"\xff\"", text, bad}, {"\"\\n\xff\"", text, bad}, {"\"\n\"", text, bad}, {`"a`, text, bad}, {`"a\"`, text, bad},
		{`"\x"`, text, bad}, {`null`, text, bad}, {`1`, text, bad}, {``, text, bad},
		{"9223372036854775807", i64, int64(math.MaxInt64)}, {"-9223372036854775808", i64, int64(math.MinInt64)}, {"-0", i64, int64(0)},
		{"9223372036854775808", i64, bad}, {"01", i64, bad}, {"+1", i64, bad}, {"1.0", i64, bad}, {"1e3", i64, bad}, {"1E3", i64, bad},
		{"-", i64, bad}, {"null", i64, bad}, {`"1"`, i64, bad},
		{"-1", count, bad}, {"1", count, int64(1)},
		{"18446744073709551615", u64, uint64(math.MaxUint64)}, {"18446744073709551616", u64, bad}, {"-1", u64, bad},
		{"4294967295", u32, uint32(math.MaxUint32)}, {"4294967296", u32, bad},
		{"true", boolean, true}, {"false", boolean, false}, {"tru", boolean, bad}, {"null", boolean, bad}, {"1", boolean, bad},
		{"-1", when, meta.Time{Sec: -1, Nsec: 999999999}}, {"99999999999999999999000000001", when, bad},
		{"9999999999999999999000000001", when, bad}, {"999999999999999999000000001", when, meta.Time{Sec: 999999999999999999, Nsec: 1}},
		{"1.5", when, bad}, {"null", when, bad},
		{`"0755"`, mode, uint32(0o755)}, {`"00755"`, mode, uint32(0o755)}, {`"7777"`, mode, uint32(0o7777)},
		{`"755"`, mode, bad}, {`"10000"`, mode, bad}, {`"0788"`, mode, bad}, {`755`, mode, bad},
		{"20", scalar, int64(20)}, {"20.0", scalar, int64(20)}, {"2.5", scalar, 2.5}, {`"x"`, scalar, "x"}, {"true", scalar, true},
		{"1e17", scalar, int64(1e17)}, {"1e300", scalar, 1e300}, {"1e999", scalar, bad},
		{"null", scalar, bad}, {"[]", scalar, bad}, {"01", scalar, bad}, {"", scalar, bad},
		{`"YQ=="`, base64, "a"}, {`"YQ"`, base64, bad}, {`"_w=="`, base64, bad},
		{`"` + hex + `"`, sum, hex}, {`"` + strings.ToUpper(hex) + `"`, sum, hex}, {`"` + hex[1:] + `"`, sum, bad}, {`""`, sum, bad},
	} {
		got, err := decode(c.in, c.take)
		if c.want == bad {
			if err == nil {
				t.Errorf("%s: accepted as %v", c.in, got)
			}
		} else if err != nil || got != c.want {
			t.Errorf("%s: got %v, %v, want %v", c.in, got, err, c.want)
		}
	}
}

func TestNullableText(t *testing.T) {
	take := func(d *Decoder) *string { return d.NullableText() }
	if s, err := decode("null", take); s != nil || err != nil {
		t.Errorf("null: %v, %v", s, err)
	}
	if s, err := decode(`"x"`, take); err != nil || *s != "x" {
		t.Errorf("text: %v, %v", s, err)
	}
	for _, in := range []string{"nul", "1", ""} {
		if _, err := decode(in, take); err == nil {
			t.Errorf("%s: accepted", in)
		}
	}
}

func TestTextLike(t *testing.T) {
	for _, old := range []string{"", "x", "y"} {
		if s, err := decode(`"x"`, func(d *Decoder) string { return d.TextLike(old) }); s != "x" || err != nil {
			t.Errorf("after %q: %q, %v", old, s, err)
		}
	}
}

func TestFields(t *testing.T) {
	type pair struct {
		A, B int64
	}
	take := func(d *Decoder) (p pair) {
		d.Fields(Field{Key: "a", Decode: func() { p.A = d.Int64() }},
			Field{Key: "b", Presence: Optional, Decode: func() { p.B = d.Int64() }})
		return p
	}
	for in, want := range map[string]pair{
		`{"a":1}`:                 {1, 0},
		` { "b" : 2 , "a" : 1 } `: {1, 2},
		`{"A":7,"x":{"a":[1,{"a":2}]},"\u0061":1}`: {1, 0},
	} {
		if got, err := decode(in, take); err != nil || got != want {
			t.Errorf("%s: got %v, %v", in, got, err)
		}
	}
	for in, want := range map[string]string{
		`{"b":1}`:              `"a" is missing`,
		`{"a":1,"a":1}`:        `a: a key stands twice`,
		`{"a":null}`:           `a: want a whole number, found null`,
		`{"a":1,}`:             `want a string`,
		`{,"a":1}`:             `want a string`,
		`{"a":1 "b":2}`:        `want ','`,
		`{"a" 1}`:              `want ':'`,
		`{"a":1`:               `found the end`,
		`[]`:                   `want an object, found an array`,
		`{"a":1,"x":[1,}`:      `want a valid value`,
		`{"a":1,"x":nope}`:     `want a valid value`,
		`{"a":1}}`:             `something is left`,
		`{"a":1,"x":[}`:        `want a valid value`,
		"{\"a\":1,\"x\":\x00}": `want a valid value`,
	} {
		if got, err := decode(in, take); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, %v, want the error %s", in, got, err, want)
		}
	}
}

func TestXattrsRefused(t *testing.T) {
	for _, c := range []struct {
		in    string
		names NameCoding
	}{
		{`{"a":"YQ==","a":"YQ=="}`, NamesPlain}, {`{"a":1}`, NamesPlain}, {`{"a":null}`, NamesPlain},
		{`null`, NamesPlain}, {`{"a":"!"}`, NamesPlain}, {`{"!":"YQ=="}`, NamesBase64},
	} {
		if x, err := decode(c.in, func(d *Decoder) meta.Xattrs { return d.Xattrs(nil, c.names) }); err == nil {
			t.Errorf("%s: accepted as %v", c.in, x)
		}
	}
}

func TestUnmarshal(t *testing.T) {
	type inner struct{ K string }
	type outer struct {
		A int
		S inner
		L []inner
	}
	take := func(d *Decoder) (o outer) {
		d.Unmarshal(&o)
		return o
	}
	got, err := decode(`{"a":1,"s":{"k":"x"},"l":[{"k":"y"}],"z":null}`, take)
	if diff := cmp.Diff(outer{1, inner{"x"}, []inner{{"y"}}}, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	for _, in := range []string{
		`{"a":1,"a":2}`, `{"a":1,"A":2}`, `{"s":{"k":"","k":""}}`, `{"l":[{"k":"","K":""}]}`, `{"s":{"k":"","` + "\u212a" + `":""}}`,
		"{\"z\":\"\xff\"}", `{"z":"\ud800"}`, `{"a":"x"}`, `{"a":}`, `{`,
	} {
		if got, err := decode(in, take); err == nil {
			t.Errorf("%s: accepted as %v", in, got)
		}
	}
}

// anything decodes a value of any kind with the Decoder's own means.
func anything(d *Decoder) any {
	switch d.peek() {
	case '{':
		m := map[string]any{}
		for d.Object(); ; {
			key, ok := d.Key()
			if !ok {
				return m
			}
			name := string(key)
			if _, twice := m[name]; twice {
				d.Fail(errors.New("twice"))
			}
			m[name] = anything(d)
		}
	case '[':
		l := []any{}
		for d.Array(); d.More(); {
			l = append(l, anything(d))
		}
		return l
	case '"':
		return d.Text()
	case 't', 'f':
		return d.Bool()
	case 'n':
		d.NullableText()
		return nil
	}
	return json.Number(d.Raw())
}

// FuzzDecoder: what the Decoder accepts, encoding/json reads the same way;
// what it refuses is invalid, has a key twice, or text that is not Unicode.
func FuzzDecoder(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,-2.5e3,true,false,null,"x\u00e4"],"b":{}}`, `[]`, `[1,]`, `{"a":1,"a":2}`, `"\ud83d\ude00"`, `"\ud83d"`, "\"\xff\"", ` [ { } ] `, `nul`, `01`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := decode(string(in), anything)
		std := json.NewDecoder(strings.NewReader(string(in)))
		std.UseNumber()
		var want any
		valid := json.Valid(in) && std.Decode(&want) == nil
		if err == nil && (!valid || !reflect.DeepEqual(got, want)) {
			t.Fatalf("%q: got %v, encoding/json (valid: %v) has %v", in, got, valid, want)
		}
		if err != nil && valid && utf8.Valid(in) && !strings.Contains(string(in), `\u`) && !strings.Contains(err.Error(), "twice") {
			t.Fatalf("%q: refused: %v", in, err)
		}
		// The end of a value is where the decoder finds it.
		if err == nil {
			trimmed := strings.TrimLeft(string(in), " \n\r\t")
			n, ok := endOfValue([]byte(trimmed))
			if rest := strings.TrimLeft(trimmed[n:], " \n\r\t"); rest != "" || !ok && strings.ContainsAny(trimmed[:1], `{["`) {
				t.Fatalf("%q: the value ends at %d, %v", trimmed, n, ok)
			}
		}
	})
}

func BenchmarkDecoder(b *testing.B) {
	line := []byte(`{"action":"copy","path":"usr/share/doc/package/changelog.gz","size":4711,"mode":"0644","uid":0,"gid":0}`)
	var d Decoder
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		d.Reset(line)
		for d.Object(); ; {
			if _, ok := d.Key(); !ok {
				break
			}
			d.Skip()
		}
	}
	if d.Err() != nil {
		b.Fatal(d.Err())
	}
}
