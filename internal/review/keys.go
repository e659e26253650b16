package review

import (
	"strings"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
)

func (m *Model) browseKey(key string) tea.Cmd {
	page := max(1, m.listRows()-1)
	switch key {
	case "up", "k":
		m.move(m.cursor - 1)
	case "down", "j":
		m.move(m.cursor + 1)
	case "pgup", "ctrl+b":
		m.move(m.cursor - page)
	case "pgdown", "ctrl+f", "space":
		m.move(m.cursor + page)
	case "home", "g":
		m.move(0)
	case "end", "G", "shift+g":
		m.move(len(m.rows) - 1)
	case "right", "l":
		m.unfold()
	case "left", "h":
		m.fold()
	case "enter":
		m.toggle()
	case "*", "e":
		m.openAll()
	case "E", "shift+e":
		m.closeAll()
	default:
		return m.commandKey(key)
	}
	return nil
}

func (m *Model) commandKey(key string) tea.Cmd {
	switch key {
	case "q", "esc":
		if key == "esc" && m.filter.query != "" {
			m.filter.query = ""
			m.refilter()
			return nil
		}
		return tea.Quit
	case "a":
		if m.o.Refused != "" {
			m.message = m.o.Words.Text(m.o.Refused)
			return nil
		}
		m.screen, m.answer = confirming, ""
	case "/":
		m.screen, m.answer = searching, m.filter.query
	case "f":
		m.screen, m.option = filtering, 0
	case "u":
		m.filter.hideChange[changeUnchanged] = !m.filter.hideChange[changeUnchanged]
		m.refilter()
	case "s":
		m.bySize = !m.bySize
		m.layout()
	case "i":
		m.screen, m.scroll, m.text = reading, 0, m.summary()
	case "?":
		m.screen, m.scroll, m.text = reading, 0, help()
	}
	return nil
}

// unfold opens a directory, or goes into one that is open.
func (m *Model) unfold() {
	at := m.selected()
	switch {
	case at == none || m.tree.nodes[at].first == none:
	case m.open[at]:
		m.move(m.cursor + 1)
	default:
		m.open[at] = true
		m.layout()
	}
}

// fold closes a directory, or goes to the one above.
func (m *Model) fold() {
	at := m.selected()
	if at == none {
		return
	}
	if m.open[at] {
		delete(m.open, at)
		m.layout()
		return
	}
	for i := m.cursor; i >= 0; i-- {
		if m.rows[i] == m.tree.nodes[at].parent {
			m.move(i)
			return
		}
	}
}

func (m *Model) toggle() {
	at := m.selected()
	if at == none || m.tree.nodes[at].first == none {
		return
	}
	if m.open[at] {
		delete(m.open, at)
	} else {
		m.open[at] = true
	}
	m.layout()
}

func (m *Model) openAll() {
	for i := range m.tree.nodes {
		if m.tree.nodes[i].first != none && m.sums[i].files() > 0 {
			m.open[int32(i)] = true
		}
	}
	m.layout()
}

func (m *Model) closeAll() {
	clear(m.open)
	for _, top := range m.tree.tops {
		m.open[top] = true
	}
	m.layout()
}

// edit changes the answer by a key.
func (m *Model) edit(msg tea.KeyPressMsg) {
	switch msg.String() {
	case "backspace":
		_, n := utf8.DecodeLastRuneInString(m.answer)
		m.answer = m.answer[:len(m.answer)-n]
	case "ctrl+u":
		m.answer = ""
	default:
		if len(m.answer) < 200 {
			m.answer += msg.Key().Text
		}
	}
}

func (m *Model) searchKey(msg tea.KeyPressMsg) tea.Cmd {
	switch msg.String() {
	case "enter":
		m.screen = browsing
		m.filter.query = strings.ToLower(m.answer)
		m.refilter()
		if m.filter.query != "" {
			m.openAll()
		}
		if len(m.rows) <= len(m.tree.tops) {
			m.message = "nothing matches; Esc shows all again"
		}
	case "esc":
		m.screen = browsing
	default:
		m.edit(msg)
	}
	return nil
}

func (m *Model) confirmKey(msg tea.KeyPressMsg) tea.Cmd {
	switch msg.String() {
	case "esc":
		m.screen = browsing
	case "enter":
		m.screen = browsing
		if strings.TrimSpace(strings.ToLower(m.answer)) == "yes" {
			m.choice = Apply
			return tea.Quit
		}
		m.message = "not applied: only \"yes\" is taken for yes"
	default:
		m.edit(msg)
	}
	return nil
}

// filterOptions are the lines of the filter's menu.
func filterOptions() []string {
	options := kindNames()
	for _, c := range changeNames()[1:] {
		options = append(options, string(c))
	}
	return append(options, "only what changed behind the same size and time")
}

// option returns the switch behind a line of the menu: true hides.
func (f *filter) option(i int) *bool {
	switch n := len(kindNames()); {
	case i < n:
		return &f.hideKind[i]
	case i < n+changeUnchanged:
		return &f.hideChange[i-n+1]
	}
	return &f.quietOnly
}

func (m *Model) filterKey(key string) {
	last := len(filterOptions()) - 1
	switch key {
	case "up", "k":
		m.option = max(0, m.option-1)
	case "down", "j":
		m.option = min(last, m.option+1)
	case "space", "x":
		on := m.filter.option(m.option)
		*on = !*on
		m.refilter()
	case "o": // only this one of its group
		m.onlyOption()
	case "a":
		m.filter = filter{query: m.filter.query}
		m.refilter()
	case "enter", "esc", "f", "q":
		m.screen = browsing
	}
}

func (m *Model) onlyOption() {
	n := len(kindNames())
	from, to := 0, n
	if m.option >= n {
		from, to = n, n+changeUnchanged
	}
	if m.option >= to {
		return
	}
	for i := from; i < to; i++ {
		*m.filter.option(i) = i != m.option
	}
	m.refilter()
}

func (m *Model) readKey(key string) {
	page := max(1, m.height-3)
	last := max(0, len(m.text)-page)
	switch key {
	case "up", "k":
		m.scroll = max(0, m.scroll-1)
	case "down", "j":
		m.scroll = min(last, m.scroll+1)
	case "pgup":
		m.scroll = max(0, m.scroll-page)
	case "pgdown", "space":
		m.scroll = min(last, m.scroll+page)
	default:
		m.screen = browsing
	}
}
