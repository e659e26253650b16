package report

import (
	"bufio"
	"encoding/json"

	"phlb/plan"
)

// jsonList writes the beginning of a summary's document, up to its sources,
// which have their entries, spelled as in the plan, one a line.
type jsonList struct {
	w       *bufio.Writer
	sources int
	array   string // the one being written; "": neither
	lines   int    // in it
	line    []byte
}

// summaryRest is what stands behind the sources.
type summaryRest struct {
	*PlanSummary
	Written *struct{} `json:"sources,omitempty"` // hides that of PlanSummary
}

// sourceRest is what stands behind a source's entries.
type sourceRest struct {
	*SourceSummary
	Written *struct{} `json:"name,omitempty"` // hides that of SourceSummary
}

func (l *jsonList) used() bool { return true }

func (l *jsonList) begin() error {
	_, err := l.w.WriteString(summaryStart() + " \"sources\": [")
	return err
}

func (l *jsonList) source(s *SourceSummary) error {
	if l.sources++; l.sources > 1 {
		l.w.WriteByte(',')
	}
	name, err := json.Marshal(s.Name)
	if err != nil {
		return err
	}
	l.w.WriteString("\n  {\n   \"name\": ")
	l.w.Write(name)
	l.w.WriteString(",\n")
	return l.open("entries")
}

func (l *jsonList) entry(e *plan.Entry) error {
	return l.element(func(b []byte) []byte { return plan.AppendEntry(b, e) })
}

func (l *jsonList) deleted(path string) error {
	if err := l.openDeleted(); err != nil {
		return err
	}
	return l.element(func(b []byte) []byte { return plan.AppendDeleted(b, path) })
}

// openDeleted ends the entries, after which there may be deleted paths.
func (l *jsonList) openDeleted() error {
	if l.array == "deleted" {
		return nil
	}
	if err := l.shut(); err != nil {
		return err
	}
	return l.open("deleted")
}

// open begins an array in the source's object.
func (l *jsonList) open(array string) error {
	l.array, l.lines = array, 0
	_, err := l.w.WriteString("   \"" + array + "\": [")
	return err
}

// shut ends the open array.
func (l *jsonList) shut() error {
	_, err := l.w.WriteString("],\n")
	return err
}

// element writes an element of the open array on a line of its own.
func (l *jsonList) element(spell func([]byte) []byte) error {
	l.line = l.line[:0]
	if l.lines++; l.lines > 1 {
		l.line = append(l.line, ',')
	}
	l.line = spell(append(l.line, '\n'))
	_, err := l.w.Write(l.line)
	return err
}

func (l *jsonList) endSource(s *SourceSummary) error {
	if err := l.openDeleted(); err != nil {
		return err
	}
	if err := l.shut(); err != nil {
		return err
	}
	l.array = ""
	rest, err := members(&sourceRest{SourceSummary: s}, "  ")
	if err != nil {
		return err
	}
	_, err = l.w.WriteString(rest)
	return err
}

func (l *jsonList) end() error {
	_, err := l.w.WriteString("\n ],\n")
	return err
}
