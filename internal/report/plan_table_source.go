package report

import (
	"fmt"
	"strings"

	"phlb/plan"
)

func sourceTable(p *page, s *SourceSummary) {
	switch {
	case s.Snapshot == nil:
		p.section("%s  %s: no new snapshot", Name(s.Name), Name(s.Raw()))
	default:
		p.section("%s  %s -> %s", Name(s.Name), Name(s.Raw()), Name(*s.Snapshot))
	}
	if s.Parent != nil {
		p.line("%scompared with %s", tableIndent, Name(*s.Parent))
	} else {
		p.line("%sthe first snapshot of this name", tableIndent)
	}
	guardTable(p, s.Guards)
	if s.WillBePartial {
		p.line("%s%s", tableIndent, p.paint(yellow, "The snapshot will be partial: some paths cannot be stored."))
	}
	alarmLines(p, s.Alarms)
	actionTable(p, s)
	copyTable(p, s.LargestCopies, copied(s))
	directoryTable(p, s)
	changeTable(p, s)
	skipTable(p, s.Skipped)
}

// alarmLines tells what deserves a look, but for what the source's head tells
// and the skips list anyway.
func alarmLines(p *page, alarms []AlarmView) {
	for _, a := range alarms {
		if a.Kind == AlarmUnstorable {
			continue
		}
		p.line("%s%s", tableIndent, p.paint(yellow, "look: "+text(a.Message)))
		for _, f := range a.Examples {
			p.line("%s    %s", tableIndent, fit(Name(f.Raw()), p.width()-len(tableIndent)-4))
		}
		p.moreOf(tableIndent+"    ", len(a.Examples), a.Files)
	}
}

// copied returns how many copies the summary is about.
func copied(s *SourceSummary) plan.Count {
	if s.Selected != nil {
		return s.Selected.Copy
	}
	return s.Totals.Copy
}

// guardTable tells of guards that did not pass each on a line of its own.
func guardTable(p *page, guards []GuardView) {
	var passed []string
	for _, g := range guards {
		if g.Status == plan.GuardPassed {
			passed = append(passed, Name(g.Name))
			continue
		}
		paint := yellow
		if g.Status == plan.GuardTripped {
			paint = red
		}
		line := "guard " + Name(g.Name) + " " + text(g.Status)
		if g.Detail != "" {
			line += ": " + text(g.Detail)
		}
		if limit := limitOrNone(g); limit != "" {
			line += " (limit " + limit + ")"
		}
		p.line("%s%s", tableIndent, p.paint(paint, line))
	}
	if len(passed) > 0 {
		p.line("%sguards passed: %s", tableIndent, strings.Join(passed, ", "))
	}
}

// limitOrNone returns the limit of a guard that has one for people: that it is
// asked for at all, or by which name, its detail tells.
func limitOrNone(g GuardView) string {
	switch g.Limit.(type) {
	case nil, bool:
		return ""
	case string:
		if g.Name == "sentinel" || g.Name == "root_id" {
			return ""
		}
	}
	return limitWords(g)
}

func limitWords(g GuardView) string {
	if n, ok := g.Limit.(int64); ok && (g.Name == "min_free" || g.Name == "space") {
		return Bytes(n)
	}
	return text(fmt.Sprint(g.Limit))
}

func actionTable(p *page, s *SourceSummary) {
	var rows [][]string
	for _, a := range s.ByAction {
		size := ""
		if a.Bytes > 0 || a.Action == plan.ActionCopy || a.Action == plan.ActionLink {
			size = Bytes(a.Bytes)
		}
		rows = append(rows, []string{string(a.Action), Count(a.Files), size, changeWords(a.ByChange)})
	}
	if n := s.Deleted.Files; n > 0 {
		rows = append(rows, []string{Deleted, Count(n), "", ""})
	}
	p.gap()
	if len(rows) == 0 {
		p.line("%snothing to show", tableIndent)
		return
	}
	p.table([]column{left("action"), right("files"), right("size"), name("of these")}, rows)
}

func changeWords(changes []ChangeCountView) string {
	var words []string
	for _, c := range changes {
		words = append(words, Count(c.Files)+" "+string(c.Change))
	}
	return strings.Join(words, ", ")
}

func copyTable(p *page, largest []FileView, all plan.Count) {
	if len(largest) == 0 {
		return
	}
	p.section("%sBiggest copies", tableIndent)
	columns := []column{right("size"), left("change"), name("path"), name("reason")}
	if p.width() < narrow {
		columns = columns[:3]
	}
	var rows [][]string
	for _, f := range largest {
		row := []string{Bytes(f.Bytes), string(f.Change), Name(f.Raw()), text(f.Reason)}
		rows = append(rows, row[:len(columns)])
	}
	p.table(columns, rows)
	p.more(len(rows), all.Files)
}

// narrow pages have no room for reasons beside paths.
const narrow = 80

// directoryTable is left out where the biggest copies are all there are.
func directoryTable(p *page, s *SourceSummary) {
	all := copied(s)
	if all.Files <= int64(len(s.LargestCopies)) {
		return
	}
	p.section("%sCopied, by directory", tableIndent)
	var rows [][]string
	for _, d := range s.Directories {
		rows = append(rows, []string{Bytes(d.Bytes), percent(d.Bytes, all.Bytes), Count(d.Files), directoryName(d)})
	}
	p.table([]column{right("size"), right("share"), right("files"), name("directory")}, rows)
}

func directoryName(d DirectoryView) string {
	switch {
	case d.Other:
		return "(elsewhere)"
	case d.Rest:
		return Name(d.Raw()) + "/ (the rest)"
	}
	return Name(d.Raw()) + "/"
}

// changeTable shows what differs from the parent snapshot: in what way, how
// much, and the largest few paths of each.
func changeTable(p *page, s *SourceSummary) {
	var rows [][]string
	for _, c := range s.Changes {
		var paths []string
		for _, f := range c.Examples {
			path := Name(f.Raw())
			if f.From != nil {
				path += " <- " + Name(f.From.Raw())
			}
			paths = append(paths, path)
		}
		rows = append(rows, exampleRows(string(c.Change), c.Files, Bytes(c.Bytes), paths)...)
	}
	if d := s.Deleted; d.Files > 0 {
		rows = append(rows, exampleRows(Deleted, d.Files, "", names(d.Examples))...)
	}
	if len(rows) == 0 {
		return
	}
	p.section("%sChanged", tableIndent)
	p.table([]column{left("change"), right("files"), right("size"), name("path")}, rows)
}

// exampleRows returns a row for each path, the first with the numbers, and
// one for the rest of the files.
func exampleRows(what string, n int64, size string, paths []string) [][]string {
	if rest := n - int64(len(paths)); rest > 0 {
		paths = append(paths, ellipsis+" and "+Count(rest)+" more")
	}
	var rows [][]string
	for i, path := range paths {
		row := []string{"", "", "", path}
		if i == 0 {
			row = []string{what, Count(n), size, path}
		}
		rows = append(rows, row)
	}
	return rows
}

func names(paths []Path) []string {
	var names []string
	for _, p := range paths {
		names = append(names, Name(p.Raw()))
	}
	return names
}

func skipTable(p *page, skips []SkipView) {
	if len(skips) == 0 {
		return
	}
	p.section("%sSkipped", tableIndent)
	var rows [][]string
	for _, s := range skips {
		size := ""
		if s.Bytes > 0 {
			size = Bytes(s.Bytes)
		}
		rows = append(rows, []string{Count(s.Files), size, text(s.why()), Name(s.Examples[0].Raw())})
	}
	p.table([]column{right("paths"), right("size"), name("reason"), name("for example")}, rows)
}
