package scan

import (
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
	mu      sync.Mutex
	max     int
	top     *node
	open    int
	idle    idleList    // of nodes that are open, needed and not pinned
	closing []*fsys.Dir // given up under the lock, closed behind it
}

func newOpenDirs(top *node, limit int) *openDirs {
	top.pins, top.visited = 1, true // there is nothing to open it again from
	return &openDirs{max: limit, top: top, open: 1}
}

// unlock closes what was given up since lock: a system call that others need
// not wait for.
func (d *openDirs) unlock() {
	var room [4]*fsys.Dir
	closing := append(room[:0], d.closing...)
	d.closing = d.closing[:0]
	d.mu.Unlock()
	for _, dir := range closing {
		dir.Close() // it only read
	}
}

// acquire returns n's descriptor, open until release.
func (d *openDirs) acquire(n *node) (*fsys.Dir, error) {
	var room [8]*node
	missing := room[:0]
	d.mu.Lock()
	defer d.unlock()
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
	d.unlock()
	dir, err := from.OpenDir(child.name)
	if err == nil && again {
		err = checkSame(dir, child)
	}
	d.mu.Lock()
	if err != nil {
		return err
	}
	if child.dir != nil { // another worker was faster
		d.closing = append(d.closing, dir)
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

// release gives back what acquire returned for the reading of p, which is
// over: from now on p's directory is needed for its subdirectories.
func (d *openDirs) release(p *piece) {
	d.mu.Lock()
	defer d.unlock()
	d.settle(p, p.subdirs-1)
	d.unpin(p.node)
}

// abandon is release for a piece whose directory could not be opened.
func (d *openDirs) abandon(p *piece) {
	d.mu.Lock()
	defer d.unlock()
	d.settle(p, -1)
}

// settle changes what p's directory is needed for, and its parent, which was
// needed to open it for the first time.
func (d *openDirs) settle(p *piece, delta int) {
	if n := p.node; p.lists && n.parent != nil {
		d.change(n.parent, -1)
	}
	d.change(p.node, delta)
}

// need adds to the number of things that n will still be opened for.
func (d *openDirs) need(n *node, more int) {
	d.mu.Lock()
	defer d.unlock()
	d.change(n, more)
}

func (d *openDirs) change(n *node, delta int) {
	n.needs += delta
	if n.needs == 0 && n.pins == 0 && n.dir != nil {
		d.idle.remove(n)
		d.close(n)
	}
}

func (d *openDirs) pin(n *node) {
	n.pins++
	d.idle.remove(n)
}

func (d *openDirs) unpin(n *node) {
	n.pins--
	switch {
	case n.pins > 0:
	case n.needs == 0:
		d.close(n)
	default:
		d.idle.add(n)
		d.evict()
	}
}

func (d *openDirs) evict() {
	for d.open > d.max && d.idle.oldest != nil {
		n := d.idle.oldest
		d.idle.remove(n)
		d.close(n)
	}
}

func (d *openDirs) close(n *node) {
	d.closing = append(d.closing, n.dir)
	n.dir = nil
	d.open--
}

// closeAll is for the end of the walk, when nobody holds anything.
func (d *openDirs) closeAll() {
	d.mu.Lock()
	defer d.unlock()
	d.max = 0
	d.evict()
	d.closing = append(d.closing, d.top.dir)
}
