package review

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"phlb/plan"
)

// Rows of the screen beside the list.
const (
	headRows   = 2
	detailRows = 4
	footRows   = 1
)

// listRows is how many rows of the list are seen.
func (m *Model) listRows() int {
	rows := m.height - headRows - footRows
	if m.details() {
		rows -= detailRows + 1
	}
	return max(1, rows)
}

// details says whether there is room to tell about the selected entry.
func (m *Model) details() bool { return m.height >= headRows+footRows+detailRows+6 }

// View implements tea.Model.
func (m *Model) View() tea.View {
	v := tea.NewView(m.content())
	v.AltScreen = true
	v.WindowTitle = "phlb review"
	return v
}

// content is the whole screen. No line is wider than the terminal.
func (m *Model) content() string {
	if m.width < 20 || m.height < 6 {
		return m.o.Words.Fit("the terminal is too small", m.width)
	}
	switch m.screen {
	case reading:
		return m.readingView()
	case filtering:
		return m.filterView()
	}
	lines := m.head()
	for i := range m.listRows() {
		lines = append(lines, m.row(m.top+i))
	}
	if m.details() {
		lines = append(lines, m.o.Words.Paint(Faint, strings.Repeat("─", m.width)))
		lines = append(lines, m.detail()...)
	}
	return strings.Join(append(lines, m.foot()), "\n")
}

// line is text of at most the width, in a paint.
func (m *Model) line(p Paint, s string) string {
	return m.o.Words.Paint(p, m.o.Words.Fit(s, m.width))
}

func (m *Model) head() []string {
	w := m.o.Words
	title := "Plan for " + w.Name(m.tree.Header.Destination.Path)
	if m.o.Refused != "" {
		title = "NOT APPLICABLE  " + title
	}
	if n := len(m.o.Alarms); n > 0 {
		title = "! " + w.Count(int64(n)) + " to look at (i)  " + title
	}
	paint := Strong
	switch {
	case m.o.Refused != "":
		paint = Bad
	case len(m.o.Alarms) > 0:
		paint = Warning
	}
	return []string{m.line(paint, title), m.line(Faint, m.shown())}
}

// shown tells what the filter lets through.
func (m *Model) shown() string {
	var all sum
	for _, top := range m.tree.tops {
		all.add(&m.sums[top])
	}
	parts := []string{m.o.Words.Count(all.files()) + " shown"}
	var hidden []string
	for i := range len(filterOptions()) - 1 {
		if *m.filter.option(i) {
			hidden = append(hidden, filterOptions()[i])
		}
	}
	if len(hidden) > 0 {
		parts = append(parts, "hidden: "+strings.Join(hidden, ", "))
	}
	if m.filter.quietOnly {
		parts = append(parts, "only same size and time")
	}
	if m.filter.query != "" {
		parts = append(parts, "search: "+m.o.Words.Name(m.filter.query))
	}
	if m.bySize {
		parts = append(parts, "largest first")
	}
	return strings.Join(parts, " · ")
}

// Columns of a row.
const (
	sizeCells   = 9
	actionCells = 8
	changeCells = 9
	wideScreen  = 70
)

// row is one line of the tree: size, action and change, then the name where
// it belongs.
func (m *Model) row(i int) string {
	if i >= len(m.rows) {
		return ""
	}
	w := m.o.Words
	at := m.rows[i]
	n, s := &m.tree.nodes[at], &m.sums[at]
	left := strings.Repeat(" ", max(0, sizeCells-len(m.size(n, s)))) + m.size(n, s) + "  "
	what, change := m.what(n, s)
	if m.width >= wideScreen {
		left += w.Pad(what, actionCells) + " " + w.Pad(change, changeCells) + " "
	} else {
		left += w.Pad(what, actionCells) + " "
	}
	mark := "  "
	switch {
	case n.first != none && m.open[at]:
		mark = "▾ "
	case n.first != none:
		mark = "▸ "
	}
	name := w.Name(n.name)
	if n.dir {
		name += "/"
	}
	if n.first != none {
		name += "  (" + w.Count(s.files()) + ")"
	}
	indent := strings.Repeat("  ", min(m.depth[i], max(0, m.width/2-len(left))/2))
	cursor := " "
	if i == m.cursor {
		cursor = ">"
	}
	text := w.Pad(w.Fit(cursor+left+indent+mark+name, m.width), m.width)
	if i == m.cursor {
		return w.Paint(Selected, text)
	}
	return w.Paint(m.paint(n), text)
}

// size is that of a file, or of what is copied and linked below a directory.
func (m *Model) size(n *node, s *sum) string {
	switch {
	case s.count[kindCopy]+s.count[kindLink] > 0:
		return m.o.Words.Bytes(s.bytes)
	case n.size > 0:
		return m.o.Words.Bytes(n.size)
	}
	return ""
}

// what returns the words for action and change.
func (m *Model) what(n *node, s *sum) (action, change string) {
	if n.kind != kindNone {
		action = kindNames()[n.kind]
	} else if only := s.only(); only >= 0 {
		action = kindNames()[only]
	}
	change = string(changeNames()[n.change])
	if n.quiet {
		change += "!"
	}
	return action, change
}

// only returns the one kind of all that a sum counts, -1 if there are more.
func (s *sum) only() int {
	found := -1
	for k, c := range s.count[:kindNone] {
		if c == 0 {
			continue
		}
		if found >= 0 {
			return -1
		}
		found = k
	}
	return found
}

func (m *Model) paint(n *node) Paint {
	switch {
	case n.first != none:
		return -1
	case n.quiet:
		return Warning
	case n.kind == kindDeleted, n.kind == kindSkip && unstored(m.tree.texts[n.reason]):
		return Bad
	case n.kind == kindSkip, n.change == changeUnchanged:
		return Faint
	case n.kind == kindCopy:
		return Good
	}
	return -1
}

// unstored reports whether a skip leaves out what was meant to be stored.
func unstored(reason string) bool {
	return strings.HasPrefix(reason, "unreadable") || strings.HasPrefix(reason, "name")
}

// detail tells about the selected entry, in detailRows lines.
func (m *Model) detail() []string {
	lines := make([]string, 0, detailRows)
	if at := m.selected(); at != none {
		lines = m.about(at, lines)
	}
	for i := range lines {
		lines[i] = m.o.Words.Fit(lines[i], m.width)
	}
	for len(lines) < detailRows {
		lines = append(lines, "")
	}
	return lines[:detailRows]
}

func (m *Model) about(at int32, lines []string) []string {
	w := m.o.Words
	n, s := &m.tree.nodes[at], &m.sums[at]
	src := &m.tree.Sources[m.tree.sourceOf(at)]
	lines = append(lines, w.Name(m.tree.pathOf(at))+"  in "+w.Name(src.Name)+" ("+w.Name(src.Path)+")")
	if n.kind != kindNone {
		line := kindNames()[n.kind]
		if c := changeNames()[n.change]; c != "" {
			line += ", " + string(c)
		}
		if n.kind <= kindLink || n.size > 0 {
			line += ", " + w.Bytes(n.size) + " (" + w.Count(n.size) + " bytes)"
		}
		lines = append(lines, line)
	}
	if n.first != none {
		lines = append(lines, "below: "+m.counts(s))
	}
	if why := m.why(at, n, src); why != "" {
		lines = append(lines, "why: "+why)
	}
	if target := m.target(at, n, src); target != "" {
		lines = append(lines, target)
	}
	return lines
}

func (m *Model) counts(s *sum) string {
	var parts []string
	for k, c := range s.count[:kindNone] {
		if c > 0 {
			parts = append(parts, kindNames()[k]+" "+m.o.Words.Count(int64(c)))
		}
	}
	if s.fresh > 0 {
		parts = append(parts, m.o.Words.Bytes(s.fresh)+" to copy")
	}
	return strings.Join(parts, ", ")
}

// why tells the reason of a decision.
func (m *Model) why(_ int32, n *node, src *plan.Source) string {
	var parts []string
	if n.quiet {
		parts = append(parts, "the content changed although size and time did not: look for damage or tampering")
	}
	if r := m.tree.texts[n.reason]; r != "" {
		parts = append(parts, m.o.Words.Text(r))
	}
	if n.kind == kindDeleted {
		parts = append(parts, "the parent snapshot has it, the source does not")
	}
	if n.kind == kindNone && n.parent == none && src.Parent != nil {
		parts = append(parts, "compared with "+m.o.Words.Name(*src.Parent))
	}
	return strings.Join(parts, "; ")
}

func (m *Model) target(at int32, n *node, src *plan.Source) string {
	target := m.tree.texts[n.target]
	if target == "" && n.kind == kindLink && src.Parent != nil {
		target = *src.Parent + "/" + m.tree.pathOf(at)
	}
	switch {
	case target == "":
		return ""
	case n.kind == kindSymlink:
		return "points to " + m.o.Words.Name(target)
	}
	return "links to " + m.o.Words.Name(target)
}

func (m *Model) foot() string {
	switch {
	case m.screen == searching:
		return m.line(Strong, "Search: "+m.o.Words.Name(m.answer+"▏")+"  (Enter, Esc)")
	case m.screen == confirming:
		return m.line(Strong, m.o.Question+" Only \"yes\" is taken for yes: "+m.o.Words.Text(m.answer)+"▏")
	case m.message != "":
		return m.line(Warning, m.message)
	}
	keys := "a apply  q quit  ←→ fold  / search  f filter  u unchanged  s size  i summary  ? help"
	if m.width < wideScreen {
		keys = "a apply  q quit  ? help"
	}
	return m.line(Faint, keys)
}

func (m *Model) filterView() string {
	lines := []string{m.line(Strong, "Shown are"), ""}
	for i, name := range filterOptions() {
		on := !*m.filter.option(i)
		if i == len(filterOptions())-1 {
			on = !on
		}
		box, cursor := "[ ] ", "  "
		if on {
			box = "[x] "
		}
		if i == m.option {
			cursor = "> "
		}
		if i == len(kindNames()) || i == len(filterOptions())-1 {
			lines = append(lines, "")
		}
		p := Paint(-1)
		if i == m.option {
			p = Selected
		}
		lines = append(lines, m.line(p, cursor+box+name))
	}
	room := m.height - 1
	if len(lines) > room { // keep the cursor's line in sight
		at := m.option + 2
		from := max(0, min(at-room/2, len(lines)-room))
		lines = lines[from : from+room]
	}
	for len(lines) < room {
		lines = append(lines, "")
	}
	return strings.Join(append(lines, m.line(Faint, "Space on/off  o only this  a all  Enter back")), "\n")
}

func (m *Model) readingView() string {
	var lines []string
	for i := range m.height - 1 {
		if at := m.scroll + i; at < len(m.text) {
			lines = append(lines, m.o.Words.Fit(m.text[at], m.width))
		} else {
			lines = append(lines, "")
		}
	}
	return strings.Join(append(lines, m.line(Faint, "↑↓ scroll  any other key goes back")), "\n")
}
