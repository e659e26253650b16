package report

import (
	"slices"
	"strconv"
	"strings"
	"time"

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
	for _, l := range lineages(fates(s)) {
		if l.ruled {
			newCalendar(l).draw(p)
		}
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

// mark is how the fate of one day or month is drawn. None hides another: a
// prune is not to be overlooked because something else happens on that day.
func (f fate) mark() byte { return ".ox*+OX#"[f] }

// calendar shows the snapshots of one name for those who would rather look
// than read: a line a month with a mark a day, further back a line a year
// with a mark a month.
type calendar struct {
	name   string
	months map[string]*[31]fate // by YYYY-MM
}

// calendarMonths is how many lines there are of days, at most.
const calendarMonths = 18

// calendarWidth is what the widest line of a calendar needs.
const calendarWidth = len(tableIndent) + len("2026-11  ") + 31

func newCalendar(l *lineage) *calendar {
	c := &calendar{name: l.name, months: map[string]*[31]fate{}}
	for _, f := range l.list {
		if stored.IsTime(f.Time) {
			c.add(f.Time, f.fate)
		}
	}
	return c
}

// add takes a snapshot's time, which is known to be one.
func (c *calendar) add(at string, f fate) {
	month := at[:len("2026-11")]
	day, err := strconv.Atoi(at[len("2026-11-"):len("2026-11-23")])
	if err != nil {
		return
	}
	if c.months[month] == nil {
		c.months[month] = &[31]fate{}
	}
	c.months[month][day-1] |= f
}

func (c *calendar) draw(p *page) {
	if p.width() < calendarWidth || len(c.months) == 0 {
		return
	}
	p.section("Timeline of %s", Name(c.name))
	p.line("%so kept, x pruned, * both, + new, O X # these and new", tableIndent)
	var months []string
	for m := range c.months {
		months = append(months, m)
	}
	slices.Sort(months)
	days := max(len(months)-calendarMonths, 0)
	c.drawYears(p, months[:days])
	p.line("%s         1        10        20        30", tableIndent)
	for _, m := range months[days:] {
		p.line("%s%s  %s", tableIndent, m, c.days(m))
	}
}

func (c *calendar) days(month string) string {
	marks := make([]byte, 0, 31)
	for _, f := range c.months[month][:daysIn(month)] {
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
func (c *calendar) drawYears(p *page, months []string) {
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
				marks[2*n-2] = c.whole(months[0]).mark()
			}
			months = months[1:]
		}
		p.line("%s%s     %s", tableIndent, year, strings.TrimRight(string(marks), " "))
	}
}

// whole is the fate of a whole month.
func (c *calendar) whole(month string) (f fate) {
	for _, day := range c.months[month] {
		f |= day
	}
	return f
}
