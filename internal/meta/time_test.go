package meta

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"regexp"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestTimeText(t *testing.T) {
	for text, want := range map[string]Time{
		"0":                             {},
		"1":                             {0, 1},
		"-1":                            {-1, 999_999_999},
		"1000000000":                    {1, 0},
		"-1000000000":                   {-1, 0},
		"-1000000001":                   {-2, 999_999_999},
		"9223372036854775807":           {9223372036, 854775807},
		"9223372036854775808":           {9223372036, 854775808},
		"-9223372036854775808":          {-9223372037, 145224192},
		"-9223372036854775809":          {-9223372037, 145224191},
		"253402300799999999999":         {253402300799, 999_999_999},
		"9223372036854775807999999999":  {math.MaxInt64, 999_999_999},
		"-9223372036854775808000000000": {math.MinInt64, 0},
	} {
		got, err := ParseTime([]byte(text))
		if err != nil || got != want {
			t.Errorf("ParseTime(%s) = %+v, %v, want %+v", text, got, err, want)
		}
		if got := string(want.Append(nil)); got != text {
			t.Errorf("%+v.Append = %s, want %s", want, got, text)
		}
	}
}

func TestParseTimeErrors(t *testing.T) {
	for _, text := range []string{
		"", "-", "+1", "+9223372036854775808", " 1", "1 ", "1.0", "1e9", "0x10", "1_000", "null", `"1"`, "٣", "--1",
		"9223372036854775808000000000", "-9223372036854775808000000001", "100000000000000000000000000000000",
	} {
		if got, err := ParseTime([]byte(text)); err == nil {
			t.Errorf("ParseTime(%q) = %+v", text, got)
		}
	}
}

func drawTime(t *rapid.T, label string) Time {
	return Time{rapid.Int64().Draw(t, label+".sec"), rapid.Int32Range(0, nsPerSec-1).Draw(t, label+".nsec")}
}

func TestTimeRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawTime(t, "time")
		text := want.Append(nil)
		if got, err := ParseTime(text); err != nil || got != want {
			t.Fatalf("%+v became %s became %+v, %v", want, text, got, err)
		}
		var decoded struct{ T Time }
		encoded, err := json.Marshal(struct{ T Time }{want})
		if err == nil {
			err = json.Unmarshal(encoded, &decoded)
		}
		if err != nil || decoded.T != want {
			t.Fatalf("%+v became %s became %+v, %v", want, encoded, decoded.T, err)
		}
	})
}

func TestTimeCompareIsNumeric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawTime(t, "a"), drawTime(t, "b")
		if rapid.Bool().Draw(t, "same second") {
			b.Sec = a.Sec
		}
		if got, want := a.Compare(b), nanoseconds(a).Cmp(nanoseconds(b)); got != want {
			t.Fatalf("%+v.Compare(%+v) = %d, want %d", a, b, got, want)
		}
	})
}

func nanoseconds(t Time) *big.Int {
	n := new(big.Int).Mul(big.NewInt(t.Sec), big.NewInt(nsPerSec))
	return n.Add(n, big.NewInt(int64(t.Nsec)))
}

func TestStdTime(t *testing.T) {
	for _, want := range []time.Time{time.Unix(0, 0), time.Unix(-1, 999_999_999), time.Date(2400, 2, 29, 1, 2, 3, 4, time.UTC), time.Date(1, 1, 1, 0, 0, 0, 1, time.UTC)} {
		got := At(want)
		if !got.Std().Equal(want) || got.Nsec < 0 || got.Std().Location() != time.UTC {
			t.Errorf("%v became %+v became %v", want, got, got.Std())
		}
	}
	if !(Time{}).IsZero() || (Time{Nsec: 1}).IsZero() || (Time{Sec: -1}).IsZero() {
		t.Error("IsZero")
	}
}

var decimal = regexp.MustCompile(`^-?[0-9]+$`)

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"0", "-1", "-0", "007", "9223372036854775808", "-9223372036854775808000000001", "1_0", "+1", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := ParseTime(text)
		n, isNumber := new(big.Int).SetString(string(text), 10)
		isNumber = isNumber && decimal.Match(text)
		switch {
		case err == nil && !isNumber:
			t.Fatalf("%q became %+v", text, got)
		case err == nil:
			if nanoseconds(got).Cmp(n) != 0 || got.Nsec < 0 || got.Nsec >= nsPerSec {
				t.Fatalf("%s became %+v", text, got)
			}
			if want := []byte(n.String()); !bytes.Equal(got.Append(nil), want) {
				t.Fatalf("%s became %s", text, got.Append(nil))
			}
		case isNumber && len(text) <= 32:
			if sec := new(big.Int).Div(n, big.NewInt(nsPerSec)); sec.IsInt64() {
				t.Fatalf("%s: %v", text, err)
			}
		}
	})
}

func TestDecimal8(t *testing.T) {
	for n := uint64(0); n < 1e8; n += 1 + n/700_000*3 {
		if got, want := string(binary.LittleEndian.AppendUint64(nil, decimal8(n))), fmt.Sprintf("%08d", n); got != want {
			t.Fatalf("%d is %s", n, got)
		}
	}
	for _, n := range []int64{99_999_999, 100_000_000, 999_999_999, 1_000_000_000, 9_999_999_999, 10_000_000_000, 12_345_678_901} {
		for _, nsec := range []int32{0, 1, 99_999_999, 100_000_000, 999_999_999} {
			got := string(Time{n, nsec}.Append(nil))
			if want := fmt.Sprintf("%d%09d", n, nsec); got != want {
				t.Errorf("%d s %d ns is %s", n, nsec, got)
			}
		}
	}
}
