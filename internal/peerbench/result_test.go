package main

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden file")

func TestMiddle(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{nil, 0}, {[]float64{7}, 7}, {[]float64{9, 1}, 5}, {[]float64{9, 1, 2}, 2}, {[]float64{4, 1, 100, 2}, 3},
	} {
		if got := middle(c.values, func(v float64) float64 { return v }); got != c.want {
			t.Errorf("middle of %v is %v, want %v", c.values, got, c.want)
		}
	}
}

// trialOf is a record whose figures are easy to follow.
func trialOf(data, scenario, contender string, round int, seconds ...float64) record {
	r := record{Data: data, Scenario: scenario, Contender: contender, Round: round, Growth: usage{Bytes: 1 << 20, Inodes: 1100}}
	names := []string{"run", syncPart}
	if len(seconds) == 3 {
		names = []string{"plan", "apply", syncPart}
	}
	for i, s := range seconds {
		c := cost{Wall: s, CPU: s / 2, RSS: 10 * float64(i+1)}
		r.Parts = append(r.Parts, partCost{names[i], c})
		r.Synced += s
		if names[i] != syncPart {
			r.Total = r.Total.plus(c)
		}
	}
	return r
}

func example() *report {
	r := &report{
		Machine: machine{
			Cores: 2, MemoryMiB: 4096, System: "linux/amd64", Kernel: "6.1", Go: "go1.26", Workplace: "nowhere",
			Tools: map[string]string{"cp": "cp 9.1", "find": "find 4.9"},
		},
		Data:     []dataFacts{{"kernel", treeSize{1000, 5 << 20}}, {"million-1000", treeSize{1000, 5 << 20}}, {"million-10000", treeSize{10_000, 50 << 20}}},
		NotFound: []string{"borg"}, Skipped: []string{"large: no room"},
		Checked: 3, Failures: []string{"kernel, round 1, rsync: broken"},
	}
	for round := range 3 {
		x := float64(round + 1)
		r.Records = append(r.Records,
			trialOf("kernel", first, "cp", round, 2*x, x),
			trialOf("kernel", first, "phlb", round, x/2, 2*x, x),
			trialOf("kernel", look, "phlb", round, x),
			trialOf("kernel", look, "find", round, x/2),
			trialOf("million-1000", "scale/first", "phlb", round, x, x, x),
			trialOf("million-10000", "scale/first", "phlb", round, 10*x, 11*x, x),
		)
	}
	r.Medians = medians(r.Records)
	r.Bars = judge(barsFor(options{scaleFiles: []string{"1000", "10000"}}), r.Medians, r.Data)
	return r
}

func TestBars(t *testing.T) {
	type outcome struct {
		reached float64
		ok      bool
	}
	want := map[string]outcome{
		"first kernel: phlb / cp with sync":                      {5.0 / 4, false},
		"plan kernel: phlb / find":                               {2, false},
		"scale/first million-10000: peak memory of plan":         {10, true},
		"scale/first million-10000: peak memory of apply":        {20, true},
		"scale/first: time a file, million-10000 / million-1000": {1.05, true},
	}
	got := map[string]outcome{}
	for _, v := range example().Bars {
		got[v.What] = outcome{float64(int(v.Reached*1000+0.5)) / 1000, v.OK}
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(outcome{})); diff != "" {
		t.Error(diff)
	}
}

func TestRender(t *testing.T) {
	var out strings.Builder
	render(&out, example())
	golden := filepath.Join("testdata", "report.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.ReplaceAll(string(want), "\r\n", "\n"), out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestRotated(t *testing.T) {
	for by, want := range []string{"abc", "bca", "cab", "abc"} {
		if got := strings.Join(rotated([]string{"a", "b", "c"}, by), ""); got != want {
			t.Errorf("round %d starts as %s, want %s", by, got, want)
		}
	}
}
