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

// reuse takes back a list that nobody uses any more.
func (l *lists[T]) reuse(list []T) {
	if cap(list) > 0 {
		l.pool.Put(new(list[:0]))
	}
}
