package report

import (
	"slices"
	"strings"
	"time"
)

// maxDots bounds the snapshots that a page draws.
const maxDots = 2000

// timeLine is what becomes of the snapshots of one name.
type timeLine struct {
	Name     string
	Dots     []timeDot // in order of time
	From, To string
}

// timeDot is one snapshot.
type timeDot struct {
	Snapshot, Why, Word, Class string
	X, Title                   string
	at                         time.Time
}

// timeLines arranges kept and pruned snapshots, and returns how many there is
// no room for.
func timeLines(s *PlanSummary) (lines []timeLine, more int) {
	planned := map[string]bool{}
	for i := range s.Sources {
		if p := s.Sources[i].Snapshot; p != nil {
			planned[*p] = true
		}
	}
	dots := 0
	add := func(d timeDot) {
		if dots++; dots > maxDots {
			more++
			return
		}
		lines = addDot(lines, d)
	}
	for _, p := range s.Prune {
		add(timeDot{Snapshot: p.Snapshot, Why: p.Reason, Word: "pruned, freeing " + Bytes(p.FreesBytes), Class: "prune"})
	}
	for _, k := range s.Keep {
		d := timeDot{Snapshot: k.Snapshot, Why: strings.Join(k.Reasons, ", "), Word: "kept", Class: "keep"}
		if planned[k.Snapshot] {
			d.Word, d.Class = "made and kept", "new"
		}
		add(d)
	}
	for i := range lines {
		lines[i].place()
	}
	return lines, more
}

// snapshotTime is how snapshots are named.
const snapshotTime = "2006-01-02-150405"

func addDot(lines []timeLine, d timeDot) []timeLine {
	i := strings.LastIndexByte(d.Snapshot, '/')
	name, when := d.Snapshot[:max(i, 0)], d.Snapshot[i+1:]
	// Times are as good as UTC to draw them; what is none stands at the left.
	d.at, _ = time.Parse(snapshotTime, when)
	d.Title = Name(when) + ": " + d.Word + ", " + text(d.Why)
	at := slices.IndexFunc(lines, func(l timeLine) bool { return l.Name == name })
	if at < 0 {
		at = len(lines)
		lines = append(lines, timeLine{Name: name})
	}
	lines[at].Dots = append(lines[at].Dots, d)
	return lines
}

// place sorts the dots and puts them on the line.
func (l *timeLine) place() {
	slices.SortStableFunc(l.Dots, func(a, b timeDot) int { return a.at.Compare(b.at) })
	first, last := l.Dots[0].at, l.Dots[len(l.Dots)-1].at
	l.From, l.To = first.Format(time.DateOnly), last.Format(time.DateOnly)
	if l.From == l.To {
		l.From = ""
	}
	span := last.Sub(first).Seconds()
	for i := range l.Dots {
		share := 1.0
		if span > 0 {
			share = l.Dots[i].at.Sub(first).Seconds() / span
		}
		l.Dots[i].X = inPercent(2 + 96*share)
	}
}
