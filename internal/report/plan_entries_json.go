package report

import (
	"bufio"
	"encoding/json"

	"phlb/plan"
)

// jsonList writes the beginning of a summary's document with the entries,
// spelled as in the plan, one a line.
type jsonList struct {
	w       *bufio.Writer
	sources int
	array   string // the one being written; "": neither
	lines   int    // in it
	line    []byte
}

func (l *jsonList) used() bool { return true }

func (l *jsonList) begin() error {
	_, err := l.w.WriteString(summaryStart() + " \"entries\": [")
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
	l.w.WriteString("\n  {\"source\": ")
	l.w.Write(name)
	return l.open("entries")
}

func (l *jsonList) entry(e *plan.Entry) error {
	return l.element(func(b []byte) []byte { return plan.AppendEntry(b, e) })
}

func (l *jsonList) deleted(path string) error {
	if l.array != "deleted" {
		if err := l.open("deleted"); err != nil {
			return err
		}
	}
	return l.element(func(b []byte) []byte { return plan.AppendDeleted(b, path) })
}

// open begins an array in the source's object and ends the one before.
func (l *jsonList) open(array string) error {
	if l.array != "" {
		l.w.WriteString("]")
	}
	l.array, l.lines = array, 0
	_, err := l.w.WriteString(", \"" + array + "\": [")
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

func (l *jsonList) endSource() error {
	if l.array != "deleted" {
		if err := l.open("deleted"); err != nil {
			return err
		}
	}
	l.array = ""
	_, err := l.w.WriteString("]}")
	return err
}

func (l *jsonList) end() error {
	_, err := l.w.WriteString("\n ],\n")
	return err
}
