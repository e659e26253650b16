package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"phlb/execute"
	"phlb/internal/benchmark"
	"phlb/internal/doctor"
	"phlb/manifest"
	"phlb/plan"
)

// output renders into a string.
func output(t *testing.T, render func(w *strings.Builder) error) string {
	t.Helper()
	var out strings.Builder
	if err := render(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func applied() *execute.Result {
	start := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	partial := &execute.Report{
		Format: "phlb-report", FormatVersion: "1.0", Status: execute.StatusPartial, PlanID: "6d1c0e5e",
		Name: "home", Source: "/home/me", Snapshot: ref("home/2026-11-23-140000"), Parent: ref("home/2026-11-22-140000"),
		Totals: plan.Totals{
			Copy: plan.Count{Files: 51, Bytes: 21 << 30}, Link: plan.Count{Files: 1235, Bytes: 24 << 30},
			Skip: plan.Count{Files: 21, Bytes: 411}, Mkdir: 300, Symlink: 1, Deleted: 5,
		},
		Vanished: []execute.FileError{{Path: "tmp/\x1b[2Jx", Err: "no such file"}},
		Unlisted: 9, Unreadable: 1, LinkFallbacks: 3, NotKept: 2, TakenOver: plan.Count{Files: 4, Bytes: 1 << 30},
		Pruned:    []string{"home/2026-01-01-000000"},
		Durations: map[string]float64{"copy": 130.5, "sync": 4, "check": 0.01},
		Start:     start, End: start.Add(135 * time.Second),
	}
	for range 12 {
		partial.Failed = append(partial.Failed, execute.FileError{Path: "private/key", Err: "permission\ndenied"})
	}
	return &execute.Result{PlanID: "6d1c0e5e", Reports: []*execute.Report{
		partial,
		{Status: execute.StatusComplete, Name: "etc", Start: start, End: start.Add(250 * time.Millisecond)},
		{Status: execute.StatusFailed, Name: "srv", Error: "write srv/x: no space left on device", Start: start, End: start},
	}}
}

func TestApply(t *testing.T) {
	r := applied()
	golden(t, "apply", output(t, func(w *strings.Builder) error { return Apply(w, Style{}, r) }))
	golden(t, "apply-json", output(t, func(w *strings.Builder) error { return ApplyJSON(w, r) }))
	golden(t, "apply-summary", string(ApplySummary(r.Reports[0])))
}

// TestStoredAsFound: what drifted was stored only if anything was.
func TestStoredAsFound(t *testing.T) {
	drifted := []execute.FileError{{Path: "x", Err: "size is 2, planned 1"}}
	for _, r := range []*execute.Report{
		{Status: execute.StatusComplete, Name: "a", Snapshot: ref("a/2026-11-23-140000"), Drifted: drifted},
		{Status: execute.StatusFailed, Name: "a", Drifted: drifted},
	} {
		res := &execute.Result{Reports: []*execute.Report{r}}
		for form, out := range map[string]string{
			"text":     output(t, func(w *strings.Builder) error { return Apply(w, Style{}, res) }),
			"summary":  string(ApplySummary(r)),
			"markdown": output(t, func(w *strings.Builder) error { return ApplyMarkdown(w, res, 0) }),
		} {
			if !strings.Contains(out, "Drifted from the plan") || strings.Contains(out, "stored as found") != (r.Snapshot != nil) {
				t.Errorf("%s as %s:\n%s", r.Status, form, out)
			}
		}
	}
}

func TestApplyJSONTellsTheWorst(t *testing.T) {
	tests := []struct {
		statuses []execute.Status
		want     execute.Status
	}{
		{nil, execute.StatusComplete},
		{[]execute.Status{execute.StatusComplete}, execute.StatusComplete},
		{[]execute.Status{execute.StatusPartial, execute.StatusComplete}, execute.StatusPartial},
		{[]execute.Status{execute.StatusFailed, execute.StatusPartial}, execute.StatusFailed},
	}
	for _, tt := range tests {
		r := &execute.Result{}
		for _, s := range tt.statuses {
			r.Reports = append(r.Reports, &execute.Report{Status: s})
		}
		var got applyJSON
		if err := json.Unmarshal([]byte(output(t, func(w *strings.Builder) error { return ApplyJSON(w, r) })), &got); err != nil {
			t.Fatal(err)
		}
		if got.Status != tt.want || got.Reports == nil {
			t.Errorf("%v: got %q, %v", tt.statuses, got.Status, got.Reports)
		}
	}
}

func TestDoctor(t *testing.T) {
	r := &doctor.Report{
		Path: "/mnt/usb stick\n", FileSystem: "vfat",
		Findings: []doctor.Finding{
			{Check: "file_system", Result: "vfat", Level: doctor.OK, Detail: "block size 32 KiB"},
			{Check: "hard_links", Result: "no", Level: doctor.Fail, Detail: "link: operation not permitted; every snapshot would be a full copy of everything that it holds"},
			{Check: "time_resolution", Result: "2 s", Level: doctor.Warn, Detail: "a change within that step can be missed"},
		},
		Verdicts: []doctor.Verdict{
			{Purpose: doctor.BackupRoot, Because: []string{"hard links: no"}},
			{Purpose: doctor.Source, Good: true, Because: []string{"times are coarse (2 s)"}},
		},
	}
	for name, style := range map[string]Style{"doctor-60": {Width: 60}, "doctor-140": {Width: 140}, "doctor-colors": {Colors: ANSIColors}} {
		golden(t, name, output(t, func(w *strings.Builder) error { return Doctor(w, style, r) }))
	}
}

func TestProblems(t *testing.T) {
	problems := manifest.Problems{
		{Pos: manifest.Position{File: "phlb.yaml", Line: 3, Column: 5}, Message: `unknown key "exlcudes"`, Hint: "excludes"},
		{Message: "no sources\x1b"},
	}
	golden(t, "problems", output(t, func(w *strings.Builder) error { return Problems(w, Style{}, problems) }))
	golden(t, "problems-json", output(t, func(w *strings.Builder) error { return ProblemsJSON(w, problems) }))
	if out := output(t, func(w *strings.Builder) error { return Problems(w, Style{}, nil) }); out != "" {
		t.Errorf("a valid manifest gives %q", out)
	}
	if out := output(t, func(w *strings.Builder) error { return ProblemsJSON(w, nil) }); !strings.Contains(out, `"valid": true`) {
		t.Errorf("a valid manifest gives %s", out)
	}
}

func TestBenchmarks(t *testing.T) {
	hashes := &benchmark.HashResult{
		Files: 1234, Failed: 1, Bytes: 3 << 30, ReadTime: 2 * time.Second,
		Algorithms: []benchmark.Algorithm{
			{Name: "sha256", Time: 4 * time.Second, Ratio: 2}, {Name: "xxhash64", Time: 300 * time.Millisecond, Ratio: 0.15},
			{Name: "none"},
		},
	}
	golden(t, "benchmark-hashes", output(t, func(w *strings.Builder) error { return Hashes(w, Style{}, hashes) }))
	scan := &benchmark.ScanResult{Files: 78600, Dirs: 5000, Symlinks: 12, Skipped: 3, Bytes: 1300 << 20, Duration: 500 * time.Millisecond}
	golden(t, "benchmark-scan", output(t, func(w *strings.Builder) error { return Scan(w, Style{}, scan) }))
	golden(t, "benchmark-nothing", output(t, func(w *strings.Builder) error {
		if err := Hashes(w, Style{}, &benchmark.HashResult{Finished: true}); err != nil {
			return err
		}
		return Scan(w, Style{}, &benchmark.ScanResult{})
	}))
	small := output(t, func(w *strings.Builder) error {
		return Hashes(w, Style{}, &benchmark.HashResult{Smaller: 3, Larger: 1})
	})
	if want := "3 files there are smaller than --min-file-size, and 1 larger than --max-file-size"; !strings.Contains(small, want) {
		t.Errorf("got %q, want %q", small, want)
	}
}

// TestFailedHook: what a hook printed stands on lines of its own.
func TestFailedHook(t *testing.T) {
	r := &execute.Report{Name: "home", Status: execute.StatusFailed, Error: "hook before of home: x: exit status 1\n  a\n  b\x1b\n"}
	out := output(t, func(w *strings.Builder) error {
		return Apply(w, Style{}, &execute.Result{Reports: []*execute.Report{r}})
	})
	if want := "  hook before of home: x: exit status 1\n    a\n    b\\x1b\n"; !strings.Contains(out, want) {
		t.Errorf("got\n%s\nwant in it\n%s", out, want)
	}
	if got, want := oneLine(r.Error), "hook before of home: x: exit status 1; a; b\x1b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWriteJSONKeepsMarkup(t *testing.T) {
	out := output(t, func(w *strings.Builder) error { return WriteJSON(w, map[string]string{"a": "<&>"}) })
	if want := "{\n \"a\": \"<&>\"\n}\n"; out != want {
		t.Errorf("got %q", out)
	}
}

func TestResultsTellWriteErrors(t *testing.T) {
	for name, err := range map[string]error{
		"apply":     Apply(failingWriter{}, Style{}, applied()),
		"applyJSON": ApplyJSON(failingWriter{}, applied()),
		"doctor":    Doctor(failingWriter{}, Style{}, &doctor.Report{}),
		"problems":  Problems(failingWriter{}, Style{}, manifest.Problems{{Message: "x"}}),
	} {
		if err == nil || !strings.Contains(err.Error(), "broken pipe") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
