package retain

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the tests need zones on any machine

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

// every returns the times from first to last, the newest first.
func every(first, last time.Time, next func(time.Time) time.Time) []Snapshot {
	var list []Snapshot
	for t := first; !t.After(last); t = next(t) {
		list = append(list, Snapshot{Time: t})
	}
	slices.Reverse(list)
	return list
}

func hours(n int) func(time.Time) time.Time {
	return func(t time.Time) time.Time { return t.Add(time.Duration(n) * time.Hour) }
}

func days(n int) func(time.Time) time.Time {
	return func(t time.Time) time.Time { return t.AddDate(0, 0, n) }
}

// TestGolden decides about years of snapshots. The files list what is kept
// and why; everything else is pruned.
func TestGolden(t *testing.T) {
	berlin := zone(t, "Europe/Berlin")
	at := func(y int, m time.Month, d, h, min int) time.Time { return time.Date(y, m, d, h, min, 0, 0, berlin) }
	threeYears := every(at(2023, 11, 23, 3, 30), at(2026, 11, 23, 3, 30), days(1))
	manyADay := every(at(2026, 10, 1, 0, 15), at(2026, 11, 23, 14, 15), hours(3))
	autumn := every(at(2026, 10, 24, 22, 0), at(2026, 10, 25, 6, 0), func(t time.Time) time.Time { return t.Add(30 * time.Minute) })
	spring := every(at(2026, 3, 28, 22, 0), at(2026, 3, 29, 6, 0), func(t time.Time) time.Time { return t.Add(30 * time.Minute) })
	newYear := every(at(2024, 12, 20, 12, 0), at(2027, 1, 10, 12, 0), days(1))
	unreadable := slices.Clone(threeYears)
	for i := range unreadable {
		unreadable[i].Partial = i > 0
	}
	mixed := slices.Clone(manyADay)
	for i := range mixed {
		mixed[i].Partial, mixed[i].Pinned = i%4 != 3, i == 200
	}
	for name, c := range map[string]struct {
		policy Policy
		list   []Snapshot
	}{
		"contract":          {Policy{KeepLast: 3, KeepWithin: Span{Days: 2}, KeepHourly: 24, KeepDaily: 7, KeepWeekly: 5, KeepMonthly: 12, KeepYearly: 3}, threeYears},
		"contract_busy":     {Policy{KeepLast: 3, KeepWithin: Span{Days: 2}, KeepHourly: 24, KeepDaily: 7, KeepWeekly: 5, KeepMonthly: 12, KeepYearly: 3}, manyADay},
		"last":              {Policy{KeepLast: 3}, threeYears},
		"monthly_unfilled":  {Policy{KeepMonthly: 60}, threeYears},
		"yearly_unfilled":   {Policy{KeepYearly: 10}, threeYears},
		"within":            {Policy{KeepWithin: Span{Days: 2, Hours: 12}}, manyADay},
		"within_periods":    {Policy{KeepWithinHourly: Span{Days: 1}, KeepWithinDaily: Span{Days: 10}, KeepWithinWeekly: Span{Months: 2}, KeepWithinMonthly: Span{Years: 1}, KeepWithinYearly: Span{Years: 75}}, threeYears},
		"hours_in_autumn":   {Policy{KeepHourly: 7}, autumn},
		"hours_in_spring":   {Policy{KeepHourly: 7}, spring},
		"within_in_autumn":  {Policy{KeepWithin: Span{Hours: 5}}, autumn},
		"days_in_autumn":    {Policy{KeepWithin: Span{Days: 1}, KeepDaily: 2}, every(at(2026, 10, 24, 0, 0), at(2026, 10, 26, 0, 30), hours(1))},
		"weeks_at_new_year": {Policy{KeepWeekly: 8}, newYear},
		"years":             {Policy{KeepYearly: 3, KeepMonthly: 2}, newYear},
		"one_complete":      {Policy{KeepLast: 2, KeepDaily: 3, KeepMonthly: 4, KeepYearly: 2}, unreadable},
		"partial_and_pins":  {Policy{KeepLast: 1, KeepDaily: 5, KeepWeekly: 3}, mixed},
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, name, listing(c.list, Decide(c.policy, c.list, berlin), berlin))
		})
	}
}

func listing(list []Snapshot, reasons [][]string, loc *time.Location) []byte {
	var b bytes.Buffer
	kept := 0
	for i, s := range list {
		if len(reasons[i]) == 0 {
			continue
		}
		kept++
		status := ""
		if s.Partial {
			status = " (partial)"
		}
		fmt.Fprintf(&b, "%s%s: %s\n", s.Time.In(loc).Format("2006-01-02 Mon 15:04:05 -0700"), status, strings.Join(reasons[i], ", "))
	}
	fmt.Fprintf(&b, "%d kept, %d pruned\n", kept, len(list)-kept)
	return b.Bytes()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(file, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
}

// TestEdges holds what the golden files are too long to show.
func TestEdges(t *testing.T) {
	at := func(d, h int) Snapshot { return Snapshot{Time: time.Date(2026, 11, d, h, 0, 0, 0, time.UTC)} }
	partial := func(s Snapshot) Snapshot { s.Partial = true; return s }
	pinned := func(s Snapshot) Snapshot { s.Pinned = true; return s }
	for name, c := range map[string]struct {
		policy Policy
		list   []Snapshot
		want   []string // joined reasons
	}{
		"nothing": {Policy{KeepLast: 1}, nil, nil},
		"no rule": {Policy{}, []Snapshot{at(3, 0), pinned(at(2, 0))},
			[]string{"no retention newest newest complete", "no retention pinned"}},
		"a span's ends belong to it": {Policy{KeepWithin: Span{Days: 2}}, []Snapshot{at(5, 0), at(3, 0), at(2, 23)},
			[]string{"within newest newest complete", "within", ""}},
		"a later complete one stands for the day": {Policy{KeepDaily: 2}, []Snapshot{at(5, 3), partial(at(5, 2)), at(4, 1), at(3, 0)},
			[]string{"daily#1 newest newest complete", "", "daily#2", ""}},
		"an earlier complete one does, too": {Policy{KeepDaily: 2}, []Snapshot{partial(at(5, 3)), at(5, 2), at(5, 1), partial(at(4, 1)), partial(at(3, 0))},
			[]string{"newest", "daily#1 newest complete", "", "daily#2", ""}},
		"only partial ones": {Policy{KeepDaily: 1}, []Snapshot{partial(at(5, 3)), partial(at(4, 1))},
			[]string{"daily#1 newest", ""}},
		"the last complete one is old": {Policy{KeepLast: 1}, []Snapshot{partial(at(5, 3)), partial(at(4, 1)), at(2, 0), at(1, 0)},
			[]string{"last#1 newest", "", "newest complete", ""}},
		"not filled": {Policy{KeepDaily: 3}, []Snapshot{at(5, 3), at(4, 5), at(4, 1)},
			[]string{"daily#1 newest newest complete", "daily#2", "oldest:daily"}},
		"just filled": {Policy{KeepDaily: 2}, []Snapshot{at(5, 3), at(4, 5), at(4, 1)},
			[]string{"daily#1 newest newest complete", "daily#2", ""}},
		"a clock that was wrong once": {Policy{KeepWithin: Span{Days: 3}}, []Snapshot{at(5, 0), {Time: time.Unix(0, 0)}, at(4, 0)},
			[]string{"within newest newest complete", "", "within"}},
		"a span longer than time": {Policy{KeepWithinYearly: Span{Years: 999999, Months: 999999, Days: 999999, Hours: 999999}}, []Snapshot{at(5, 0), at(4, 0)},
			[]string{"within_yearly newest newest complete", "oldest:within_yearly"}},
	} {
		var got []string
		for _, r := range Decide(c.policy, c.list, time.UTC) {
			got = append(got, strings.Join(r, " "))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestTimezone: the day ends at midnight of the zone asked for.
func TestTimezone(t *testing.T) {
	list := []Snapshot{
		{Time: time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)},
		{Time: time.Date(2026, 11, 22, 23, 30, 0, 0, time.UTC)},
		{Time: time.Date(2026, 11, 22, 22, 30, 0, 0, time.UTC)},
	}
	for name, want := range map[string]string{"UTC": "110", "Europe/Berlin": "101", "America/New_York": "100"} {
		kept := ""
		for _, r := range Decide(Policy{KeepDaily: 2, KeepLast: 1}, list, zone(t, name)) {
			kept += map[bool]string{true: "1", false: "0"}[len(r) > 0 && !strings.HasPrefix(r[0], "oldest")]
		}
		if kept != want {
			t.Errorf("%s: kept %s, want %s", name, kept, want)
		}
	}
}

func snapshots(t *rapid.T) []Snapshot {
	at := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	n := rapid.IntRange(1, 60).Draw(t, "n")
	var list []Snapshot
	for range n {
		list = append(list, Snapshot{Time: at, Partial: rapid.Bool().Draw(t, "partial"), Pinned: rapid.IntRange(0, 9).Draw(t, "pin") == 0})
		at = at.Add(-time.Duration(rapid.IntRange(1, 40*24*60).Draw(t, "minutes")) * time.Minute)
	}
	return list
}

func policy(t *rapid.T) Policy {
	n := func(label string) int { return rapid.SampledFrom([]int{0, 0, 1, 2, 5, 20}).Draw(t, label) }
	span := func(label string) Span {
		return rapid.SampledFrom([]Span{{}, {}, {Hours: 5}, {Days: 2, Hours: 12}, {Months: 3}, {Years: 2}}).Draw(t, label)
	}
	return Policy{
		n("last"), n("hourly"), n("daily"), n("weekly"), n("monthly"), n("yearly"),
		span("within"), span("wh"), span("wd"), span("ww"), span("wm"), span("wy"),
	}
}

// TestMoreRulesNeverPruneMore: what a policy keeps is kept by any policy that
// asks for more.
func TestMoreRulesNeverPruneMore(t *testing.T) {
	loc := zone(t, "Europe/Berlin")
	rapid.Check(t, func(t *rapid.T) {
		list, less, other := snapshots(t), policy(t), policy(t)
		if less.IsZero() {
			less.KeepLast = 1 // no rule keeps everything, so the first one may prune
		}
		more := Policy{
			less.KeepLast + other.KeepLast, less.KeepHourly + other.KeepHourly, less.KeepDaily + other.KeepDaily,
			less.KeepWeekly + other.KeepWeekly, less.KeepMonthly + other.KeepMonthly, less.KeepYearly + other.KeepYearly,
			longer(less.KeepWithin, other.KeepWithin), longer(less.KeepWithinHourly, other.KeepWithinHourly),
			longer(less.KeepWithinDaily, other.KeepWithinDaily), longer(less.KeepWithinWeekly, other.KeepWithinWeekly),
			longer(less.KeepWithinMonthly, other.KeepWithinMonthly), longer(less.KeepWithinYearly, other.KeepWithinYearly),
		}
		few, many := Decide(less, list, loc), Decide(more, list, loc)
		for i := range list {
			if len(few[i]) > 0 && len(many[i]) == 0 {
				t.Fatalf("%v: kept by %v, but pruned with more rules", list[i].Time, few[i])
			}
		}
	})
}

// longer adds two spans where one is off.
func longer(a, b Span) Span {
	if a.IsZero() {
		return b
	}
	return a
}

// TestAlwaysKept: the newest, the newest complete and the pinned snapshots
// stay, whatever the policy; and what was pruned never comes back as a reason
// to prune more: deciding again about what is left prunes nothing else.
func TestAlwaysKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list, p := snapshots(t), policy(t)
		reasons := Decide(p, list, time.UTC)
		complete := false
		for i, s := range list {
			must := i == 0 || s.Pinned || !complete && !s.Partial || p.IsZero()
			complete = complete || !s.Partial
			if must && len(reasons[i]) == 0 {
				t.Fatalf("%v is pruned", s)
			}
		}
	})
}

// TestPruningIsStable: deciding again about what is left prunes nothing more.
func TestPruningIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list, p := snapshots(t), policy(t)
		var left []Snapshot
		for i, r := range Decide(p, list, time.UTC) {
			if len(r) > 0 {
				left = append(left, list[i])
			}
		}
		for i, r := range Decide(p, left, time.UTC) {
			if len(r) == 0 {
				t.Fatalf("%v was kept and is pruned now, with the same policy", left[i])
			}
		}
	})
}
