package report

import (
	"bufio"
	"fmt"

	"phlb/plan"
)

// entryList lists entries as they come, so that any number of them takes no
// memory.
type entryList interface {
	begin() error
	source(*SourceSummary) error
	entry(*plan.Entry) error
	deleted(path string) error
	endSource(*SourceSummary) error
	end() error
	used() bool // something was written
}

// noList lists nothing.
type noList struct{}

func (noList) begin() error                   { return nil }
func (noList) source(*SourceSummary) error    { return nil }
func (noList) entry(*plan.Entry) error        { return nil }
func (noList) deleted(string) error           { return nil }
func (noList) endSource(*SourceSummary) error { return nil }
func (noList) end() error                     { return nil }
func (noList) used() bool                     { return false }

// textList writes a line an entry, in columns: action, change, size, path
// and why. Paths are never shortened, so that the list can be searched.
type textList struct {
	w       *bufio.Writer
	style   Style
	heading string // of a source that has no line yet
	written bool
}

func (l *textList) begin() error                   { return nil }
func (l *textList) endSource(*SourceSummary) error { return nil }
func (l *textList) end() error                     { return nil }
func (l *textList) used() bool                     { return l.written }

func (l *textList) source(s *SourceSummary) error {
	l.heading = "Entries of " + Name(s.Name)
	return nil
}

func (l *textList) entry(e *plan.Entry) error {
	size := ""
	if e.Action == plan.ActionCopy || e.Action == plan.ActionLink || e.Size > 0 {
		size = Bytes(e.Size)
	}
	line := Name(e.Path)
	if e.Target != "" {
		line += " -> " + Name(e.Target)
	}
	if e.Reason != "" {
		line += " (" + text(e.Reason) + ")"
	}
	return l.line(string(e.Action), string(e.Change), size, line)
}

func (l *textList) deleted(path string) error { return l.line(Deleted, "", "", Name(path)) }

func (l *textList) line(action, change, size, rest string) error {
	if l.heading != "" {
		if l.written {
			l.w.WriteByte('\n')
		}
		fmt.Fprintln(l.w, l.style.paint(bold, l.heading))
		l.heading = ""
	}
	l.written = true
	_, err := fmt.Fprintf(l.w, "%s%-7s  %-9s  %8s  %s\n", tableIndent, action, change, size, rest)
	return err
}
