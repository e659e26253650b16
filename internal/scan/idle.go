package scan

// idleList has nodes in the order of their last use. It is linked through the
// nodes themselves, since every directory of a tree passes through it.
type idleList struct{ newest, oldest *node }

func (l *idleList) add(n *node) {
	n.idle, n.newer, n.older = true, nil, l.newest
	if l.newest != nil {
		l.newest.newer = n
	} else {
		l.oldest = n
	}
	l.newest = n
}

// remove does nothing to a node that is not in the list.
func (l *idleList) remove(n *node) {
	if !n.idle {
		return
	}
	if n.newer != nil {
		n.newer.older = n.older
	} else {
		l.newest = n.older
	}
	if n.older != nil {
		n.older.newer = n.newer
	} else {
		l.oldest = n.newer
	}
	n.idle, n.newer, n.older = false, nil, nil
}
