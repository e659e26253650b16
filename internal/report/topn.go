package report

import "slices"

// topN keeps the n least items by an order, whatever the number offered. With
// an order of "heavier first" that is the n heaviest.
type topN[T any] struct {
	n     int
	cmp   func(a, b T) int // total, so that the result does not depend on the order of offers
	items []T              // sorted
}

func newTopN[T any](n int, cmp func(a, b T) int) *topN[T] { return &topN[T]{n: n, cmp: cmp} }

// offer takes the item in if it belongs to the first n.
func (t *topN[T]) offer(item T) {
	if len(t.items) == t.n && (t.n == 0 || t.cmp(item, t.items[t.n-1]) >= 0) {
		return
	}
	at, _ := slices.BinarySearchFunc(t.items, item, t.cmp)
	if len(t.items) == t.n {
		t.items = t.items[:t.n-1]
	}
	t.items = slices.Insert(t.items, at, item)
}
