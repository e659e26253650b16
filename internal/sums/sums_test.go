package sums

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"phlb/internal/digest"
)

const emptyHex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

var empty = digest.Sum(sha256.Sum256(nil))

func TestParseOne(t *testing.T) {
	for _, tc := range []struct {
		what, in string
		want     string // the name; "" stands for a malformed line
		err      error
	}{
		{"text", emptyHex + "  a\n", "a", nil},
		{"binary", emptyHex + " *a\n", "a", nil},
		{"tab", emptyHex + "\t a\n", "a", nil},
		{"upper case", strings.ToUpper(emptyHex) + "  a\n", "a", nil},
		{"no newline at the end", emptyHex + "  a", "a", nil},
		{"CRLF", emptyHex + "  a\r\n", "a", nil},
		{"blanks before", " \t" + emptyHex + "  a\n", "a", nil},
		{"name starts with a blank", emptyHex + "   a\n", " a", nil},
		{"name starts with an asterisk", emptyHex + "  *a\n", "*a", nil},
		{"name ends in a blank", emptyHex + "  a \n", "a ", nil},
		{"not UTF-8", emptyHex + "  \xff\n", "\xff", nil},
		{"escaped", `\` + emptyHex + `  a\nb\rc\\n` + "\n", "a\nb\rc\\n", nil},
		{"escaped without need", `\` + emptyHex + "  a\n", "a", nil},
		{"backslash of PHLB", emptyHex + `  a\nb` + "\n", `a\nb`, nil},
		{"carriage return inside", emptyHex + "  a\rb\n", "a\rb", nil},
		{"unknown escape", `\` + emptyHex + `  a\tb` + "\n", "", ErrEscape},
		{"half an escape", `\` + emptyHex + `  a\` + "\n", "", ErrEscape},
		{"words", "Not a sum at all\n", "", ErrFormat},
		{"one blank", emptyHex + " a\n", "", ErrFormat},
		{"no name", emptyHex + "  \n", "", ErrName},
		{"only digits", emptyHex + "\n", "", ErrFormat},
		{"SHA-1", emptyHex[:40] + "  a\n", "", ErrFormat},
		{"not hex", "x" + emptyHex[1:] + "  a\n", "", ErrFormat},
		{"path", emptyHex + "  a/b\n", "", ErrName},
		{"absolute", emptyHex + "  /etc/passwd\n", "", ErrName},
		{"parent", emptyHex + "  ..\n", "", ErrName},
		{"itself", emptyHex + "  .\n", "", ErrName},
		{"NUL", emptyHex + "  a\x00b\n", "", ErrName},
		{"BSD form", "SHA256 (a) = " + emptyHex + "\n", "", ErrFormat},
	} {
		t.Run(tc.what, func(t *testing.T) {
			lines, bad, err := Parse(strings.NewReader(tc.in))
			if err != nil {
				t.Fatal(err)
			}
			if tc.err == nil {
				if diff := cmp.Diff([]Line{{Name: tc.want, Sum: empty}}, lines); diff != "" || len(bad) > 0 {
					t.Fatalf("bad %v, lines: %s", bad, diff)
				}
				return
			}
			if len(lines) != 0 || len(bad) != 1 || !errors.Is(bad[0].Err, tc.err) || bad[0].Number != 1 {
				t.Fatalf("lines %v, bad %v; want %v", lines, bad, tc.err)
			}
		})
	}
}

// phlbText was written by PHLB 1.9.1: in scan order, not sorted.
const phlbText = `98c5d56ef33757585b10ea8eac1dd4d1b9535600ab6dd0ccffbb088c713a65b4  thousand.bin
e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  zero
34834e786d4a60c1c5c8262fa4a8e623b856ffa73f747d2a64baec40aa4392c4  script.sh
19f21afcdab4c2cf782882652e34662fd4e6b38738abbaa64fc8e2581927ba8c  999.bin
4b50d248ae14a9fe08174c0202ee390fc70b22bbef7990a8e9a58d494dc24c9d  with space.txt
386b08a1d745f0838c7febc25482ee98db7175894ffd6e52c66577d266091e09  umläut 日本.txt
`

func TestParsePHLB(t *testing.T) {
	lines, bad, err := Parse(strings.NewReader(phlbText))
	if err != nil || len(bad) > 0 {
		t.Fatal(bad, err)
	}
	var names []string
	for _, l := range lines {
		names = append(names, l.Name)
	}
	want := []string{"thousand.bin", "zero", "script.sh", "999.bin", "with space.txt", "umläut 日本.txt"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	if got := string(appendAll(lines)); got != phlbText {
		t.Errorf("written again:\n%s", got)
	}
}

func TestParseGoesOn(t *testing.T) {
	in := "# a comment\n\n" + emptyHex + "  a\nrubbish\n" + emptyHex + "  a\n" + strings.Repeat("x", 5*maxLine) + "\n" + emptyHex + "  b"
	lines, bad, err := Parse(iotest.OneByteReader(strings.NewReader(in)))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Line{{"a", empty}, {"a", empty}, {"b", empty}}, lines); diff != "" {
		t.Error(diff)
	}
	want := []BadLine{
		{Number: 4, Text: "rubbish", Err: ErrFormat},
		{Number: 6, Text: strings.Repeat("x", maxText), Err: ErrTooLong},
	}
	if diff := cmp.Diff(want, bad, cmpopts.EquateErrors()); diff != "" {
		t.Error(diff)
	}
}

func TestParseLongest(t *testing.T) {
	prefix := emptyHex + "  "
	fits := strings.Repeat("n", maxLine-len(prefix)-1)
	for _, end := range []string{"\n", ""} {
		lines, bad, err := Parse(strings.NewReader(prefix + fits + end))
		if err != nil || len(bad) > 0 || len(lines) != 1 || lines[0].Name != fits {
			t.Errorf("line of %d bytes refused: %d lines, %v, %v", maxLine, len(lines), bad, err)
		}
	}
	_, bad, err := Parse(strings.NewReader(prefix + fits + "n\n"))
	if err != nil || len(bad) != 1 || !errors.Is(bad[0].Err, ErrTooLong) {
		t.Errorf("line of %d bytes: %v, %v", maxLine+1, bad, err)
	}
}

func TestParseNoChecksumFile(t *testing.T) {
	in := emptyHex + "  a\n" + strings.Repeat("words\n", 100_000)
	lines, bad, err := Parse(strings.NewReader(in))
	if !errors.Is(err, ErrTooManyBad) || len(bad) != maxBad || len(lines) != 1 {
		t.Errorf("%d lines, %d bad, %v", len(lines), len(bad), err)
	}
}

func TestParseReadError(t *testing.T) {
	r := iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(phlbText)))
	if _, _, err := Parse(r); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("error %v", err)
	}
	long := iotest.DataErrReader(iotest.TimeoutReader(strings.NewReader(strings.Repeat("x", 3*maxLine))))
	if _, _, err := Parse(long); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("error within a long line: %v", err)
	}
}

// TestParseMemory: a line without end is not held.
func TestParseMemory(t *testing.T) {
	allocated := testing.AllocsPerRun(1, func() {
		_, _, _ = Parse(&endless{left: 64 << 20})
	})
	if allocated > 50 {
		t.Errorf("%v allocations for one bad line", allocated)
	}
}

type endless struct{ left int }

func (e *endless) Read(b []byte) (int, error) {
	if e.left <= 0 {
		return 0, iotest.ErrTimeout
	}
	for i := range b {
		b[i] = 'x'
	}
	e.left -= len(b)
	return len(b), nil
}

func names() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		b := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom([]byte("\\\n\r *#ab.nr")), rapid.Byte()), 1, 255).Draw(t, "name")
		name := strings.NewReplacer("/", "_", "\x00", "_").Replace(string(b))
		if !validName([]byte(name)) {
			return "dots"
		}
		return name
	})
}

// TestRoundTrip: whatever a directory can hold comes back.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var want []Line
		for _, name := range rapid.SliceOfN(names(), 0, 20).Draw(t, "names") {
			line := Line{Name: name, Sum: sha256.Sum256([]byte(name))}
			if n, real := Len(&line), len(Append(nil, line)); n != real {
				t.Fatalf("Len of %q is %d, not %d", name, n, real)
			}
			want = append(want, line)
		}
		got, bad, err := Parse(bytes.NewReader(appendAll(want)))
		if err != nil || len(bad) > 0 {
			t.Fatal(bad, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestSort(t *testing.T) {
	one, two := digest.Sum{1}, digest.Sum{2}
	lines := []Line{{"b", one}, {"a-b", one}, {"a", two}, {"B", one}, {"\xff", one}, {"a", one}, {"é", one}}
	Sort(lines)
	want := []Line{{"B", one}, {"a", two}, {"a", one}, {"a-b", one}, {"b", one}, {"é", one}, {"\xff", one}}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
}

func appendAll(lines []Line) []byte {
	var b []byte
	for _, l := range lines {
		b = Append(b, l)
	}
	return b
}

// FuzzParse: accepted lines come back from what Append makes of them, and
// nothing that is accepted names anything outside the directory.
func FuzzParse(f *testing.F) {
	f.Add([]byte(phlbText))
	f.Add([]byte("\\" + emptyHex + "  a\\nb\\\\\r\n\n# c\n" + emptyHex + " *\xff"))
	f.Add([]byte(emptyHex + "  x\r\r\n rubbish"))
	f.Fuzz(func(t *testing.T, in []byte) {
		lines, bad, err := Parse(bytes.NewReader(in))
		if err != nil && !errors.Is(err, ErrTooManyBad) {
			t.Fatal(err)
		}
		for _, b := range bad {
			if len(b.Text) > maxText || b.Err == nil || b.Number < 1 {
				t.Fatalf("bad line %+v", b)
			}
		}
		for _, l := range lines {
			if !validName([]byte(l.Name)) {
				t.Fatalf("name %q accepted", l.Name)
			}
		}
		// Escaping can make a line longer than may be read.
		lines = slices.DeleteFunc(lines, func(l Line) bool { return len(l.Name) > maxLine/2-hexLen })
		again, bad, err := Parse(bytes.NewReader(appendAll(lines)))
		if err != nil || len(bad) > 0 {
			t.Fatal(bad, err)
		}
		if !slices.Equal(lines, again) {
			t.Fatalf("%q came back as %q", lines, again)
		}
	})
}
