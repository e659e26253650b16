package report

import (
	"slices"
	"time"

	stored "phlb/internal/snapshot"
)

// maxDots bounds the snapshots that a page draws.
const maxDots = 2000

// timeline shows on a page what becomes of the snapshots of one name, each as
// a dot on a line.
type timeline struct {
	Name     string
	Dots     []timeDot // in order of time
	From, To string
}

// timeDot is one snapshot.
type timeDot struct {
	fated
	Word, Class string
	X, Title    string
	at          time.Time
}

// timelines arranges the snapshots of a plan, and returns how many there is no
// room for.
func timelines(s *PlanSummary) (lines []timeline, more int) {
	list := fates(s)
	drawn := list[:min(maxDots, len(list))]
	for _, l := range lineages(drawn) {
		line := timeline{Name: l.name}
		for _, f := range l.list {
			line.Dots = append(line.Dots, newDot(f))
		}
		line.place()
		lines = append(lines, line)
	}
	return lines, len(list) - len(drawn)
}

func newDot(f fated) timeDot {
	d := timeDot{fated: f}
	switch f.fate {
	case fatePruned:
		d.Word, d.Class = "pruned, freeing "+Bytes(f.frees), "prune"
	case fateNew:
		d.Word, d.Class = "made", "new"
		if f.Why != "" {
			d.Word = "made and kept"
		}
	default:
		d.Word, d.Class = "kept", "keep"
	}
	d.Title = Name(f.Time) + ": " + d.Word
	if f.Why != "" {
		d.Title += ", " + text(f.Why)
	}
	// Times are as good as UTC to draw them; what is none stands at the left.
	d.at, _ = time.Parse(stored.TimeLayout, f.Time)
	return d
}

// place sorts the dots and puts them on the line.
func (l *timeline) place() {
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
