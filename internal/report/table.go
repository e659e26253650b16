package report

import (
	"fmt"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// column describes one column of a table.
type column struct {
	title string
	align tw.Align // AlignLeft or AlignRight
	// elastic columns give up width when a table is too wide: names and
	// reasons, never numbers.
	elastic bool
}

func left(title string) column  { return column{title: title, align: tw.AlignLeft} }
func right(title string) column { return column{title: title, align: tw.AlignRight} }
func name(title string) column  { return column{title: title, align: tw.AlignLeft, elastic: true} }

const (
	tableIndent = "  "
	columnGap   = 2
)

// table renders a small table: no borders, columns two spaces apart, no line
// longer than the page. Cells must be harmless already (see Name and text).
func (p *page) table(columns []column, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	var out strings.Builder
	t := tablewriter.NewTable(&out, tableOptions(columns)...)
	t.Header(titles(columns))
	err := t.Bulk(squeeze(columns, rows, p.width()-len(tableIndent)))
	if err == nil {
		err = t.Render()
	}
	if err != nil {
		// Strings into a strings.Builder: only a bug can get here.
		panic(fmt.Sprintf("render table: %v", err))
	}
	for l := range strings.Lines(out.String()) {
		if l = strings.TrimRight(l, " \n"); l != "" {
			p.line("%s", tableIndent+l)
		}
	}
}

func titles(columns []column) []string {
	var titles []string
	for _, c := range columns {
		titles = append(titles, c.title)
	}
	return titles
}

// tableOptions switch off everything that would change a cell's text: the
// header's upper-casing, wrapping and trimming.
func tableOptions(columns []column) []tablewriter.Option {
	var align []tw.Align
	var padding []tw.Padding
	for i, c := range columns {
		align = append(align, c.align)
		gap := strings.Repeat(" ", columnGap)
		if i == len(columns)-1 {
			gap = ""
		}
		padding = append(padding, tw.Padding{Right: gap, Overwrite: true})
	}
	cell := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Alignment:  tw.CellAlignment{Global: tw.AlignLeft, PerColumn: align},
		Padding:    tw.CellPadding{Global: tw.Padding{Overwrite: true}, PerColumn: padding},
	}
	return []tablewriter.Option{
		tablewriter.WithRenderer(renderer.NewBlueprint(borderless())),
		tablewriter.WithConfig(tablewriter.Config{
			Header: cell, Row: cell,
			Behavior: tw.Behavior{TrimSpace: tw.Off, TrimLine: tw.Off, TrimTab: tw.Off},
		}),
	}
}

func borderless() tw.Rendition {
	return tw.Rendition{
		Borders: tw.BorderNone,
		Symbols: tw.NewSymbols(tw.StyleNone),
		Settings: tw.Settings{
			Separators: tw.SeparatorsNone,
			Lines:      tw.LinesNone,
		},
	}
}

// squeeze shortens the cells of elastic columns until every row fits into
// cells, the widest column first.
func squeeze(columns []column, rows [][]string, cells int) [][]string {
	widths := make([]int, len(columns))
	for i, c := range columns {
		widths[i] = width(c.title)
		for _, row := range rows {
			widths[i] = max(widths[i], width(row[i]))
		}
	}
	total := columnGap * (len(columns) - 1)
	for _, w := range widths {
		total += w
	}
	for total > cells {
		widest := widestElastic(columns, widths)
		if widest < 0 {
			break
		}
		widths[widest]--
		total--
	}
	return fitted(columns, rows, widths)
}

// minElastic is what remains of an elastic column on a narrow page.
const minElastic = 12

// widestElastic returns the column to shorten next, or -1.
func widestElastic(columns []column, widths []int) int {
	widest := -1
	for i, c := range columns {
		if c.elastic && widths[i] > minElastic && (widest < 0 || widths[i] > widths[widest]) {
			widest = i
		}
	}
	return widest
}

func fitted(columns []column, rows [][]string, widths []int) [][]string {
	out := make([][]string, len(rows))
	for i, row := range rows {
		out[i] = make([]string, len(row))
		for j, cell := range row {
			out[i][j] = cell
			if columns[j].elastic {
				out[i][j] = fit(cell, widths[j])
			}
		}
	}
	return out
}
