package scan

import (
	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// node is a directory that is read, or will be.
type node struct {
	parent *node // nil for the source itself
	name   string

	// Written by the worker that reads the first piece, before that is done;
	// constant afterwards.
	info   meta.Info
	xattrs meta.Xattrs
	names  []fsys.DirEntry // in byte order, while pieces of them are to be read
	skip   string
	err    error // behind skip, where there is one

	head piece    // the first piece
	more []*piece // behind the first; constant once that is done

	// Guarded by openDirs.mu.
	dir     *fsys.Dir // nil: not open
	visited bool      // it has been open
	pins    int       // users of dir
	needs   int       // pieces still to be read, and subdirectories still to be opened
	idle    bool      // it stands in openDirs' list: open, needed and not pinned
	newer   *node     // its neighbours there
	older   *node
}

// newNode makes the node of a directory that is to be entered.
func newNode(parent *node, c *child) *node {
	n := &node{parent: parent, name: c.Path, info: c.Info, needs: 1}
	n.head = piece{node: n, lists: true}
	return n
}

// pieceOf returns n's piece number i, nil behind the last. The first must be
// done before another one is asked for.
func (n *node) pieceOf(i int) *piece {
	switch {
	case i == 0:
		return &n.head
	case i > len(n.more):
		return nil
	}
	return n.more[i-1]
}

// piece is the unit of work: a stretch of a directory's names.
type piece struct {
	node     *node
	lists    bool // it is the first one: the directory must be listed, too
	from, to int  // in node.names

	// Written by the worker, before the piece is done.
	children []child
	subdirs  int // of the children: directories to be entered

	// Guarded by schedule.mu.
	prev, next *piece
	state      state
}

type state uint8

const (
	pending state = iota
	running
	done
)

// child is what was found out about one name. Its Path is the bare name until
// it is yielded: whole paths that are read ahead would take much memory in a
// deep tree.
type child struct {
	Entry
	drop bool  // it is not yielded
	node *node // of a directory that is entered; its info, xattrs and skip count
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
