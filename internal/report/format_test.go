package report

import (
	"math"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestBytesAndCount(t *testing.T) {
	for n, want := range map[int64]string{
		0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 4711: "4.6 KiB", 12 << 30: "12 GiB", -2048: "-2.0 KiB",
		math.MaxInt64: "8.0 EiB", math.MinInt64: "-8.0 EiB",
	} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
	if got := Count(80000); got != "80,000" {
		t.Errorf("Count = %q", got)
	}
	if got := files(1) + ", " + files(0) + ", " + files(1234); got != "1 file, 0 files, 1,234 files" {
		t.Errorf("files = %q", got)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0ms", 250 * time.Millisecond: "250ms", 8540 * time.Millisecond: "8.5s", 9 * time.Second: "9s",
		59*time.Second + 999*time.Millisecond: "59s", 190 * time.Second: "3m10s", 125 * time.Minute: "2h05m",
		102 * time.Hour: "4d06h", -time.Minute: "-1m00s",
	} {
		if got := Duration(d); got != want {
			t.Errorf("Duration(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestPercent(t *testing.T) {
	for _, tt := range []struct {
		part, whole int64
		want        string
	}{
		{0, 0, "0%"}, {0, 5, "0%"}, {1, 1000, "<1%"}, {1, 3, "33%"}, {999, 1000, "99%"}, {1000, 1000, "100%"}, {7, 5, "100%"},
	} {
		if got := percent(tt.part, tt.whole); got != tt.want {
			t.Errorf("percent(%d, %d) = %q, want %q", tt.part, tt.whole, got, tt.want)
		}
	}
}

func TestName(t *testing.T) {
	for name, want := range map[string]string{
		"docs/a.txt": "docs/a.txt", "with space": "with space", "umläut 日本": "umläut 日本", "a|b": "a|b", `back\slash`: `back\slash`,
		"": `""`, "nl\n": `"nl\n"`, "\x1b[31m": `"\x1b[31m"`, "\xff": `"\xff"`, "trail ": `"trail "`, " lead": `" lead"`,
		"\ufffd": "\ufffd", "rtl\u202e": `"rtl\u202e"`, `"q"`: `"\"q\""`, "nbsp\u00a0x": `"nbsp\u00a0x"`, "\x7f": `"\x7f"`,
	} {
		if got := Name(name); got != want {
			t.Errorf("Name(%q) = %s, want %s", name, got, want)
		}
	}
}

// Two different names never look the same.
func TestNameIsUnambiguous(t *testing.T) {
	raw := rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.String(), raw).Draw(t, "name")
		shown := Name(s)
		if shown == s {
			if len(s) > 0 && s[0] == '"' {
				t.Fatalf("%q looks quoted", s)
			}
			return
		}
		if back, err := strconv.Unquote(shown); err != nil || back != s {
			t.Fatalf("%q is shown as %s", s, shown)
		}
	})
}

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		`open "a": no`: `open "a": no`, "a\nb": `a\nb`, "\"q\"\x1b": `"q"\x1b`, "bad \xff": `bad \xff`,
	} {
		if got := text(in); got != want {
			t.Errorf("text(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFit(t *testing.T) {
	for _, tt := range []struct {
		in    string
		cells int
		want  string
	}{
		{"short", 10, "short"},
		{"a/very/long/path/to/a/file.txt", 15, "a/ve…a/file.txt"},
		{"日本語日本語日本語", 9, "日…日本語"},
		{"abcdef", 1, "."}, {"abcdef", 0, ""},
	} {
		if got := fit(tt.in, tt.cells); got != tt.want {
			t.Errorf("fit(%q, %d) = %q, want %q", tt.in, tt.cells, got, tt.want)
		}
	}
}

func TestFitIsNeverTooWide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Name(rapid.String().Draw(t, "name"))
		cells := rapid.IntRange(0, 60).Draw(t, "cells")
		if got := fit(s, cells); width(got) > cells {
			t.Fatalf("fit(%q, %d) = %q takes %d", s, cells, got, width(got))
		}
	})
}
