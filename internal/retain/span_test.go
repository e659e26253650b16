package retain

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseSpan(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Span
		text string
	}{
		{"2d", Span{Days: 2}, "2d"},
		{"2d12h", Span{Days: 2, Hours: 12}, "2d12h"},
		{"90d", Span{Days: 90}, "90d"},
		{"2y5m7d3h", Span{2, 5, 7, 3}, "2y5m7d3h"},
		{"3h2y", Span{Years: 2, Hours: 3}, "2y3h"},
		{"0d", Span{}, "0h"},
		{"007d", Span{Days: 7}, "7d"},
		{"999999y", Span{Years: 999999}, "999999y"},
	} {
		got, err := ParseSpan(c.in)
		if err != nil || got != c.want {
			t.Errorf("ParseSpan(%q) = %+v, %v, want %+v", c.in, got, err, c.want)
		}
		if got.String() != c.text {
			t.Errorf("ParseSpan(%q).String() = %q, want %q", c.in, got.String(), c.text)
		}
	}
}

func TestParseSpanErrors(t *testing.T) {
	for in, want := range map[string]string{
		"":         `parse span: it is empty`,
		"2":        `parse span "2": each number needs a unit behind it: y, m, d or h`,
		"d":        `parse span "d": each number needs a unit behind it: y, m, d or h`,
		"-2d":      `parse span "-2d": each number needs a unit behind it: y, m, d or h`,
		"2w":       `parse span "2w": the units are y, m (months), d and h (a week is 7d)`,
		"2d 3h":    `parse span "2d 3h": each number needs a unit behind it: y, m, d or h`,
		"1d2d":     `parse span "1d2d": unit d occurs twice`,
		"0d1d":     `parse span "0d1d": unit d occurs twice`,
		"1000000h": `parse span "1000000h": 1000000 is too large`,
		"2D":       `parse span "2D": the units are y, m (months), d and h (a week is 7d)`,
	} {
		if got, err := ParseSpan(in); err == nil || err.Error() != want {
			t.Errorf("ParseSpan(%q) = %+v, %v, want error %s", in, got, err, want)
		}
	}
}

func TestPolicyJSON(t *testing.T) {
	number := rapid.IntRange(0, 999999)
	span := rapid.Custom(func(t *rapid.T) Span {
		return Span{number.Draw(t, "y"), number.Draw(t, "m"), number.Draw(t, "d"), number.Draw(t, "h")}
	})
	rapid.Check(t, func(t *rapid.T) {
		want := Policy{
			KeepLast: number.Draw(t, "last"), KeepYearly: number.Draw(t, "yearly"),
			KeepWithin: span.Draw(t, "within"), KeepWithinWeekly: span.Draw(t, "weekly"),
		}
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Policy
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s\n%s", data, diff)
		}
	})
}

func TestPolicyJSONKeys(t *testing.T) {
	data, err := json.Marshal(Policy{KeepLast: 3, KeepDaily: 7, KeepWithin: Span{Days: 2, Hours: 12}, KeepWithinDaily: Span{Days: 90}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"keep_last":3,"keep_daily":7,"keep_within":"2d12h","keep_within_daily":"90d"}`
	if string(data) != want {
		t.Errorf("got  %s\nwant %s", data, want)
	}
	if data, err := json.Marshal(Policy{}); err != nil || string(data) != `{}` {
		t.Errorf("an empty policy is %s, %v", data, err)
	}
	var p Policy
	if err := json.Unmarshal([]byte(`{"keep_within":"2w"}`), &p); err == nil {
		t.Error("a span with an unknown unit was accepted")
	}
	if !(Policy{}).IsZero() || (Policy{KeepWithin: Span{Hours: 1}}).IsZero() {
		t.Error("IsZero is wrong")
	}
}

func FuzzParseSpan(f *testing.F) {
	for _, s := range []string{"2d", "2d12h", "2y5m7d3h", "0d", "", "1d1d", "-1d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		span, err := ParseSpan(s)
		if err != nil {
			return
		}
		again, err := ParseSpan(span.String())
		if err != nil || again != span {
			t.Fatalf("%q is %+v, which is written %q and read as %+v, %v", s, span, span.String(), again, err)
		}
	})
}
