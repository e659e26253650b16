package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// render prints a report for people.
func render(w io.Writer, r *report) {
	m := r.Machine
	fmt.Fprintf(w, "%d cores, %s of memory, %s, kernel %s, %s\n%s\n",
		m.Cores, humanize.IBytes(uint64(m.MemoryMiB)<<20), m.System, m.Kernel, m.Go, m.Workplace)
	for _, tool := range slices.Sorted(maps.Keys(m.Tools)) {
		fmt.Fprintf(w, "  %s: %s\n", tool, m.Tools[tool])
	}
	for _, missing := range r.NotFound {
		fmt.Fprintf(w, "  %s: not found\n", missing)
	}
	for _, skipped := range r.Skipped {
		fmt.Fprintf(w, "  skipped %s\n", skipped)
	}
	for _, section := range sections(r.Medians) {
		renderSection(w, section, r.Data)
	}
	renderBars(w, r.Bars)
	fmt.Fprintf(w, "\n%d checks passed, %d failures\n", r.Checked, len(r.Failures))
	for _, failure := range r.Failures {
		fmt.Fprintf(w, "FAILED: %s\n", failure)
	}
}

// sections splits medians by data set and scenario.
func sections(list []median) [][]median {
	var all [][]median
	for i, m := range list {
		if i == 0 || list[i-1].Data != m.Data || list[i-1].Scenario != m.Scenario {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], m)
	}
	return all
}

var (
	titles = []string{"", "plan s", "apply s", "total s", "with sync s", "CPU s", "peak MiB", "B/file", "inodes", "x ref", "phlb / it"}
	// references are what "x ref" divides by.
	references = map[string]string{first: copierName, again: copierName, day: copierName, look: finder, verify: hasher}
)

func renderSection(w io.Writer, section []median, data []dataFacts) {
	m := section[0]
	files := filesOf(data, m.Data)
	fmt.Fprintf(w, "\n%s, %s: %s", m.Data, m.Scenario, describe(data, m.Data))
	ref, ours := 0.0, 0.0
	if reference, ok := find(section, m.Data, m.Scenario, references[m.Scenario]); ok {
		ref = reference.Total.Wall
		fmt.Fprintf(w, "; reference %s", reference.Contender)
	}
	if p, ok := find(section, m.Data, m.Scenario, phlbName); ok {
		ours = p.Total.Wall
	}
	fmt.Fprintf(w, "; rounds: %d\n", m.Rounds)
	var rows [][]string
	for _, m := range section {
		rows = append(rows, row(m, files, ref, ours))
	}
	fmt.Fprint(w, table(rows))
}

func describe(data []dataFacts, name string) string {
	for _, d := range data {
		if d.Name == name {
			return fmt.Sprintf("%s files, %s", humanize.Comma(int64(d.Files)), humanize.IBytes(uint64(d.Bytes)))
		}
	}
	return ""
}

func row(m median, files int, ref, ours float64) []string {
	growth, inodes := "", ""
	if _, writes := m.part(syncPart); writes {
		growth = fmt.Sprintf("%.0f", ratio(float64(m.Growth.Bytes), float64(files)))
		inodes = humanize.Comma(m.Growth.Inodes)
	}
	return []string{
		m.Contender, partSeconds(m, "plan"), partSeconds(m, "apply"), seconds(m.Total.Wall), seconds(m.Synced),
		seconds(m.Total.CPU), fmt.Sprintf("%.0f", m.Total.RSS), growth, inodes,
		times(m.Total.Wall, ref), times(ours, m.Total.Wall),
	}
}

// seconds keeps the digits that a comparison of short runs needs.
func seconds(s float64) string { return fmt.Sprintf("%.3f", s) }

func partSeconds(m median, name string) string {
	if c, ok := m.part(name); ok {
		return seconds(c.Wall)
	}
	return ""
}

func times(a, b float64) string {
	if a == 0 || b == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", a/b)
}

// table aligns rows below the titles, without borders.
func table(rows [][]string) string {
	var out strings.Builder
	t := tablewriter.NewTable(&out, tableOptions()...)
	t.Header(titles)
	err := t.Bulk(rows)
	if err == nil {
		err = t.Render()
	}
	if err != nil {
		return err.Error() + "\n"
	}
	var text strings.Builder
	for line := range strings.Lines(out.String()) {
		if line = strings.TrimRight(line, " \n"); line != "" {
			text.WriteString("  " + line + "\n")
		}
	}
	return text.String()
}

// tableOptions switch off whatever would change a cell's text.
func tableOptions() []tablewriter.Option {
	align := append([]tw.Align{tw.AlignLeft}, slices.Repeat([]tw.Align{tw.AlignRight}, len(titles)-1)...)
	gap := slices.Repeat([]tw.Padding{{Right: "  ", Overwrite: true}}, len(titles))
	cell := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Alignment:  tw.CellAlignment{Global: tw.AlignLeft, PerColumn: align},
		Padding:    tw.CellPadding{Global: tw.Padding{Overwrite: true}, PerColumn: gap},
	}
	return []tablewriter.Option{
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders:  tw.BorderNone,
			Symbols:  tw.NewSymbols(tw.StyleNone),
			Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		})),
		tablewriter.WithConfig(tablewriter.Config{Header: cell, Row: cell}),
	}
}

func renderBars(w io.Writer, bars []verdict) {
	if len(bars) > 0 {
		fmt.Fprintln(w)
	}
	for _, v := range bars {
		verdict := "MISSED"
		if v.OK {
			verdict = "ok"
		}
		fmt.Fprintf(w, "bar %s reached %s %-6s  %s\n", measure(v.Limit, v.Unit), measure(v.Reached, v.Unit), verdict, v.What)
	}
}

func measure(value float64, unit string) string {
	if unit == "" {
		return fmt.Sprintf("%.2f", value)
	}
	return fmt.Sprintf("%.0f %s", value, unit)
}
