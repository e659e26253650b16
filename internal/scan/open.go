package scan

import (
	"container/list"
	"errors"
	"slices"
	"sync"

	"phlb/internal/fsys"
)

// errReplaced says that a directory is no longer the one that was listed.
var errReplaced = errors.New("replaced by another directory")

// openDirs keeps descriptors of the directories that are still needed, the
// most recently used ones. A directory whose descriptor had to be closed is
// opened again from its nearest open ancestor, element by element, so that
// neither the depth of a tree nor the length of its paths is limited.
type openDirs struct {
	mu   sync.Mutex
	max  int
	top  *node
	open int
	lru  *list.List // of *node: open, needed, not pinned; the latest in front
}

func newOpenDirs(top *node, limit int) *openDirs {
	top.pins, top.visited = 1, true // there is nothing to open it again from
	return &openDirs{max: limit, top: top, open: 1, lru: list.New()}
}

// acquire returns n's descriptor, open until release.
func (d *openDirs) acquire(n *node) (*fsys.Dir, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var missing []*node
	for ; n.dir == nil; n = n.parent {
		missing = append(missing, n)
	}
	d.pin(n)
	for _, child := range slices.Backward(missing) {
		err := d.openChild(n, child)
		d.unpin(n)
		if err != nil {
			return nil, err
		}
		n = child
	}
	return n.dir, nil
}

// openChild opens and pins child, whose parent is open and pinned. It
// unlocks d while the system call runs.
func (d *openDirs) openChild(parent, child *node) error {
	from, again := parent.dir, child.visited
	d.mu.Unlock()
	dir, err := from.OpenDir(child.name)
	if err == nil && again {
		err = checkSame(dir, child)
	}
	d.mu.Lock()
	if err != nil {
		return err
	}
	if child.dir != nil { // another worker was faster
		dir.Close()
	} else {
		child.dir, child.visited = dir, true
		d.open++
	}
	d.pin(child)
	d.evict()
	return nil
}

// checkSame closes dir if it is not the directory that n was read from.
func checkSame(dir *fsys.Dir, n *node) error {
	info, err := dir.Stat()
	if err == nil && !info.SameFile(&n.info) {
		err = errReplaced
	}
	if err != nil {
		dir.Close()
	}
	return err
}

// release gives back what acquire returned.
func (d *openDirs) release(n *node) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unpin(n)
}

// need changes the number of things that n will still be opened for.
func (d *openDirs) need(n *node, delta int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n.needs += delta
	if n.needs == 0 && n.pins == 0 && n.dir != nil {
		d.unlist(n)
		d.close(n)
	}
}

func (d *openDirs) pin(n *node) {
	n.pins++
	d.unlist(n)
}

func (d *openDirs) unpin(n *node) {
	n.pins--
	switch {
	case n.pins > 0:
	case n.needs == 0:
		d.close(n)
	default:
		n.idle = d.lru.PushFront(n)
		d.evict()
	}
}

func (d *openDirs) unlist(n *node) {
	if n.idle != nil {
		d.lru.Remove(n.idle)
		n.idle = nil
	}
}

func (d *openDirs) evict() {
	for d.open > d.max && d.lru.Len() > 0 {
		n := d.lru.Back().Value.(*node)
		d.unlist(n)
		d.close(n)
	}
}

// close gives up a descriptor that only read.
func (d *openDirs) close(n *node) {
	n.dir.Close()
	n.dir = nil
	d.open--
}

// closeAll is for the end of the walk, when nobody holds anything.
func (d *openDirs) closeAll() {
	d.max = 0
	d.evict()
	d.top.dir.Close()
}
