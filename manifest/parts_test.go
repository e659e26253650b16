package manifest

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"phlb/internal/suggest"
)

func TestValidateName(t *testing.T) {
	for _, name := range []string{"home", "hosts/web1", "a b", "ä/ö", "2026-11-23", "2026", "-x", "x.", "a..b"} {
		if err := ValidateName(name); err != nil {
			t.Error(err)
		}
	}
	for name, want := range map[string]string{
		"":                            "name is empty",
		"/":                           `name "/": an element is empty`,
		"/a":                          `name "/a": an element is empty`,
		"a/":                          `name "a/": an element is empty`,
		".":                           `name ".": an element is "."`,
		"a/..":                        `name "a/..": an element is ".."`,
		"a/.b":                        `name "a/.b": element ".b" starts with a dot`,
		"2026-11-23-140000":           `name "2026-11-23-140000": element "2026-11-23-140000" looks like a snapshot time`,
		"x/2026-11-23-140000/y":       `name "x/2026-11-23-140000/y": element "2026-11-23-140000" looks like a snapshot time`,
		"2026-11-23-140000-backup.lo": `name "2026-11-23-140000-backup.lo": element "2026-11-23-140000-backup.lo" looks like a snapshot time`,
		"a\nb":                        `name "a\nb": element "a\nb" contains a control character`,
		"a\x00b":                      `name "a\x00b": element "a\x00b" contains a control character`,
		"a\xff":                       `name "a\xff" is not UTF-8`,
	} {
		if err := ValidateName(name); err == nil || err.Error() != want {
			t.Errorf("ValidateName(%q) = %v, want %s", name, err, want)
		}
	}
}

func TestParseSize(t *testing.T) {
	for in, want := range map[string]int64{
		"0": 0, "1000": 1000, "2GiB": 2 << 30, "10MB": 10e6, "1.5GiB": 1536 << 20, "1kB": 1000, "1KiB": 1024, "1 MiB": 1 << 20,
		"3tb": 3e12, "7EiB": 7 << 60, "9223372036854775807": math.MaxInt64, "5B": 5, "1Ki": 1024, "1k": 1000,
	} {
		if got, err := parseSize(in); err != nil || got != want {
			t.Errorf("parseSize(%q) = %d, %v, want %d", in, got, err, want)
		}
	}
	for _, in := range []string{"", "-1", "+1", "01", "1,000", "1e6", "GiB", "1GiBs", "1.", ".5", "8EiB", "9223372036854775808", "1  MB", "٣", "0x10"} {
		if got, err := parseSize(in); err == nil {
			t.Errorf("parseSize(%q) = %d", in, got)
		}
	}
}

func TestFormatSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 1000: "1000", 1024: "1KiB", 10e6: "10MB", 2 << 30: "2GiB", 1536 << 20: "1536MiB", 7 << 60: "7EiB"} {
		if got := formatSize(n); got != want {
			t.Errorf("formatSize(%d) = %s, want %s", n, got, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Min(0).Draw(t, "n") >> rapid.IntRange(0, 62).Draw(t, "shift") << rapid.IntRange(0, 20).Draw(t, "back")
		n &= math.MaxInt64
		if got, err := parseSize(formatSize(n)); err != nil || got != n {
			t.Fatalf("%d is written %s and read as %d, %v", n, formatSize(n), got, err)
		}
	})
}

func TestExpandEscaped(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.StringOf(rapid.RuneFrom([]rune("${}a:-"))).Draw(t, "text")
		if got, err := expand(escapeVariables(want), nil); err != nil || got != want {
			t.Fatalf("%q is escaped %q and expanded to %q, %v", want, escapeVariables(want), got, err)
		}
	})
}

func TestNearest(t *testing.T) {
	known := keysOf(entryFields())
	for word, want := range map[string]string{
		"exclude": "excludes", "pth": "path", "smallFiles": "small_files", "one-file-system": "one_file_system",
		"exclude_cahces": "exclude_caches", "x": "", "": "", "description": "", "EXCLUDES": "excludes", strings.Repeat("x", 1<<20): "",
	} {
		if got := suggest.Nearest(word, known); got != want {
			t.Errorf("Nearest(%.40q) = %q, want %q", word, got, want)
		}
	}
}

func TestSingle(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		source, destination string
		o                   SingleOptions
		want                string
	}{
		{"/home/me/", "/b/.", SingleOptions{OneFileSystem: true}, "me /home/me /b true " + builtin},
		{"/home/me", "/b", SingleOptions{Name: "hosts/x"}, "hosts/x /home/me /b false " + builtin},
		{"/home/me", "/b", SingleOptions{Excludes: []string{"a,b/", " c d ", ""}}, "me /home/me /b false a/ b/  c d /"},
		{"/home/me", "/b", SingleOptions{Excludes: []string{`*.x,[a]?,!n,#c,\`}}, `me /home/me /b false \*.x/ \[a]\?/ \!n/ \#c/ \\/`},
		{"/home/me", "/b", SingleOptions{Excludes: []string{}}, "me /home/me /b false "},
	} {
		m, err := Single(c.source, c.destination, c.o, Options{})
		if err != nil {
			t.Errorf("%+v: %v", c, err)
			continue
		}
		s := m.Sources[0]
		if got := fmt.Sprint(s.Name, " ", s.Path, " ", m.Destination, " ", s.OneFileSystem, " ", texts(s.Excludes)); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
		if m.Path != "" || m.SHA256 != "" || m.Version != 1 || m.Timezone != "Local" || s.ChangeDetection != DetectMetadata || s.SmallFileThreshold != 1000 {
			t.Errorf("%+v", m)
		}
		if data, err := m.YAML(); err != nil {
			t.Error(err)
		} else if again, err := Parse(data, testPath, Options{}); err != nil {
			t.Errorf("%v\n%s", err, data)
		} else if diff := cmp.Diff(m.Sources, again.Sources, equal()); diff != "" {
			t.Error(diff)
		}
	}
	m, err := Single("s", "b", SingleOptions{}, Options{})
	if err != nil || !strings.HasSuffix(m.Sources[0].Path, "/s") || !strings.HasPrefix(m.Destination, "/") {
		t.Errorf("relative arguments: %+v, %v", m, err)
	}
}

func TestSingleProblems(t *testing.T) {
	for _, c := range []struct {
		source, destination string
		o                   SingleOptions
		want                string
	}{
		{"", "/b", SingleOptions{}, "source is empty"},
		{"/a", "", SingleOptions{}, "destination is empty"},
		{"/b/x", "/b", SingleOptions{}, "source /b/x lies inside the destination /b; choose a destination outside"},
		{"/a", "/a/b", SingleOptions{}, `the destination /a/b lies inside the source /a; exclude it there: "/b/"`},
		{"/a", "/b", SingleOptions{Name: "a//b"}, `name "a//b": an element is empty`},
		{"/a/.x", "/b", SingleOptions{}, `name ".x": element ".x" starts with a dot (the last element of its path; give the source a name)`},
		{"/a", "/b", SingleOptions{Excludes: []string{"x/y"}}, `exclude "x/y" is a path; give the name of a directory, or use a manifest`},
		{"/a", "/b", SingleOptions{Excludes: []string{"\xff"}}, `exclude "\xff" contains a NUL character or is not UTF-8`},
	} {
		if m, err := Single(c.source, c.destination, c.o, Options{}); err == nil || err.Error() != c.want {
			t.Errorf("%+v: got %v, %v", c, m, err)
		}
	}
}
