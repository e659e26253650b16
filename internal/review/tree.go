// Package review is the full-screen view of a plan: its entries as a tree with
// what they add up to, to be filtered, searched and asked why, until the
// reviewer applies the plan or leaves it.
//
// It decides nothing about the plan, reads no file and applies nothing: the
// plan is handed in as it is read, the words for sizes and names are its
// caller's, and what it returns is the reviewer's choice. It never trusts a
// name: whatever is shown has gone through Words.
//
// A plan is held in memory, in about a hundred bytes an entry; file names are
// parts of few large strings.
package review

import (
	"errors"
	"strings"

	"phlb/plan"
)

// ErrTooLarge says that a plan has more entries than a tree can hold.
var ErrTooLarge = errors.New("the plan has too many entries to review them on a screen")

// maxNodes bounds the memory of a tree to about a gigabyte.
const maxNodes = 8_000_000

// none is no node.
const none int32 = -1

// kinds are actions as the tree knows them; deleted is no action of a plan.
const (
	kindCopy = iota
	kindLink
	kindSkip
	kindMkdir
	kindSymlink
	kindDeleted
	kindNone // a directory that is known by its content alone, or a source
	kinds
)

func kindNames() []string {
	return []string{"copy", "link", "skip", "mkdir", "symlink", "deleted"}
}

func kindOf(a plan.Action) uint8 {
	switch a {
	case plan.ActionCopy:
		return kindCopy
	case plan.ActionLink:
		return kindLink
	case plan.ActionSkip:
		return kindSkip
	case plan.ActionMkdir:
		return kindMkdir
	case plan.ActionSymlink:
		return kindSymlink
	}
	return kindNone
}

// changeNames are the changes as the tree numbers them; 0 is none.
func changeNames() []plan.Change {
	return []plan.Change{
		"", plan.ChangeNew, plan.ChangeContent, plan.ChangeMetadata, plan.ChangeMoved, plan.ChangeType, plan.ChangeUnchanged,
	}
}

const changeUnchanged = 6

func changeOf(c plan.Change) uint8 {
	for i, name := range changeNames() {
		if name == c {
			return uint8(i)
		}
	}
	return 0
}

// node is an entry, or a directory that holds some. Its children have higher
// numbers, so that adding up needs one pass from the last to the first.
type node struct {
	name        string
	size        int64
	reason      int32 // in Tree.texts
	target      int32
	parent      int32
	first, last int32 // child
	next        int32 // sibling
	kind        uint8
	change      uint8
	quiet       bool
	dir         bool
}

// Tree is a plan's entries. It is filled by its Visitor and constant then.
type Tree struct {
	Header  plan.Header
	Sources []plan.Source
	Keep    []plan.Keep
	Prune   []plan.Prune

	nodes []node
	tops  []int32
	texts []string         // reasons and targets
	known map[string]int32 // of the reasons
	names strings.Builder  // the chunk that names are put into
	path  []int32          // nodes of the last path's directories, from the source down
	dirs  map[dirKey]int32 // of the current source; made when it is needed
}

type dirKey struct {
	parent int32
	name   string
}

// NewTree returns an empty tree.
func NewTree() *Tree { return &Tree{texts: []string{""}, known: map[string]int32{"": 0}} }

// Visitor returns the callbacks to read a plan with.
func (t *Tree) Visitor() plan.Visitor {
	return plan.Visitor{
		Header: func(h *plan.Header) error {
			t.Header = *h
			t.Header.Destination.ID = cloned(h.Destination.ID)
			return nil
		},
		Source: t.source,
		Entry:  t.entry,
		Deleted: func(path string) error {
			return t.add(path, node{kind: kindDeleted})
		},
		EndSource: func(s *plan.Source) error {
			t.Sources[len(t.Sources)-1] = kept(s)
			return nil
		},
		Keep: func(k *plan.Keep) error {
			t.Keep = append(t.Keep, *k)
			return nil
		},
		Prune: func(p *plan.Prune) error {
			t.Prune = append(t.Prune, *p)
			return nil
		},
	}
}

func (t *Tree) source(s *plan.Source) error {
	t.Sources = append(t.Sources, kept(s))
	t.dirs = nil
	top := t.append(none, node{name: s.Name, kind: kindNone, dir: true})
	t.tops = append(t.tops, top)
	t.path = []int32{top}
	return nil
}

// kept copies what is valid only while the plan is read.
func kept(s *plan.Source) plan.Source {
	c := *s
	c.Parent = cloned(s.Parent)
	return c
}

func cloned(s *string) *string {
	if s == nil {
		return nil
	}
	c := *s
	return &c
}

func (t *Tree) entry(e *plan.Entry) error {
	n := node{
		kind: kindOf(e.Action), change: changeOf(e.Change), size: e.Size, quiet: e.Quiet, dir: e.Action == plan.ActionMkdir,
		reason: t.reason(e.Reason),
	}
	if e.Target != "" && (e.Change != plan.ChangeUnchanged || e.Action == plan.ActionSymlink) {
		t.texts = append(t.texts, strings.Clone(e.Target))
		n.target = int32(len(t.texts) - 1)
	}
	return t.add(e.Path, n)
}

// reason numbers a reason; most are one of a few.
func (t *Tree) reason(s string) int32 {
	if i, ok := t.known[s]; ok {
		return i
	}
	s = strings.Clone(s)
	t.texts = append(t.texts, s)
	i := int32(len(t.texts) - 1)
	if len(t.known) < 10_000 {
		t.known[s] = i
	}
	return i
}

// add puts a node at a path of the current source.
func (t *Tree) add(path string, n node) error {
	top := t.path[0]
	if path == "." {
		t.nodes[top].change = n.change
		return nil
	}
	if len(t.nodes) >= maxNodes {
		return ErrTooLarge
	}
	if n.kind == kindDeleted && t.dirs == nil {
		t.indexDirs(top)
	}
	parent, depth := top, 0
	for {
		element, rest, more := strings.Cut(path, "/")
		if !more {
			n.name = t.intern(element)
			at := t.append(parent, n)
			if n.dir {
				t.path = append(t.path[:depth+1], at)
			}
			return nil
		}
		depth++
		parent = t.dir(parent, element, depth)
		path = rest
	}
}

// dir returns the directory of a name below parent. Entries come in order, so
// it is mostly on the way of the path before.
func (t *Tree) dir(parent int32, name string, depth int) int32 {
	if depth < len(t.path) && t.path[depth-1] == parent && t.nodes[t.path[depth]].name == name {
		return t.path[depth]
	}
	at := none
	if t.dirs != nil {
		if known, ok := t.dirs[dirKey{parent, name}]; ok {
			at = known
		}
	}
	if at == none {
		at = t.append(parent, node{name: t.intern(name), kind: kindNone, dir: true})
		if t.dirs != nil {
			t.dirs[dirKey{parent, t.nodes[at].name}] = at
		}
	}
	t.path = append(t.path[:depth], at)
	return at
}

// indexDirs finds the current source's directories again for what is deleted
// from them, which comes behind all entries.
func (t *Tree) indexDirs(top int32) {
	t.dirs = map[dirKey]int32{}
	for i := int(top) + 1; i < len(t.nodes); i++ {
		if n := &t.nodes[i]; n.dir {
			t.dirs[dirKey{n.parent, n.name}] = int32(i)
		}
	}
	t.path = t.path[:1]
}

func (t *Tree) append(parent int32, n node) int32 {
	at := int32(len(t.nodes))
	n.parent, n.first, n.last, n.next = parent, none, none, none
	t.nodes = append(t.nodes, n)
	if parent == none {
		return at
	}
	p := &t.nodes[parent]
	p.dir = true
	if p.first == none {
		p.first = at
	} else {
		t.nodes[p.last].next = at
	}
	p.last = at
	return at
}

// namesChunk is how many bytes of names lie in one piece of memory.
const namesChunk = 64 << 10

func (t *Tree) intern(name string) string {
	if t.names.Cap()-t.names.Len() < len(name) {
		t.names = strings.Builder{}
		t.names.Grow(max(namesChunk, len(name)))
	}
	start := t.names.Len()
	t.names.WriteString(name)
	return t.names.String()[start:]
}

// pathOf returns a node's path relative to its source, "." for the source.
func (t *Tree) pathOf(at int32) string {
	if t.nodes[at].parent == none {
		return "."
	}
	path := t.nodes[at].name
	for p := t.nodes[at].parent; t.nodes[p].parent != none; p = t.nodes[p].parent {
		path = t.nodes[p].name + "/" + path
	}
	return path
}

// sourceOf returns the number of the source that a node belongs to.
func (t *Tree) sourceOf(at int32) int {
	for i := len(t.tops) - 1; i >= 0; i-- {
		if at >= t.tops[i] {
			return i
		}
	}
	return 0
}

// sum is what the matching entries of a subtree add up to.
type sum struct {
	count [kinds]int32
	bytes int64 // of copies and links
	fresh int64 // of copies
}

func (s *sum) files() int64 {
	var n int64
	for _, c := range s.count[:kindNone] {
		n += int64(c)
	}
	return n
}

func (s *sum) add(o *sum) {
	for i := range s.count {
		s.count[i] += o.count[i]
	}
	s.bytes += o.bytes
	s.fresh += o.fresh
}
