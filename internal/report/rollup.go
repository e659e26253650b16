package report

import (
	"cmp"
	"slices"
	"strings"
)

// rollup adds up files and bytes by directory and tells which directories
// account for most of them, as deep as that is worth knowing.
//
// Paths may come in any order. At most about maxNodes directories are held:
// when there are more, the lightest are folded into their parents. No byte is
// lost by that, only the depth at which light directories are known.
type rollup struct {
	root  *dirNode
	nodes int
	limit int
}

// maxRollupNodes bounds the memory of one source's roll-up to a few MiB.
const maxRollupNodes = 20_000

type dirNode struct {
	name        string
	parent      *dirNode
	children    map[string]*dirNode
	files, size int64 // of the whole subtree
}

func newRollup(limit int) *rollup {
	return &rollup{root: &dirNode{}, nodes: 1, limit: limit}
}

// add counts one file by its path.
func (r *rollup) add(path string, size int64) {
	node := r.root
	node.count(size)
	for {
		element, rest, found := strings.Cut(path, "/")
		if !found {
			break
		}
		node, path = r.child(node, element), rest
		node.count(size)
	}
	if r.nodes > r.limit {
		r.fold()
	}
}

func (n *dirNode) count(size int64) { n.files, n.size = n.files+1, n.size+size }

func (r *rollup) child(n *dirNode, element string) *dirNode {
	if c := n.children[element]; c != nil {
		return c
	}
	if n.children == nil {
		n.children = make(map[string]*dirNode)
	}
	// A copy: the element would keep the whole path in memory.
	element = strings.Clone(element)
	c := &dirNode{name: element, parent: n}
	n.children[element] = c
	r.nodes++
	return c
}

// fold removes leaf directories, the lightest first, until half the limit is
// left.
func (r *rollup) fold() {
	for r.nodes > r.limit/2 {
		leaves := r.root.leaves(nil)
		slices.SortFunc(leaves, lighter)
		// Not all at once: a parent that becomes a leaf may be lighter than
		// the heavier ones of today's leaves.
		for _, leaf := range leaves[:(len(leaves)+1)/2] {
			if leaf.parent == nil {
				return
			}
			delete(leaf.parent.children, leaf.name)
			r.nodes--
		}
	}
}

func lighter(a, b *dirNode) int {
	if c := cmp.Or(cmp.Compare(a.size, b.size), cmp.Compare(a.files, b.files)); c != 0 {
		return c
	}
	return cmp.Compare(a.path(), b.path()) // built only for ties: it costs most
}

func (n *dirNode) leaves(to []*dirNode) []*dirNode {
	if len(n.children) == 0 {
		return append(to, n)
	}
	for _, c := range n.children {
		to = c.leaves(to)
	}
	return to
}

func (n *dirNode) path() string {
	switch {
	case n.parent == nil:
		return "."
	case n.parent.parent == nil:
		return n.name
	}
	return n.parent.path() + "/" + n.name
}

// share is one line of a roll-up. The shares of a roll-up do not overlap and
// add up to everything, a share named "" being what is not worth a line.
type share struct {
	path        string
	files, size int64
	rest        bool // without the directories below it that have their own share
}

// shares splits the total among at most n directories. A directory is worth
// a line if it holds a thirtieth of all bytes; one that holds nearly nothing
// beside such a directory is replaced by that one. Below the top level it
// must hold more than one file: a single large one is told elsewhere. Where
// nothing is worth a line, as all is scattered, the heaviest get one.
func (r *rollup) shares(n int) []share {
	worth := max(1, r.root.size/30)
	open := []*openShare{newOpenShare(r.root)}
	var other share
	for {
		from, heir := heaviestHeir(open, worth)
		if from == nil {
			break
		}
		remaining := from.size - heir.size
		if remaining >= worth && len(open) >= n {
			from.closed = true
			continue
		}
		from.yield(heir)
		if remaining < worth {
			other.files, other.size = other.files+from.files, other.size+from.size
			open = slices.DeleteFunc(open, func(o *openShare) bool { return o == from })
		}
		open = append(open, newOpenShare(heir))
	}
	if len(open) == 1 && open[0].isScattered() {
		open = open[0].split(n)
	}
	return sortedShares(open, other)
}

// openShare is a share that may still pass on parts of it to children.
type openShare struct {
	node   *dirNode
	heirs  []*dirNode // heaviest last
	closed bool
	share
}

func newOpenShare(n *dirNode) *openShare {
	o := &openShare{node: n, share: share{path: n.path(), files: n.files, size: n.size}}
	for _, c := range n.children {
		if c.files > 1 || n.parent == nil {
			o.heirs = append(o.heirs, c)
		}
	}
	slices.SortFunc(o.heirs, func(a, b *dirNode) int {
		return cmp.Or(cmp.Compare(a.size, b.size), cmp.Compare(b.name, a.name))
	})
	return o
}

// isScattered reports whether most of the share lies in directories below.
func (o *openShare) isScattered() bool {
	var below int64
	for _, heir := range o.heirs {
		below += heir.size
	}
	return len(o.heirs) > 1 && below > o.size/2
}

// split gives the heaviest heirs away, so that there are at most n shares.
func (o *openShare) split(n int) []*openShare {
	open := []*openShare{o}
	for len(open) < n && len(o.heirs) > 0 {
		heir := o.heirs[len(o.heirs)-1]
		o.yield(heir)
		open = append(open, newOpenShare(heir))
	}
	return open
}

// yield gives the heaviest heir away.
func (o *openShare) yield(heir *dirNode) {
	o.heirs = o.heirs[:len(o.heirs)-1]
	o.files, o.size, o.rest = o.files-heir.files, o.size-heir.size, true
}

// heaviestHeir returns the heaviest child that is worth its own line, and
// whose share it is part of.
func heaviestHeir(open []*openShare, worth int64) (from *openShare, heir *dirNode) {
	for _, o := range open {
		if o.closed || len(o.heirs) == 0 {
			continue
		}
		h := o.heirs[len(o.heirs)-1]
		if h.size >= worth && (heir == nil || h.size > heir.size) {
			from, heir = o, h
		}
	}
	return from, heir
}

func sortedShares(open []*openShare, other share) []share {
	var shares []share
	for _, o := range open {
		if o.files > 0 {
			shares = append(shares, o.share)
		}
	}
	slices.SortFunc(shares, func(a, b share) int {
		return cmp.Or(cmp.Compare(b.size, a.size), cmp.Compare(b.files, a.files), cmp.Compare(a.path, b.path))
	})
	if other.files > 0 {
		shares = append(shares, other)
	}
	return shares
}
