package report

import (
	"phlb/plan"
)

// markdownList keeps entries as rows of tables until there are more than a
// comment can hold; the others are only counted.
type markdownList struct {
	noList
	room    int // bytes
	sources []markdownRows
}

type markdownRows struct {
	name string
	rows [][]string
	all  int64
}

func (l *markdownList) source(s *SourceSummary) error {
	l.sources = append(l.sources, markdownRows{name: s.Name})
	return nil
}

func (l *markdownList) entry(e *plan.Entry) error {
	size := ""
	if e.Action == plan.ActionCopy || e.Action == plan.ActionLink || e.Size > 0 {
		size = Bytes(e.Size)
	}
	path := mdName(e.Path)
	if e.Target != "" && e.Change != plan.ChangeUnchanged {
		path += " → " + mdName(e.Target)
	}
	l.add(func() []string { return []string{string(e.Action), string(e.Change), size, path, mdWords(e.Reason)} })
	return nil
}

func (l *markdownList) deleted(path string) error {
	l.add(func() []string { return []string{Deleted, "", "", mdName(path), ""} })
	return nil
}

func (l *markdownList) add(cells func() []string) {
	s := &l.sources[len(l.sources)-1]
	s.all++
	if l.room <= 0 {
		return
	}
	r := cells()
	s.rows = append(s.rows, r)
	l.room -= len(row(r))
}

// write adds the tables to the text.
func (l *markdownList) write(m *markdown) {
	for _, s := range l.sources {
		title := "Entries of " + mdName(s.name) + ": " + Count(s.all)
		m.table(3, title, []string{"action", "change", "size:", "path", "why"}, s.rows)
	}
}
