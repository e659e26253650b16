package scan

import (
	"math/bits"
	"sync"
)

// blanks lends the arrays in which pieces are read ahead. A walk needs as many
// as it is ahead, whatever the size of the tree; given back in the order of
// the last, they are mostly still in the processor's cache. The zero value is
// ready to use.
type blanks struct {
	mu   sync.Mutex
	free [bits.UintSize][][]child // by the logarithm of their capacity
}

// take returns n zero children.
func (b *blanks) take(n int) []child {
	if n == 0 {
		return nil
	}
	class := bits.Len(uint(n - 1))
	b.mu.Lock()
	defer b.mu.Unlock()
	free := b.free[class]
	if len(free) == 0 {
		return make([]child, n, 1<<class)
	}
	last := free[len(free)-1]
	b.free[class] = free[:len(free)-1]
	return last[:n]
}

// give takes back what take returned.
func (b *blanks) give(c []child) {
	if cap(c) == 0 {
		return
	}
	clear(c)
	class := bits.Len(uint(cap(c) - 1))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.free[class] = append(b.free[class], c)
}
