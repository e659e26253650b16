package report

import (
	"fmt"
	"io"
	"time"

	"phlb/execute"
)

// ApplyMarkdown writes what became of a plan as a comment of at most limit
// bytes; 0: DefaultMarkdownBytes.
func ApplyMarkdown(w io.Writer, r *execute.Result, limit int) error {
	if limit <= 0 {
		limit = DefaultMarkdownBytes
	}
	notice := func(section string) string {
		if section != "" {
			section = ", from \"" + section + "\" on"
		}
		return fmt.Sprintf("> **Truncated** at %s bytes%s. Everything is in the reports beside the snapshots.", Count(int64(limit)), section)
	}
	m := newMarkdown(limit, reserved(notice, nil))
	m.line("%s", markdownMark)
	m.section = "the head"
	m.line("## Backup %s", mdWords(string(worst(r.Reports))))
	m.table(0, "", []string{"snapshot", "status", "copied:", "size:", "linked:", "size:", "skipped:", "deleted:", "took:"}, appliedRows(r.Reports))
	for _, rep := range r.Reports {
		appliedErrors(m, rep)
	}
	for _, rep := range r.Reports {
		appliedDetails(m, rep)
	}
	if _, err := io.WriteString(w, m.end(notice, nil)); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func appliedRows(reports []*execute.Report) [][]string {
	var rows [][]string
	for _, r := range reports {
		t := &r.Totals
		rows = append(rows, []string{
			appliedName(r), mdWords(string(r.Status)), Count(t.Copy.Files), Bytes(t.Copy.Bytes),
			Count(t.Link.Files), Bytes(t.Link.Bytes), Count(t.Skip.Files), Count(t.Deleted), Duration(r.End.Sub(r.Start)),
		})
	}
	return rows
}

func appliedName(r *execute.Report) string {
	if r.Snapshot != nil {
		return mdName(*r.Snapshot)
	}
	return mdName(r.Name) + " (none)"
}

// appliedErrors tells what went wrong.
func appliedErrors(m *markdown, r *execute.Report) {
	if r.Error != "" {
		m.heading(3, "Why "+mdName(r.Name)+" failed", mdWords(oneLine(r.Error)))
	}
	for _, list := range appliedLists(r) {
		var rows [][]string
		for _, e := range list.errors {
			rows = append(rows, []string{mdName(e.Path), mdWords(e.Err)})
		}
		m.table(3, list.title+" in "+mdName(r.Name)+": "+Count(int64(len(rows))), []string{"path", "why"}, rows)
	}
	if r.Unlisted > 0 {
		m.together("", "More paths with such errors: "+Count(r.Unlisted)+".")
	}
}

type appliedList struct {
	title  string
	errors []execute.FileError
}

// appliedLists are the lists of a report, what matters most first.
func appliedLists(r *execute.Report) []appliedList {
	return []appliedList{
		{"Failed", r.Failed}, {"Vanished", r.Vanished}, {driftedTitle(r), r.Drifted},
		{"Links that became copies", r.FallbackPaths},
	}
}

func appliedDetails(m *markdown, r *execute.Report) {
	var rows [][]string
	for _, f := range appliedFacts(r) {
		rows = append(rows, []string{f.name, mdWords(f.value)})
	}
	m.table(3, "Run of "+mdName(r.Name), []string{" ", " "}, rows)
	rows = nil
	for _, s := range r.Pruned {
		rows = append(rows, []string{mdName(s)})
	}
	m.table(3, "Pruned from "+mdName(r.Name), []string{"snapshot"}, rows)
}

// fact is a line of a run's details.
type fact struct{ name, value string }

func appliedFacts(r *execute.Report) []fact {
	facts := []fact{{"Plan", r.PlanID}, {"Source", Name(r.Source)}}
	if r.Parent != nil {
		facts = append(facts, fact{"Compared with", *r.Parent})
	}
	facts = append(facts,
		fact{"Began", r.Start.UTC().Format(time.DateTime) + " UTC"}, fact{"Ended", r.End.UTC().Format(time.DateTime) + " UTC"})
	if words := phaseWords(r.Durations); words != "" {
		facts = append(facts, fact{"Phases", words[len(" (") : len(words)-1]})
	}
	for _, c := range []struct {
		name string
		n    int64
	}{
		{"Unreadable when planned", r.Unreadable}, {"Links that became copies", r.LinkFallbacks},
		{"Metadata not kept", r.NotKept}, {"Taken over from an interrupted run", r.TakenOver.Files},
	} {
		if c.n > 0 {
			facts = append(facts, fact{c.name, Count(c.n)})
		}
	}
	return facts
}
