package metrics

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files")

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func day(n int) time.Time { return noon.AddDate(0, 0, n) }

// backup is a run over two sources, one of which it did not get to.
func backup() *Run {
	return &Run{
		File: "home.prom", Command: "apply", Version: "1.2.3", Start: noon.Add(-90 * time.Second), End: noon, ExitCode: 1,
		Phases: map[string]float64{"plan": 1.5},
		Sources: []Source{
			{Name: "a\"b\\c\nd", Status: Partial, Result: &Result{
				1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 80.25, map[string]float64{"copy": 70, "publish": 0.125},
			}},
			{Name: "hosts/web1", Status: Failed},
		},
	}
}

func TestGolden(t *testing.T) {
	verify := &Run{
		File: "home.prom", Command: "verify", Version: "1.2.3", Start: noon, End: noon.Add(time.Hour), Success: true,
		Verify: &Verify{1, 2, 3 << 40, 4, 0, true},
	}
	got := Render(Update(Update(nil, backup()), verify))
	strict(t, got)
	golden := filepath.Join("testdata", "metrics.golden")
	if *update {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

// values are the samples of a text by name and labels but file.
func values(t testing.TB, text []byte) map[string]float64 {
	t.Helper()
	samples, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]float64{}
	for _, s := range samples {
		key := s.Name
		for _, l := range s.Labels {
			if l.Name != "file" {
				key += "," + l.Value
			}
		}
		found[key] = s.Value
	}
	return found
}

// after runs one after the other over one file.
func after(t testing.TB, runs ...*Run) map[string]float64 {
	t.Helper()
	var text []byte
	for _, r := range runs {
		previous, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		text = Render(Update(previous, r))
		strict(t, text)
	}
	return values(t, text)
}

// TestLastSuccess: a run that failed takes nothing away from what is known of
// the last one that did not.
func TestLastSuccess(t *testing.T) {
	run := func(n, code int, sources ...Source) *Run {
		return &Run{File: "x.prom", Command: "apply", Start: day(n), End: day(n), ExitCode: code, Success: code == 0, Sources: sources}
	}
	result := &Result{Failed: 1}
	got := after(t,
		run(1, 0, Source{"a", Complete, result}, Source{"b", Unchanged, result}),
		run(2, 0, Source{"a", Partial, result}, Source{"b", Complete, result}),
		run(3, 11, Source{"a", Failed, nil}, Source{"b", Failed, nil}, Source{"new", Failed, nil}),
	)
	for key, want := range map[string]float64{
		"phlb_run_last_timestamp_seconds,apply":          unix(day(3)),
		"phlb_run_last_success_timestamp_seconds,apply":  unix(day(2)),
		"phlb_run_exit_code,apply":                       11,
		"phlb_source_last_run_timestamp_seconds,a":       unix(day(3)),
		"phlb_source_last_success_timestamp_seconds,a":   unix(day(1)),
		"phlb_source_last_snapshot_timestamp_seconds,a":  unix(day(2)),
		"phlb_source_last_success_timestamp_seconds,b":   unix(day(2)),
		"phlb_source_last_snapshot_timestamp_seconds,b":  unix(day(2)),
		"phlb_source_last_success_timestamp_seconds,new": 0,
		"phlb_source_status,a,failed":                    1,
		"phlb_source_status,a,partial":                   0,
	} {
		if have, ok := got[key]; !ok || have != want {
			t.Errorf("%s is %v (%t), want %v", key, have, ok, want)
		}
	}
	if _, ok := got["phlb_source_failed,a"]; ok {
		t.Error("counts of an earlier run are told as those of the last")
	}
}

// TestKeeps: what a run says nothing about stays, what is gone goes.
func TestKeeps(t *testing.T) {
	apply := &Run{File: "x.prom", Command: "apply", End: day(1), Success: true, Sources: []Source{{"a", Complete, &Result{}}, {"b", Complete, &Result{}}}}
	verify := &Run{File: "y.prom", Command: "verify", End: day(2), Success: true, Verify: &Verify{Files: 7}}
	locked := &Run{File: "y.prom", Command: "verify", End: day(3), ExitCode: 11}
	onlyA := &Run{File: "z.prom", Command: "apply", End: day(4), Success: true, Sources: []Source{{"a", Complete, &Result{}}}}
	got := after(t, apply, verify, locked, onlyA)
	for key, want := range map[string]float64{
		"phlb_source_last_success_timestamp_seconds,a":   unix(day(4)),
		"phlb_source_last_success_timestamp_seconds,b":   unix(day(1)),
		"phlb_run_last_success_timestamp_seconds,verify": unix(day(2)),
		"phlb_run_exit_code,verify":                      11,
		"phlb_run_last_timestamp_seconds,apply":          unix(day(4)),
		"phlb_verify_files":                              7,
	} {
		if have, ok := got[key]; !ok || have != want {
			t.Errorf("%s is %v (%t), want %v", key, have, ok, want)
		}
	}
	onlyA.Known = []string{"a"}
	for key := range after(t, apply, verify, onlyA) {
		if strings.HasSuffix(key, ",b") {
			t.Errorf("%s is of a source that the manifest no longer has", key)
		}
	}
}

// TestOthersAreDropped: what another program, or another version, wrote into
// the file has no HELP here, and its meaning is not known.
func TestOthersAreDropped(t *testing.T) {
	text := "node_load1 1\nphlb_source_strange{source=\"z\"} 2\nphlb_run_exit_code{file=\"old.prom\",command=\"verify\"} 6\n"
	previous, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	got := string(Render(Update(previous, backup())))
	strict(t, []byte(got))
	if strings.Contains(got, "node_load1") || strings.Contains(got, "strange") || !strings.Contains(got, `phlb_run_exit_code{file="home.prom",command="verify"} 6`) {
		t.Error(got)
	}
}

var (
	name  = regexp.MustCompile(`^phlb_[a-z0-9_]+$`)
	value = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)
)

// strict judges a text by the rules of the format, without the code that
// reads it: HELP and TYPE once before the samples of each metric, which stand
// together; no sample twice; every line ended.
func strict(t testing.TB, text []byte) {
	t.Helper()
	if len(text) == 0 || text[len(text)-1] != '\n' {
		t.Fatalf("the last line is not ended: %q", text)
	}
	seen := map[string]bool{}
	current := ""
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		if rest, ok := strings.CutPrefix(lines[i], "# HELP "); ok {
			metric, help, _ := strings.Cut(rest, " ")
			if help == "" || seen[metric] || !name.MatchString(metric) || i+1 == len(lines) || lines[i+1] != "# TYPE "+metric+" gauge" {
				t.Errorf("line %d: %s", i+1, lines[i])
			}
			seen[metric], current = true, metric
			i++
			continue
		}
		series, number, ok := cutLast(lines[i], " ")
		metric, _, _ := strings.Cut(series, "{")
		if !ok || metric != current || seen[series] || !value.MatchString(number) || !wellLabelled(series[len(metric):]) {
			t.Errorf("line %d: %s", i+1, lines[i])
		}
		seen[series] = true
	}
}

func cutLast(s, sep string) (before, after string, ok bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// wellLabelled walks over a label set byte by byte.
func wellLabelled(s string) bool {
	if len(s) < 2 || s[0] != '{' || s[len(s)-1] != '}' {
		return s == ""
	}
	names := map[string]bool{}
	for s = s[1:]; s != "}"; {
		label, rest, ok := strings.Cut(s, `="`)
		if !ok || names[label] || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz_") != "" {
			return false
		}
		names[label] = true
		end := 0
		for ; end < len(rest) && rest[end] != '"'; end++ {
			if rest[end] == '\\' {
				end++
				if end == len(rest) || !strings.ContainsRune(`\n"`, rune(rest[end])) {
					return false
				}
			}
		}
		if end >= len(rest) {
			return false
		}
		s = strings.TrimPrefix(rest[end+1:], ",")
	}
	return true
}

// TestNames: names are as Prometheus wants them, and each has its place.
func TestNames(t *testing.T) {
	for i, f := range Families() {
		if !name.MatchString(f.Name) || strings.HasSuffix(f.Name, "_total") || f.Help == "" || strings.ContainsAny(f.Help, "\\\n") {
			t.Errorf("%+v", f)
		}
		if place(f.Name) != i {
			t.Errorf("%s stands there twice", f.Name)
		}
	}
}

// TestDocumented: docs/monitoring.md tells of every metric.
func TestDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/monitoring.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range Families() {
		if !strings.Contains(string(text), "`"+f.Name+"`") {
			t.Errorf("%s is not documented", f.Name)
		}
	}
}

// TestRoundTrip: what was written is read as it was, whatever the names.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := backup()
		r.Sources = nil
		for _, name := range rapid.SliceOfNDistinct(rapid.String(), 0, 4, rapid.ID).Draw(t, "names") {
			r.Sources = append(r.Sources, Source{name, rapid.SampledFrom(statuses()).Draw(t, "status"), &Result{
				CopiedBytes: rapid.Int64Range(0, 1<<52).Draw(t, "bytes"), Seconds: rapid.Float64Range(0, 1e6).Draw(t, "seconds"),
			}})
		}
		samples := Update(nil, r)
		got, err := Parse(Render(samples))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(samples, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"x", "x y", "x{ 1", "x{a} 1", `x{a="b} 1`, `x{a="\x"} 1`, `x{a="b""} 1`, "1x 1", "x 1 2 3", "\xff 1", "x{a=\"b\"}", "<html>",
	} {
		if got, err := Parse([]byte("ok 1\n" + text + "\n")); err == nil {
			t.Errorf("%q: read as %+v", text, got)
		} else if !strings.Contains(err.Error(), "line 2") && !strings.Contains(err.Error(), "UTF-8") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// FuzzParse: whatever stands in the file, what is written after it is right.
func FuzzParse(f *testing.F) {
	f.Add(Render(Update(nil, backup())))
	f.Add([]byte("a{b=\"c\"} 1\n# x\n\nphlb_run_exit_code NaN\n"))
	f.Add([]byte("phlb_source_files{source=\"q\",source=\"q\"} 1\nphlb_source_files{source=\"q\",source=\"q\"} +Inf\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		samples, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(Render(Update(samples, backup())))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(again, func(s Sample) bool { return s.Name == "phlb_run_exit_code" && s.Value == 1 }) {
			t.Error(fmt.Sprint(again))
		}
		strict(t, Render(Update(samples, backup())))
	})
}
