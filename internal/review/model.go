package review

import (
	"cmp"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// Choice is how a review ends.
type Choice int

// The choices.
const (
	Quit  Choice = iota // nothing is to be done
	Apply               // the plan is to be carried out
)

// Words are how names and numbers are shown. All are needed.
type Words struct {
	Name  func(raw string) string            // a name, harmless on a terminal
	Text  func(message string) string        // a message, on one line
	Bytes func(n int64) string               // a size
	Count func(n int64) string               // a number
	Fit   func(s string, cells int) string   // shortened to a width
	Pad   func(s string, cells int) string   // filled up to a width
	Paint func(style Paint, s string) string // coloured; may return s
}

// Paint is a kind of text that is coloured.
type Paint int

// The kinds.
const (
	Strong   Paint = iota // headings, keys
	Good                  // copies
	Warning               // what deserves a look
	Bad                   // deletions, what cannot be stored
	Selected              // the line under the cursor
	Faint
)

// Options say how a plan is reviewed.
type Options struct {
	Words Words
	// Alarms are what deserves a look, in words, and other notices.
	Alarms []string
	// Refused is why the plan cannot be applied; empty if it can.
	Refused string
	// Question is what is asked before applying.
	Question string
}

// screen is what the keys mean at the moment.
type screen int

const (
	browsing screen = iota
	searching
	filtering
	confirming
	reading // help or summary
)

// Model is the state of a review. It implements tea.Model.
type Model struct {
	tree *Tree
	o    Options

	width, height int
	screen        screen
	filter        filter
	sums          []sum
	open          map[int32]bool
	rows          []int32 // visible nodes, in order
	depth         []int   // of rows
	cursor, top   int
	bySize        bool
	answer        string   // while searching or confirming
	option        int      // while filtering
	text          []string // while reading
	scroll        int
	choice        Choice
	message       string
}

// NewModel returns the state at the beginning: sources open, and what is
// unchanged not shown if there is anything else.
func NewModel(t *Tree, o Options) *Model {
	m := &Model{tree: t, o: o, width: 80, height: 24, open: map[int32]bool{}}
	for _, top := range t.tops {
		m.open[top] = true
	}
	m.filter.hideChange[changeUnchanged] = true
	m.refilter()
	if len(m.rows) <= len(t.tops) {
		m.filter.hideChange[changeUnchanged] = false
		m.refilter()
	}
	return m
}

// Choice returns how the review ended.
func (m *Model) Choice() Choice { return m.choice }

// Init implements tea.Model.
func (*Model) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		m.follow()
	case tea.KeyPressMsg:
		m.message = ""
		return m, m.key(msg)
	}
	return m, nil
}

func (m *Model) key(msg tea.KeyPressMsg) tea.Cmd {
	if msg.String() == "ctrl+c" {
		return tea.Interrupt
	}
	switch m.screen {
	case searching:
		return m.searchKey(msg)
	case filtering:
		m.filterKey(msg.String())
	case confirming:
		return m.confirmKey(msg)
	case reading:
		m.readKey(msg.String())
	default:
		return m.browseKey(msg.String())
	}
	return nil
}

// refilter adds up anew and keeps the cursor where it was, if that is still
// shown.
func (m *Model) refilter() {
	m.sums = m.tree.apply(&m.filter)
	m.layout()
}

// layout lists the visible rows: the children of what is open.
func (m *Model) layout() {
	at := m.selected()
	m.rows, m.depth = m.rows[:0], m.depth[:0]
	m.list(m.tree.tops, 0)
	m.cursor = 0
	for ; at != none; at = m.tree.nodes[at].parent {
		if i := slices.Index(m.rows, at); i >= 0 {
			m.cursor = i
			break
		}
	}
	m.follow()
}

// list appends nodes and what is open below them. It does not recurse: trees
// can be deeper than a stack of calls should be.
func (m *Model) list(nodes []int32, depth int) {
	type level struct {
		nodes []int32
		depth int
	}
	stack := []level{{nodes, depth}}
	for len(stack) > 0 {
		l := &stack[len(stack)-1]
		if len(l.nodes) == 0 {
			stack = stack[:len(stack)-1]
			continue
		}
		at, d := l.nodes[0], l.depth
		l.nodes = l.nodes[1:]
		m.rows, m.depth = append(m.rows, at), append(m.depth, d)
		if m.open[at] {
			stack = append(stack, level{m.children(at), d + 1})
		}
	}
}

// children returns the shown children of a node in their order.
func (m *Model) children(at int32) []int32 {
	var list []int32
	for c := m.tree.nodes[at].first; c != none; c = m.tree.nodes[c].next {
		if m.sums[c].files() > 0 {
			list = append(list, c)
		}
	}
	nodes := m.tree.nodes
	slices.SortStableFunc(list, func(a, b int32) int {
		if m.bySize {
			if c := cmp.Or(cmp.Compare(m.sums[b].fresh, m.sums[a].fresh), cmp.Compare(m.sums[b].bytes, m.sums[a].bytes)); c != 0 {
				return c
			}
		}
		return strings.Compare(nodes[a].name, nodes[b].name)
	})
	return list
}

// selected returns the node under the cursor.
func (m *Model) selected() int32 {
	if m.cursor < 0 || m.cursor >= len(m.rows) {
		return none
	}
	return m.rows[m.cursor]
}

func (m *Model) move(to int) {
	m.cursor = max(0, min(to, len(m.rows)-1))
	m.follow()
}

// follow scrolls so that the cursor is seen.
func (m *Model) follow() {
	room := m.listRows()
	m.top = max(0, min(m.top, m.cursor, max(0, len(m.rows)-room)))
	if m.cursor >= m.top+room {
		m.top = m.cursor - room + 1
	}
}
