package retain

import (
	"fmt"
	"slices"
	"time"
)

// Reasons to keep a snapshot that are no rules.
const (
	ReasonPinned         = "pinned"
	ReasonNewest         = "newest"
	ReasonNewestComplete = "newest complete"
	ReasonNoRetention    = "no retention" // nothing is pruned without a rule
)

// Snapshot is what a policy looks at.
type Snapshot struct {
	Time time.Time // when it was made
	// Partial: some existing path could not be stored. It counts like others,
	// but within one hour, day, … a complete one is preferred.
	Partial bool
	Pinned  bool // never to be pruned
}

// Decide returns for each snapshot of one name why it is kept: the rules with
// their counts ("last#2", "daily#2", "within", "within_daily",
// "oldest:monthly"), then the reasons above. A snapshot without a reason may
// be pruned.
//
// The snapshots come in their order, the newest first; it counts, also where
// the clock was set back between two of them and their times contradict it.
// Days and what is longer begin at midnight in loc.
func Decide(p Policy, newestFirst []Snapshot, loc *time.Location) [][]string {
	d := decision{loc: loc, list: newestFirst, reasons: make([][]string, len(newestFirst))}
	if len(newestFirst) == 0 {
		return d.reasons
	}
	d.last(p.KeepLast)
	for _, r := range rulesOf(&p) {
		d.counted(r)
	}
	d.within(p.KeepWithin)
	for _, r := range rulesOf(&p) {
		d.spanned(r)
	}
	if p.IsZero() {
		d.each(ReasonNoRetention, func(*Snapshot) bool { return true })
	}
	d.each(ReasonPinned, func(s *Snapshot) bool { return s.Pinned })
	d.add(0, ReasonNewest)
	complete := func(s Snapshot) bool { return !s.Partial }
	if i := slices.IndexFunc(newestFirst, complete); i >= 0 {
		d.add(i, ReasonNewestComplete)
	}
	return d.reasons
}

// rules are the two that a policy has about the periods of one length.
type rules struct {
	name   string
	period period
	n      int  // keep one of each of the n most recent periods that have one
	span   Span // keep one of each period within it of the newest
}

func rulesOf(p *Policy) []rules {
	return []rules{
		{"hourly", hour, p.KeepHourly, p.KeepWithinHourly},
		{"daily", day, p.KeepDaily, p.KeepWithinDaily},
		{"weekly", week, p.KeepWeekly, p.KeepWithinWeekly},
		{"monthly", month, p.KeepMonthly, p.KeepWithinMonthly},
		{"yearly", year, p.KeepYearly, p.KeepWithinYearly},
	}
}

// decision collects reasons.
type decision struct {
	loc     *time.Location
	list    []Snapshot // newest first
	reasons [][]string
}

func (d *decision) add(i int, reason string) { d.reasons[i] = append(d.reasons[i], reason) }

func (d *decision) each(reason string, keeps func(*Snapshot) bool) {
	for i := range d.list {
		if keeps(&d.list[i]) {
			d.add(i, reason)
		}
	}
}

func (d *decision) last(n int) {
	for i := range min(n, len(d.list)) {
		d.add(i, fmt.Sprintf("last#%d", i+1))
	}
}

func (d *decision) counted(r rules) {
	if r.n == 0 {
		return
	}
	all := make([]int, len(d.list))
	for i := range all {
		all[i] = i
	}
	chosen := d.choose(all, r.period)
	for k, i := range chosen[:min(r.n, len(chosen))] {
		d.add(i, fmt.Sprintf("%s#%d", r.name, k+1))
	}
	if len(chosen) < r.n {
		d.oldest(r.name, chosen)
	}
}

func (d *decision) within(s Span) {
	for _, i := range d.inside(s) {
		d.add(i, "within")
	}
}

func (d *decision) spanned(r rules) {
	name := "within_" + r.name
	inside := d.inside(r.span)
	chosen := d.choose(inside, r.period)
	for _, i := range chosen {
		d.add(i, name)
	}
	if len(inside) == len(d.list) {
		d.oldest(name, chosen)
	}
}

// oldest keeps the oldest snapshot for a rule that is not filled yet: one
// whose periods or span reach further back than there are snapshots. Without
// it the history would never grow as long as the rule asks for.
func (d *decision) oldest(rule string, chosen []int) {
	if i := len(d.list) - 1; !slices.Contains(chosen, i) {
		d.add(i, "oldest:"+rule)
	}
}

// inside returns the snapshots within a span of the newest, both ends
// included.
func (d *decision) inside(s Span) []int {
	if s.IsZero() {
		return nil
	}
	from := s.before(d.list[0].Time.In(d.loc))
	var inside []int
	for i := range d.list {
		if !d.list[i].Time.Before(from) {
			inside = append(inside, i)
		}
	}
	return inside
}

// choose returns, the newest period first, the one of some snapshots that
// stands for each period: its newest complete one, or else its newest.
func (d *decision) choose(some []int, p period) []int {
	var chosen []int
	at := map[stamp]int{} // of the period in chosen
	for _, i := range some {
		key := p(d.list[i].Time.In(d.loc))
		k, met := at[key]
		switch {
		case !met:
			at[key] = len(chosen)
			chosen = append(chosen, i)
		case d.list[chosen[k]].Partial && !d.list[i].Partial:
			chosen[k] = i
		}
	}
	return chosen
}

// stamp tells periods of one length apart.
type stamp struct{ year, part, day, hour, offset int }

// period says in which one a local time lies.
type period func(time.Time) stamp

// hour tells the two hours apart that have the same name when daylight saving
// ends.
func hour(t time.Time) stamp {
	s := day(t)
	_, s.offset = t.Zone()
	s.hour = t.Hour()
	return s
}

func day(t time.Time) stamp {
	y, m, d := t.Date()
	return stamp{year: y, part: int(m), day: d}
}

// week is that of ISO 8601, whose year is not always the calendar's.
func week(t time.Time) stamp {
	y, w := t.ISOWeek()
	return stamp{year: y, part: w}
}

func month(t time.Time) stamp { return stamp{year: t.Year(), part: int(t.Month())} }

func year(t time.Time) stamp { return stamp{year: t.Year()} }
