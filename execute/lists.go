package execute

import (
	"slices"
	"sync"
)

// lists are empty lists, kept for their memory: fresh memory costs more than
// what is mostly written into it.
type lists[T any] struct {
	pool sync.Pool // of *[]T
}

// empty returns a list with room for n.
func (l *lists[T]) empty(n int) []T {
	var list []T
	if spare, ok := l.pool.Get().(*[]T); ok {
		list = *spare
	}
	return slices.Grow(list, n)
}

// maxReused is how many elements a list to be reused has room for, at most:
// that of one huge directory is not kept for all the small ones.
const maxReused = 64 << 10

// reuse takes back a list that nobody uses any more.
func (l *lists[T]) reuse(list []T) {
	if cap(list) == 0 || cap(list) > maxReused {
		return
	}
	clear(list) // what it points to is not kept
	l.pool.Put(new(list[:0]))
}
