package report

import (
	"bufio"
	"fmt"
	"io"

	"phlb/execute"
)

// appliedPage is the data of a report's page.
type appliedPage struct {
	frame
	Verdict string
	Reports []appliedSection
}

// appliedSection is what became of one source.
type appliedSection struct {
	*execute.Report
	Class  string
	Errors int64
	Took   string
	Facts  []pageFact
}

type pageFact struct{ Name, Value string }

// appliedActions are what the list of a report's page tells of a path, in the
// order of appliedLists.
func appliedActions() []string { return []string{"failed", "vanished", "drifted", "copied"} }

// ApplyHTML writes what became of a plan as one page that needs nothing else.
func ApplyHTML(w io.Writer, r *execute.Result) error {
	tmpl, err := pages()
	if err != nil {
		return err
	}
	title := "Backup " + string(worst(r.Reports))
	p := &pageWriter{w: bufio.NewWriter(w), pages: tmpl, frame: newFrame("phlb: " + title)}
	p.frame.List, p.frame.Elsewhere = "Paths that were not stored as planned", "the report itself"
	p.frame.Setup = listSetup{Sources: []string{}, Parents: []string{}, Actions: appliedActions(), Changes: []string{}}
	page := &appliedPage{Verdict: title}
	rows := newRowList(p.w, nil)
	for _, rep := range r.Reports {
		p.frame.Setup.Sources = append(p.frame.Setup.Sources, Name(rep.Name))
		p.frame.Setup.Parents = append(p.frame.Setup.Parents, "")
		page.Reports = append(page.Reports, newAppliedSection(rep))
	}
	page.frame = p.frame
	if err := p.part("applied", page); err != nil {
		return err
	}
	for i, rep := range r.Reports {
		if err := rows.applied(i, rep); err != nil {
			return fmt.Errorf("write page: %w", err)
		}
	}
	if err := p.part("foot", p.frame); err != nil {
		return err
	}
	if err := p.w.Flush(); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

func newAppliedSection(r *execute.Report) appliedSection {
	s := appliedSection{
		Report: r, Class: "bad", Took: Duration(r.End.Sub(r.Start)),
		Errors: int64(len(r.Failed)+len(r.Vanished)+len(r.Drifted)) + r.Unlisted,
	}
	switch r.Status {
	case execute.StatusComplete:
		s.Class = "good"
		if r.Incomplete() {
			s.Class = "warn"
		}
	case execute.StatusPartial:
		s.Class = "warn"
	}
	for _, f := range appliedFacts(r) {
		s.Facts = append(s.Facts, pageFact{f.name, f.value})
	}
	return s
}

// applied writes the paths of one report.
func (l *rowList) applied(source int, r *execute.Report) error {
	l.source = source
	for code, list := range appliedLists(r) {
		for _, e := range list.errors {
			if err := l.row(code, -1, e.Path, e.Err, ""); err != nil {
				return err
			}
		}
	}
	return l.shut()
}
