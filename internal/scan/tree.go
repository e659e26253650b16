package scan

import (
	"container/list"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// node is a directory that is read, or will be.
type node struct {
	parent *node // nil for the source itself
	name   string

	// Written by the worker that lists the directory, before the schedule
	// says that it is listed; constant afterwards.
	info   meta.Info
	xattrs meta.Xattrs
	names  []fsys.DirEntry // in byte order
	skip   string
	err    error // behind skip, where there is one

	head piece // the first piece
	// Guarded by schedule.mu.
	listed bool
	more   []*piece // behind the first, known once the directory is listed

	// Guarded by openDirs.mu.
	dir     *fsys.Dir     // nil: not open
	visited bool          // it has been open
	pins    int           // users of dir
	needs   int           // pieces still to be read, and subdirectories still to be opened
	idle    *list.Element // in openDirs.lru, while open, needed and not pinned
}

// newNode makes the node of a directory that is to be entered.
func newNode(parent *node, c *child) *node {
	n := &node{parent: parent, name: c.name, info: c.info, needs: 1}
	n.head = piece{node: n, lists: true}
	return n
}

// piece is the unit of work: a stretch of a directory's names.
type piece struct {
	node     *node
	lists    bool // it is the first one: the directory must be listed, too
	from, to int  // in node.names

	// children are written by the worker, before the piece is done.
	children []child

	// Guarded by schedule.mu.
	prev, next *piece
	state      state
}

// subdirs counts the directories to be entered.
func (p *piece) subdirs() (count int) {
	for i := range p.children {
		if p.children[i].node != nil {
			count++
		}
	}
	return count
}

type state uint8

const (
	pending state = iota
	running
	done
)

// child is what was found out about one name.
type child struct {
	name   string
	info   meta.Info
	target string
	xattrs meta.Xattrs
	skip   string
	node   *node // of a directory that is entered; its info, xattrs and skip count
}

// appendPath appends n's path relative to the source; nothing for the source
// itself. Nodes do not hold their paths: in a tree some thousand levels deep
// they would take more memory than everything else.
func (n *node) appendPath(b []byte) []byte {
	size := 0
	for a := n; a.parent != nil; a = a.parent {
		size += len(a.name) + 1
	}
	if size == 0 {
		return b
	}
	start := len(b)
	b = append(b, make([]byte, size-1)...)
	end := len(b)
	for a := n; a.parent != nil; a = a.parent {
		end -= len(a.name)
		copy(b[end:], a.name)
		if end > start {
			end--
			b[end] = '/'
		}
	}
	return b
}
