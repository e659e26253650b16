package report

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"phlb/internal/retain"
	stored "phlb/internal/snapshot"
)

// retentionTable lists all that goes, as it does not come back, and the first
// few of what stays.
func retentionTable(p *page, s *PlanSummary, top int) {
	pruneTable(p, s.Prune)
	if len(s.Keep) > 0 {
		p.section("Keep %s", counted(int64(len(s.Keep)), "snapshot", "snapshots"))
		var rows [][]string
		for _, k := range s.Keep[:min(top, len(s.Keep))] {
			rows = append(rows, []string{Name(k.Snapshot), text(strings.Join(k.Reasons, ", "))})
		}
		p.table([]column{name("snapshot"), name("kept by")}, rows)
		p.more(len(rows), int64(len(s.Keep)))
	}
	for _, t := range timelines(s) {
		t.draw(p)
	}
}

func pruneTable(p *page, prune []PruneView) {
	if len(prune) == 0 {
		return
	}
	p.section("Prune %s, freeing %s", counted(int64(len(prune)), "snapshot", "snapshots"), Bytes(freed(prune)))
	var rows [][]string
	for _, r := range prune {
		rows = append(rows, []string{Name(r.Snapshot), Bytes(r.FreesBytes), text(r.Reason)})
	}
	p.table([]column{name("snapshot"), right("frees"), name("reason")}, rows)
}

func freed(prunes []PruneView) int64 {
	var sum int64
	for _, p := range prunes {
		sum += p.FreesBytes
	}
	return sum
}

// fate is what becomes of the snapshots of one day or month.
type fate uint8

const (
	fateKept fate = 1 << iota
	fatePruned
	fateNew
)

// mark is how a fate is drawn.
func (f fate) mark() byte {
	switch {
	case f&fateNew != 0:
		return '+'
	case f == fateKept|fatePruned:
		return '*'
	case f == fatePruned:
		return 'x'
	case f == fateKept:
		return 'o'
	}
	return '.'
}

// timeline shows the snapshots of one name for those who would rather look
// than read: a line a month with a mark a day, further back a line a year
// with a mark a month.
type timeline struct {
	name   string
	months map[string]*[31]fate // by YYYY-MM
}

// timelineMonths is how many lines there are of days, at most.
const timelineMonths = 18

// timelineWidth is what the widest line of a timeline needs.
const timelineWidth = len(tableIndent) + len("2026-11  ") + 31

// timelines returns those of the names that have a retention.
func timelines(s *PlanSummary) []*timeline {
	var all []*timeline
	ruled := map[string]bool{}
	add := func(path string, f fate) {
		id, err := stored.ParseID(path)
		if err != nil {
			return
		}
		i := slices.IndexFunc(all, func(t *timeline) bool { return t.name == id.Name })
		if i < 0 {
			i = len(all)
			all = append(all, &timeline{name: id.Name, months: map[string]*[31]fate{}})
		}
		all[i].add(id.Time, f)
		ruled[id.Name] = ruled[id.Name] || f == fatePruned
	}
	for _, k := range s.Keep {
		add(k.Snapshot, fateKept)
		if id, err := stored.ParseID(k.Snapshot); err == nil && !slices.Contains(k.Reasons, retain.ReasonNoRetention) {
			ruled[id.Name] = true
		}
	}
	for _, r := range s.Prune {
		add(r.Snapshot, fatePruned)
	}
	for _, source := range s.Sources {
		if source.Snapshot != nil {
			add(*source.Snapshot, fateNew)
		}
	}
	return slices.DeleteFunc(all, func(t *timeline) bool { return !ruled[t.name] })
}

// add takes a snapshot's time, which is known to be one.
func (t *timeline) add(at string, f fate) {
	month := at[:len("2026-11")]
	day, err := strconv.Atoi(at[len("2026-11-"):len("2026-11-23")])
	if err != nil {
		return
	}
	if t.months[month] == nil {
		t.months[month] = &[31]fate{}
	}
	t.months[month][day-1] |= f
}

func (t *timeline) draw(p *page) {
	if p.width() < timelineWidth {
		return
	}
	p.section("Timeline of %s: o kept, x pruned, * some of each, + new", Name(t.name))
	var months []string
	for m := range t.months {
		months = append(months, m)
	}
	slices.Sort(months)
	days := max(len(months)-timelineMonths, 0)
	t.drawYears(p, months[:days])
	p.line("%s         1        10        20        30", tableIndent)
	for _, m := range months[days:] {
		p.line("%s%s  %s", tableIndent, m, t.days(m))
	}
}

func (t *timeline) days(month string) string {
	marks := make([]byte, 0, 31)
	for _, f := range t.months[month][:daysIn(month)] {
		marks = append(marks, f.mark())
	}
	return string(marks)
}

func daysIn(month string) int {
	first, err := time.Parse("2006-01", month)
	if err != nil {
		return 31
	}
	return first.AddDate(0, 1, -1).Day()
}

// drawYears draws months that lie far back.
func (t *timeline) drawYears(p *page, months []string) {
	if len(months) == 0 {
		return
	}
	p.line("%s         J F M A M J J A S O N D", tableIndent)
	for len(months) > 0 {
		year := months[0][:4]
		marks := []byte(strings.Repeat(". ", 12))
		for len(months) > 0 && months[0][:4] == year {
			n, err := strconv.Atoi(months[0][5:])
			if err == nil {
				marks[2*n-2] = t.whole(months[0]).mark()
			}
			months = months[1:]
		}
		p.line("%s%s     %s", tableIndent, year, strings.TrimRight(string(marks), " "))
	}
}

// whole is the fate of a whole month.
func (t *timeline) whole(month string) (f fate) {
	for _, day := range t.months[month] {
		f |= day
	}
	return f
}
