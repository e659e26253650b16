package jsonl

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"phlb/internal/meta"
)

func TestAppendString(t *testing.T) {
	for in, want := range map[string]string{
		"":               `""`,
		"plain <&> ä €":  `"plain <&> ä €"`,
		"\"\\\n\r\t":     `"\"\\\n\r\t"`,
		"\x00\x1b[m\x7f": `"\u0000\u001b[m\u007f"`,
		"a\xffb":         `"a` + "\ufffd" + `b"`,
		"\u2028😀":        `"` + "\u2028😀" + `"`,
	} {
		if got := string(AppendString([]byte("x"), in)); got != "x"+want {
			t.Errorf("%q: got %s, want x%s", in, got, want)
		}
	}
}

func TestAppendPath(t *testing.T) {
	for in, want := range map[string]string{
		"a/b":   `"path":"a/b"`,
		"":      `"path":""`,
		"a\"":   `"path":"a\""`,
		"\xff":  `"path_b64":"/w=="`,
		"\xc3(": `"path_b64":"wyg="`,
	} {
		if got := string(AppendPath(nil, "path", in)); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestAppendMode(t *testing.T) {
	for in, want := range map[uint32]string{0: `"0000"`, 7: `"0007"`, 0o70: `"0070"`, 0o644: `"0644"`, 0o1777: `"1777"`, 0o7777: `"7777"`, 0o100644: `"100644"`} {
		if got := string(AppendMode(nil, in)); got != want {
			t.Errorf("%o: got %s, want %s", in, got, want)
		}
	}
}

func TestAppendXattrs(t *testing.T) {
	x := meta.Xattrs{"user.b": []byte("v"), "user.a": nil, "user.\xff": []byte{0}, "user.\xfe": {}}
	want := `"xattrs":{"user.a":"","user.b":"dg=="},"xattrs_b64":{"dXNlci7+":"","dXNlci7/":"AA=="}`
	if got := string(AppendXattrs(nil, x)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := string(AppendXattrs(nil, nil)); got != `"xattrs":{}` {
		t.Errorf("none: %s", got)
	}
	if got := string(AppendXattrs(nil, meta.Xattrs{"\xff": nil})); got != `"xattrs":{},"xattrs_b64":{"/w==":""}` {
		t.Errorf("only odd ones: %s", got)
	}
}

// FuzzAppendString: encoding/json and the Decoder read the same text back.
func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "a", "\x00\"\\", "\xff", "\u2029", "\xed\xa0\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		b := AppendString(nil, in)
		var std string
		if err := json.Unmarshal(b, &std); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		want, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var replaced string
		if err := json.Unmarshal(want, &replaced); err != nil {
			t.Fatal(err)
		}
		var d Decoder
		d.Reset(b)
		if got := d.Text(); d.Err() != nil || got != std || std != replaced || d.Len() != len(b) {
			t.Errorf("%q: decoder %q (%v), encoding/json %q, want %q", in, got, d.Err(), std, replaced)
		}
	})
}

// TestPathRoundTrip: any bytes come back exactly.
func TestPathRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := string(rapid.SliceOf(rapid.Byte()).Draw(t, "path"))
		b := append(AppendPath([]byte{'{'}, "path", in), '}')
		var got string
		var d Decoder
		d.Reset(b)
		for d.Object(); ; {
			key, ok := d.Key()
			if !ok {
				break
			}
			if string(key) == "path_b64" {
				got = string(d.Base64())
			} else {
				got = d.Text()
			}
		}
		if d.Err() != nil || got != in {
			t.Fatalf("%q: got %q, %v from %s", in, got, d.Err(), b)
		}
	})
}

// TestXattrsRoundTrip: any names and values come back.
func TestXattrsRoundTrip(t *testing.T) {
	value := rapid.SliceOf(rapid.Byte())
	name := rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOf(rapid.Byte()).Draw(t, "name")) })
	rapid.Check(t, func(t *rapid.T) {
		in := meta.Xattrs(rapid.MapOf(name, value).Draw(t, "xattrs"))
		b := append(AppendXattrs([]byte{'{'}, in), '}')
		var out meta.Xattrs
		var d Decoder
		d.Reset(b)
		for d.Object(); ; {
			key, ok := d.Key()
			if !ok {
				break
			}
			names := NamesPlain
			if strings.HasSuffix(string(key), suffix64) {
				names = NamesBase64
			}
			out = d.Xattrs(out, names)
		}
		if d.Err() != nil || !in.Equal(out) {
			t.Fatalf("%s: %v\n%s", b, d.Err(), cmp.Diff(in, out))
		}
		var std map[string]map[string]string
		if err := json.Unmarshal(b, &std); err != nil {
			t.Fatal(err)
		}
		for name, v := range std["xattrs"] {
			if raw, err := base64.StdEncoding.DecodeString(v); err != nil || string(raw) != string(in[name]) {
				t.Fatalf("encoding/json: %q is %q, %v", name, v, err)
			}
		}
	})
}
