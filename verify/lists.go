package verify

import "sync"

// lists lends memory for what lies in directories. It is safe for concurrent
// use.
type lists struct{ pool sync.Pool }

// maxLent is how many children a list may have to be lent again: that of one
// huge directory is not kept for all the small ones.
const maxLent = 16 << 10

// take returns an empty list.
func (l *lists) take() []child {
	if list, ok := l.pool.Get().(*[]child); ok {
		return (*list)[:0]
	}
	return nil
}

// give takes back a list that nobody uses any more.
func (l *lists) give(list []child) {
	if cap(list) > maxLent {
		return
	}
	clear(list) // what its names point to is not kept
	l.pool.Put(&list)
}
