package manifest

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"phlb/internal/retain"
)

// word draws strings that are hard on YAML: quotes, variables, line breaks,
// what looks like another type.
func word() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"a", "true", "null", "~", "1", "1.5", "010", "yes", "<<", "- x", "a: b", "#c", "!t", "&a", "*a", "${X}", "$${", "$$${Y}",
			"'", `"`, `\`, "%", "@", "`", " lead", "trail ", "a\nb", "\n", "a\r\nb", "\ttab", "ä\u2028b", "\u0085", "\uFEFFx", "日本", "2026-01-01", ".inf", "=",
		}),
		rapid.StringOfN(rapid.RuneFrom([]rune("ab$ {}'\"\\\n\t:#-!*&é\u200B")), 1, 12, -1),
	).Filter(func(s string) bool {
		return strings.Trim(strings.TrimPrefix(s, "!"), "/ ") != "" && strings.TrimSpace(s) != ""
	})
}

func settings(t *rapid.T) Settings {
	number := rapid.IntRange(0, 40)
	span := rapid.Custom(func(t *rapid.T) retain.Span {
		return retain.Span{Years: number.Draw(t, "y"), Months: number.Draw(t, "m"), Days: number.Draw(t, "d"), Hours: number.Draw(t, "h")}
	})
	size := rapid.OneOf(rapid.Int64Min(1), rapid.Map(rapid.Int64Range(1, 1000), func(n int64) int64 { return n << 20 }),
		rapid.Map(rapid.Int64Range(1, 1000), func(n int64) int64 { return n * 1e6 }))
	s := Settings{
		Excludes: rapid.SliceOfN(rapid.Map(word(), func(s string) Pattern { return Pattern{Text: s} }), 0, 4).Draw(t, "excludes"),
		ExcludeIfPresent: rapid.SliceOfN(word().Filter(func(s string) bool { return !strings.Contains(s, "/") }), 0, 3).
			Draw(t, "exclude_if_present"),
		ExcludeCaches:      rapid.Bool().Draw(t, "caches"),
		MaxFileSize:        rapid.OneOf(rapid.Just(int64(0)), size).Draw(t, "max"),
		OneFileSystem:      rapid.Bool().Draw(t, "one"),
		ChangeDetection:    rapid.SampledFrom([]ChangeDetection{DetectMetadata, DetectContent, DetectMtime}).Draw(t, "detect"),
		LinkMatch:          rapid.SampledFrom([]LinkMatch{MatchPermissions, MatchContent, MatchMetadata}).Draw(t, "match"),
		SmallFiles:         rapid.SampledFrom([]SmallFiles{SmallFilesCopy, SmallFilesLink}).Draw(t, "small"),
		SmallFileThreshold: rapid.Int64Range(1000, 1<<40).Draw(t, "threshold"),
		Require: Require{
			Mountpoint: rapid.Bool().Draw(t, "mountpoint"), MinFiles: rapid.Int64Min(0).Draw(t, "min_files"),
			Sentinel: rapid.SampledFrom([]string{"", "x", "${X}/y", "true"}).Draw(t, "sentinel"),
		},
		SkipIfUnchanged: rapid.Bool().Draw(t, "skip"),
	}
	if rapid.Bool().Draw(t, "guards") {
		percent, free := rapid.Float64Range(0, 100).Draw(t, "percent"), size.Draw(t, "free")
		s.Guards = Guards{MaxDeletedPercent: &percent, MinFree: &free}
	}
	policy := retain.Policy{
		KeepLast: number.Draw(t, "last"), KeepHourly: number.Draw(t, "hourly"), KeepDaily: number.Draw(t, "daily"),
		KeepWeekly: number.Draw(t, "weekly"), KeepMonthly: number.Draw(t, "monthly"), KeepYearly: number.Draw(t, "yearly"),
		KeepWithin: span.Draw(t, "within"), KeepWithinHourly: span.Draw(t, "within hourly"), KeepWithinDaily: span.Draw(t, "within daily"),
		KeepWithinWeekly: span.Draw(t, "within weekly"), KeepWithinMonthly: span.Draw(t, "within monthly"), KeepWithinYearly: span.Draw(t, "within yearly"),
	}
	if !policy.IsZero() && rapid.Bool().Draw(t, "retention") {
		s.Retention = &policy
	}
	return s
}

func manifest(t *rapid.T) *Manifest {
	commands := rapid.SliceOfN(word(), 0, 3)
	m := &Manifest{
		Path: testPath, Version: 1, Destination: "/backup/" + strings.Trim(word().Draw(t, "destination"), "/."),
		CreateDestination:  rapid.Bool().Draw(t, "create"),
		DestinationRequire: DestinationRequire{Mountpoint: rapid.Bool().Draw(t, "mountpoint"), Sentinel: rapid.SampledFrom([]string{"", "a b"}).Draw(t, "sentinel")},
		RootID:             rapid.SampledFrom([]string{"", "7f0c0000-1111-2222-3333-444455556666"}).Draw(t, "root_id"),
		Timezone:           rapid.SampledFrom([]string{"Local", "UTC", "Europe/Berlin"}).Draw(t, "timezone"),
		Workers:            rapid.IntRange(0, 8).Draw(t, "workers"),
	}
	m.Location = time.FixedZone(m.Timezone, 0)
	for i := range rapid.IntRange(1, 3).Draw(t, "sources") {
		m.Sources = append(m.Sources, Source{
			Name: "n${N}/" + string(rune('a'+i)), Path: "/src/" + strings.Trim(word().Draw(t, "path"), "/."), Settings: settings(t),
			Hooks: Hooks{
				commands.Draw(t, "before"), commands.Draw(t, "after"), commands.Draw(t, "on_error"),
				time.Duration(rapid.Int64Range(0, 1<<50).Draw(t, "timeout")),
				rapid.SampledFrom([]string{"", "http://h", "https://u:p@example.org:8080/a%20b/${X}?q=1"}).Draw(t, "ping"),
			},
		})
	}
	return m
}

// TestYAMLRoundTrip: what YAML writes is a manifest, equal to the original, by
// the parser and by the schema.
func TestYAMLRoundTrip(t *testing.T) {
	check := validator(t)
	rapid.Check(t, func(t *rapid.T) {
		want := manifest(t)
		data, err := want.YAML()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(data, testPath, Options{})
		if err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if diff := cmp.Diff(want, got, equal()); diff != "" {
			t.Fatalf("%s\n%s", diff, data)
		}
		if err := check(data); err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
	})
}

func TestSettingsJSONRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := settings(t)
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Settings
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatalf("%v\n%s", err, data)
		}
		if diff := cmp.Diff(want, got, equal()); diff != "" {
			t.Fatalf("%s\n%s", diff, data)
		}
	})
}

func TestSettingsJSON(t *testing.T) {
	m := mustParse(t, around("excludes_replace: true"), Options{})
	data, err := json.Marshal(m.Sources[0].Settings)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"excludes":[],"one_file_system":true,"change_detection":"metadata","link_match":"permissions","small_files":"copy","small_file_threshold":1000}`
	if string(data) != want {
		t.Errorf("got  %s\nwant %s", data, want)
	}
	m = mustParse(t, around("excludes: [a]\nexcludes_replace: true\nguards: {max_deleted_percent: 0}\nretention: {keep_within: 2d}"), Options{})
	if data, err = json.Marshal(m.Sources[0].Settings); err != nil {
		t.Fatal(err)
	}
	const all = `{"excludes":["a"],"one_file_system":true,"change_detection":"metadata","link_match":"permissions","small_files":"copy","small_file_threshold":1000,"guards":{"max_deleted_percent":0},"retention":{"keep_within":"2d"}}`
	if string(data) != all {
		t.Errorf("got  %s\nwant %s", data, all)
	}
}

func TestYAMLShowsDefaults(t *testing.T) {
	m := mustParse(t, around("excludes: ['*.iso']\nhooks: {before: ['echo ${X}']}"), Options{})
	got, err := m.YAML()
	if err != nil {
		t.Fatal(err)
	}
	const want = `version: 1
destination: /b
create_destination: false
timezone: Local
workers: 0 # number of CPUs
sources:
  - name: me
    path: /home/me
    excludes_replace: true
    excludes:
      - __pycache__/ # built in
      - .cache/ # built in
      - .temp/ # built in
      - .tmp/ # built in
      - .tox/ # built in
      - .nox/ # built in
      - "*.iso"
    exclude_if_present: []
    exclude_caches: false
    max_file_size: 0 # no limit
    one_file_system: true
    change_detection: metadata
    link_match: permissions
    small_files: copy
    small_file_threshold: 1000
    skip_if_unchanged: false
    hooks:
      before:
        - "echo ${X}"
      timeout: 1h0m0s
`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		string(Starter()), uncommented(Starter()), around("excludes: &e ['*.iso', '!x']\nexclude_if_present: *e"),
		around("name: ${A:-b}\nretention: {keep_within: 2d12h}\nguards: {max_deleted_percent: 0.5}"), around("hooks: {before: [\"a\\n b\"]}"),
		"version: 1\n---\n", "a: &a [*a]\n", "\uFEFF", "- *x\n", bomb(), "a: !b\n", "? {a: b}\n: c\n", "%YAML 1.1\n---\n", "a: |\n\tb\n",
	} {
		f.Add([]byte(text))
	}
	if data, err := os.ReadFile("testdata/bad.yaml"); err == nil {
		f.Add(data)
	}
	o := Options{Getenv: env("HOME=/home/me", "N=3", "S=a: ${N}")}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Parse(data, testPath, o)
		if err != nil {
			var problems Problems
			if !errors.As(err, &problems) || len(problems) == 0 {
				t.Fatalf("error of type %T: %v", err, err)
			}
			for _, p := range problems {
				if p.Pos.Line < 1 || p.Pos.Column < 1 || p.Message == "" || strings.ContainsFunc(p.String(), unicode.IsControl) {
					t.Fatalf("no position: %+v", p)
				}
			}
			return
		}
		shown, err := m.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := Parse(shown, testPath, Options{})
		if err != nil {
			t.Fatalf("%v\n%s", err, shown)
		}
		if diff := cmp.Diff(m, again, equal()); diff != "" {
			t.Fatalf("%s\n%s", diff, shown)
		}
	})
}
