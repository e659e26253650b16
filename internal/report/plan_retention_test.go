package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"phlb/plan"
)

// TestTimeline shows daily snapshots of three years, of which rules keep some.
func TestTimeline(t *testing.T) {
	var b bytes.Buffer
	r, err := NewPlanReport(&b, PlanOptions{Format: Table, Top: 3})
	if err != nil {
		t.Fatal(err)
	}
	v := r.Visitor()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(v.Header(&plan.Header{PlanID: "id", Applyable: true, Destination: plan.Destination{Path: "/mnt/backup", ID: new("1")}}))
	parent := "home/2026-11-22-140000"
	source := &plan.Source{Name: "home", Path: "/home/me", Snapshot: "home/2026-11-23-140000", Parent: &parent}
	check(v.Source(source))
	check(v.EndSource(source))
	totals := plan.PlanTotals{}
	for day := time.Date(2026, 11, 22, 14, 0, 0, 0, time.UTC); day.Year() > 2024; day = day.AddDate(0, 0, -1) {
		id := "home/" + day.Format("2006-01-02-150405")
		if age := 22 - day.Day() + 30*(11-int(day.Month())) + 360*(2026-day.Year()); age < 10 || day.AddDate(0, 0, 1).Day() == 1 {
			check(v.Keep(&plan.Keep{Snapshot: id, Reasons: []string{"monthly#1"}}))
			totals.Keep++
			continue
		}
		check(v.Prune(&plan.Prune{Snapshot: id, Reason: "kept by no rule", FreesBytes: 10}))
		totals.Prune, totals.FreesBytes = totals.Prune+1, totals.FreesBytes+10
	}
	check(v.Keep(&plan.Keep{Snapshot: "other/2026-11-22-140000", Reasons: []string{"no retention"}}))
	check(v.Keep(&plan.Keep{Snapshot: "no snapshot", Reasons: []string{"daily#1"}}))
	totals.Keep += 2
	check(r.Finish(&plan.Info{Totals: totals}))
	golden(t, "plan-timeline", b.String())
	if strings.Contains(b.String(), "Timeline of other") {
		t.Error("a name without retention has a timeline")
	}
}

// mixedDays is a plan that makes a snapshot on a day that has others.
func mixedDays(kept, pruned []string) *fakePlan {
	f := &fakePlan{header: testHeader(), sources: []fakeSource{{Source: plan.Source{Name: "home", Path: "/home/me", Snapshot: "home/2026-11-23-140000"}}}}
	for _, t := range kept {
		f.keep = append(f.keep, plan.Keep{Snapshot: "home/" + t, Reasons: []string{"last#2"}})
	}
	for _, t := range pruned {
		f.prune = append(f.prune, plan.Prune{Snapshot: "home/" + t, Reason: "kept by no rule"})
	}
	return f
}

// Whatever else happens on a day, a prune is seen.
func TestTimelineMarksMixedDays(t *testing.T) {
	const first, today = "2026-11-01-120000", "2026-11-23-120000"
	for _, tt := range []struct {
		kept, pruned []string
		want         string
	}{
		{[]string{first}, nil, "o.....................+......."},
		{[]string{today}, []string{first}, "x.....................O......."},
		{[]string{first}, []string{today}, "o.....................X......."},
		{[]string{first, today}, []string{"2026-11-01-130000", "2026-11-23-130000"}, "*.....................#......."},
	} {
		if out := mixedDays(tt.kept, tt.pruned).render(t, PlanOptions{Format: Table}); !strings.Contains(out, "  2026-11  "+tt.want+"\n") {
			t.Errorf("kept %v, pruned %v: no %s in\n%s", tt.kept, tt.pruned, tt.want, out)
		}
	}
}

// Plans list only what exists under keep: what they make is drawn all the same.
func TestPageDrawsThePlannedSnapshot(t *testing.T) {
	f := mixedDays([]string{"2026-11-22-140000"}, nil)
	const dot = `<title>2026-11-23-140000: made</title>`
	if page := f.html(t, PlanOptions{}); !strings.Contains(page, `<circle class="new" cx="98.000%" cy="24" r="6">`+dot) {
		t.Errorf("no dot for the planned snapshot in\n%s", page)
	}
	f.keep = nil
	if page := f.html(t, PlanOptions{}); strings.Contains(page, dot) {
		t.Error("a name without a past has a timeline")
	}
}
