package report

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"phlb/plan"
)

// markdownSnapshots bounds the lists of kept and pruned snapshots.
const markdownSnapshots = 50

// markdownMark is in the first line, by which a pipeline finds the comment it
// wrote before.
const markdownMark = "<!-- phlb -->"

// planMarkdown is the review of a plan as a comment: what decides about it
// first, so that what is left out is what matters least.
func planMarkdown(s *PlanSummary, list *markdownList, o *PlanOptions) string {
	tail := planTail(s)
	notice := func(section string) string { return planNotice(s, o.MaxBytes, section) }
	m := newMarkdown(o.MaxBytes, reserved(notice, tail))
	m.line("%s", markdownMark)
	m.section = "the head"
	m.line("## Backup plan: %s", planVerdict(s))
	planStatus(m, s)
	planIdentity(m, s)
	planTotals(m, s)
	for i := range s.Sources {
		alarmMarkdown(m, &s.Sources[i])
	}
	for i := range s.Sources {
		guardMarkdown(m, &s.Sources[i])
	}
	retentionMarkdown(m, s)
	for i := range s.Sources {
		sourceMarkdown(m, &s.Sources[i])
	}
	list.write(m)
	return m.end(notice, tail)
}

// longestLabel is more than the length of any section's label.
const longestLabel = 100

// reserved is the room for the end, whichever section is cut.
func reserved(notice func(string) string, tail []string) int {
	return len(notice(strings.Repeat("x", longestLabel))) + 2 + len(strings.Join(tail, "\n")) + 1
}

func planVerdict(s *PlanSummary) string {
	switch {
	case !s.Applyable:
		return "not applicable"
	case !s.HasChanges:
		return "nothing has changed"
	}
	t := s.Totals
	return fmt.Sprintf("copy %s (%s), link %s, %s deleted, prune %s",
		files(t.Copy.Files), Bytes(t.Copy.Bytes), Count(t.Link.Files), Count(t.Deleted), Count(t.Prune))
}

func planStatus(m *markdown, s *PlanSummary) {
	if !s.Applyable {
		m.together("", "> **Not applicable**: "+mdWords(trippedWords(s))+".")
	}
	if s.Destination.ID == nil {
		m.together("", "> **A new root begins** at "+mdName(s.Destination.Raw())+".")
	}
	if s.PruneOnly {
		m.together("", "> Stores nothing: it only prunes.")
	}
	if len(s.Overrides) > 0 {
		m.together("", "> Guards overridden: "+mdWords(strings.Join(s.Overrides, ", "))+".")
	}
	if s.Filter != nil {
		m.together("", "> Lists show only "+mdWords(filterWords(s.Filter))+".")
	}
	for i := range s.Sources {
		if s.Sources[i].WillBePartial {
			m.together("", "> The snapshot of "+mdName(s.Sources[i].Name)+" will be **partial**: some paths cannot be stored.")
		}
	}
}

func planIdentity(m *markdown, s *PlanSummary) {
	rows := [][]string{{"Plan", mdCode(brief(Name(s.PlanID), markdownName))}}
	if s.File != nil {
		rows = append(rows, []string{"SHA-256 of the plan file", mdCode(Name(s.File.SHA256))})
	}
	rows = append(rows,
		[]string{"Destination", mdName(s.Destination.Raw())},
		[]string{"Made", s.CreatedAt.UTC().Format(time.DateTime) + " UTC by phlb " + mdWords(s.PHLBVersion)})
	if s.Manifest != nil {
		rows = append(rows, []string{"Manifest", mdName(s.Manifest.Raw())})
	}
	if len(s.Unlisted) > 0 {
		var names []string
		for _, n := range s.Unlisted {
			names = append(names, Name(n))
		}
		rows = append(rows, []string{"Names in the root that the manifest does not list", mdCode(brief(strings.Join(names, ", "), markdownText))})
	}
	m.table(0, "", []string{" ", " "}, rows)
}

func planTotals(m *markdown, s *PlanSummary) {
	columns := []string{"source", "snapshot", "copy:", "size:", "link:", "size:", "skip:", "deleted:", "dirs:", "symlinks:"}
	var rows [][]string
	for i := range s.Sources {
		src := &s.Sources[i]
		snapshot := "none"
		if src.Snapshot != nil {
			snapshot = mdName(*src.Snapshot)
		}
		rows = append(rows, append([]string{mdName(src.Name), snapshot}, totalCells(&src.Totals)...))
	}
	if len(s.Sources) > 1 {
		rows = append(rows, append([]string{"**all**", ""}, totalCells(&s.Totals.Totals)...))
	}
	m.table(3, "Totals", columns, rows)
}

func totalCells(t *plan.Totals) []string {
	return []string{
		Count(t.Copy.Files), Bytes(t.Copy.Bytes), Count(t.Link.Files), Bytes(t.Link.Bytes),
		Count(t.Skip.Files), Count(t.Deleted), Count(t.Mkdir), Count(t.Symlink),
	}
}

func alarmMarkdown(m *markdown, s *SourceSummary) {
	var rows [][]string
	for _, a := range s.Alarms {
		var shown []string
		for _, f := range a.Examples {
			shown = append(shown, mdName(f.Raw()))
		}
		if a.Files > int64(len(shown)) && len(shown) > 0 {
			shown = append(shown, ellipsis)
		}
		rows = append(rows, []string{"**" + mdWords(a.Message) + "**", strings.Join(shown, " ")})
	}
	m.table(3, "Look at this in "+mdName(s.Name), []string{"what", "for example"}, rows)
}

func guardMarkdown(m *markdown, s *SourceSummary) {
	var rows [][]string
	for _, g := range s.Guards {
		limit := limitOrNone(g)
		if limit != "" {
			limit = mdWords(limit)
		}
		status := mdWords(g.Status)
		if g.Status != plan.GuardPassed {
			status = "**" + status + "**"
		}
		rows = append(rows, []string{mdCode(brief(Name(g.Name), markdownName)), status, limit, mdWords(g.Detail)})
	}
	m.table(3, "Guards of "+mdName(s.Name), []string{"guard", "", "limit", "found"}, rows)
}

func retentionMarkdown(m *markdown, s *PlanSummary) {
	var rows [][]string
	for _, p := range s.Prune[:min(markdownSnapshots, len(s.Prune))] {
		rows = append(rows, []string{mdName(p.Snapshot), Bytes(p.FreesBytes), mdWords(p.Reason)})
	}
	title := "Prune " + counted(int64(len(s.Prune)), "snapshot", "snapshots") + ", freeing " + Bytes(freed(s.Prune))
	if n := m.table(3, title, []string{"snapshot", "frees:", "why"}, rows); n > 0 {
		m.more(len(rows), int64(len(s.Prune)))
	}
	rows = nil
	for _, k := range s.Keep[:min(markdownSnapshots, len(s.Keep))] {
		rows = append(rows, []string{mdName(k.Snapshot), mdWords(strings.Join(k.Reasons, ", "))})
	}
	if n := m.table(3, "Keep "+counted(int64(len(s.Keep)), "snapshot", "snapshots"), []string{"snapshot", "kept by"}, rows); n > 0 {
		m.more(len(rows), int64(len(s.Keep)))
	}
}

func sourceMarkdown(m *markdown, s *SourceSummary) {
	from := "the first snapshot of this name"
	if s.Parent != nil {
		from = "compared with " + mdName(*s.Parent)
	}
	if len(s.ByAction) == 0 && s.Deleted.Files == 0 {
		return
	}
	m.heading(3, "Source "+mdName(s.Name), mdName(s.Raw())+", "+from)
	var rows [][]string
	for _, f := range s.LargestCopies {
		rows = append(rows, []string{Bytes(f.Bytes), string(f.Change), mdName(f.Raw()), mdWords(f.Reason)})
	}
	if m.table(4, "Biggest copies", []string{"size:", "change", "path", "why"}, rows) > 0 {
		m.more(len(rows), copied(s).Files)
	}
	if all := copied(s); all.Files > int64(len(s.LargestCopies)) {
		m.table(4, "Copied, by directory", []string{"size:", "share:", "files:", "directory"}, directoryRows(s.Directories, all.Bytes))
	}
	m.table(4, "Changed", []string{"change", "files:", "size:", "for example"}, changeRows(s))
	rows = nil
	for _, d := range s.Deleted.Directories {
		rows = append(rows, []string{Count(d.Files), mdDirectory(d)})
	}
	m.table(4, "Deleted, by directory", []string{"files:", "directory"}, rows)
	rows = nil
	for _, k := range s.Skipped {
		rows = append(rows, []string{Count(k.Files), sizeOrNone(k.Bytes), mdWords(k.why()), mdName(k.Examples[0].Raw())})
	}
	m.table(4, "Skipped", []string{"paths:", "size:", "why", "for example"}, rows)
}

func sizeOrNone(n int64) string {
	if n == 0 {
		return ""
	}
	return Bytes(n)
}

func directoryRows(views []DirectoryView, all int64) [][]string {
	var rows [][]string
	for _, d := range views {
		rows = append(rows, []string{Bytes(d.Bytes), strings.Replace(percent(d.Bytes, all), "<", "below ", 1), Count(d.Files), mdDirectory(d)})
	}
	return rows
}

func mdDirectory(d DirectoryView) string {
	switch {
	case d.Other:
		return "(elsewhere)"
	case d.Rest:
		return mdName(d.Raw()) + " (the rest)"
	}
	return mdName(d.Raw())
}

func changeRows(s *SourceSummary) [][]string {
	var rows [][]string
	for _, c := range s.Changes {
		var shown []string
		for _, f := range c.Examples {
			one := mdName(f.Raw())
			if f.From != nil {
				one += " ← " + mdName(f.From.Raw())
			}
			shown = append(shown, one)
		}
		rows = append(rows, []string{string(c.Change), Count(c.Files), Bytes(c.Bytes), withRest(shown, c.Files)})
	}
	if n := s.Deleted.Files; n > 0 {
		var shown []string
		for _, p := range s.Deleted.Examples {
			shown = append(shown, mdName(p.Raw()))
		}
		rows = append(rows, []string{Deleted, Count(n), "", withRest(shown, n)})
	}
	return rows
}

func withRest(shown []string, all int64) string {
	if all > int64(len(shown)) {
		shown = append(shown, ellipsis)
	}
	return strings.Join(shown, " ")
}

// planNotice says what is missing.
func planNotice(s *PlanSummary, limit int, section string) string {
	if section != "" {
		section = ", from \"" + section + "\" on"
	}
	return fmt.Sprintf("> **Truncated** at %s bytes%s. Everything: %s",
		Count(int64(limit)), section, mdCode("phlb show "+commandPath(s.File)))
}

// planTail tells how to carry out exactly what was reviewed.
func planTail(s *PlanSummary) []string {
	if s.File == nil || !s.Applyable {
		return nil
	}
	command := "phlb apply " + commandPath(s.File) + " --expect-sha256 " + brief(Name(s.File.SHA256), 64)
	return []string{"", "To carry out exactly this: " + mdCode(command)}
}

var plainArgument = regexp.MustCompile(`^[A-Za-z0-9_./+=:,@%-]{1,100}$`)

// commandPath is a file as an argument in a command to be copied. One that a
// shell could take for more than a name is left to the reader.
func commandPath(f *PlanFile) string {
	if f == nil || !plainArgument.MatchString(f.Raw()) || strings.HasPrefix(f.Raw(), "-") {
		return "PLAN"
	}
	return f.Raw()
}
