package scan

import (
	"context"
	"fmt"
)

// consumer brings the pieces into the order of the output. It keeps a stack
// of its own, so that deep trees cost heap and not goroutine stack.
type consumer struct {
	schedule *schedule
	yield    func(*Entry) error
	stack    []frame
	path     []byte // of the directory on top of the stack
	used     int    // entries yielded since the schedule was told
	entry    Entry
}

// frame is a directory that is being yielded.
type frame struct {
	node   *node
	piece  *piece // nil before the first
	number int    // of the next piece
	next   int    // in piece.children
	parent int    // length of the parent's path
}

func (c *consumer) run(ctx context.Context, top *node) error {
	if !c.schedule.await(&top.head, 0, isListed) {
		return ctx.Err()
	}
	if top.err != nil {
		return fmt.Errorf("scan: %w", top.err)
	}
	if err := c.emit(ctx, &child{name: ".", node: top}); err != nil {
		return err
	}
	c.stack = append(c.stack, frame{node: top})
	for len(c.stack) > 0 {
		next, ok := c.next()
		switch {
		case !ok:
			return ctx.Err()
		case next == nil:
			c.pop()
		default:
			if err := c.take(ctx, next); err != nil {
				return err
			}
		}
	}
	return nil
}

// next returns the next child of the directory on top, nil behind the last.
// ok is false when the walk was stopped.
func (c *consumer) next() (next *child, ok bool) {
	f := &c.stack[len(c.stack)-1]
	for f.piece == nil || f.next == len(f.piece.children) {
		if f.piece != nil {
			f.piece.children = nil
		}
		p := c.schedule.pieceOf(f.node, f.number)
		if p == nil {
			return nil, true
		}
		if !c.await(p, isDone) {
			return nil, false
		}
		f.piece, f.number, f.next = p, f.number+1, 0
	}
	f.next++
	return &f.piece.children[f.next-1], true
}

func (c *consumer) await(p *piece, ready func(*piece) bool) bool {
	used := c.used
	c.used = 0
	return c.schedule.await(p, used, ready)
}

// take yields one child and enters it if it is a directory to enter.
func (c *consumer) take(ctx context.Context, ch *child) error {
	c.used++
	if ch.node != nil && !c.await(&ch.node.head, isListed) {
		return ctx.Err()
	}
	if err := c.emit(ctx, ch); err != nil {
		return err
	}
	n := ch.node
	*ch = child{} // what was yielded need not stay in memory
	if n == nil || n.skip != "" {
		return nil
	}
	c.stack = append(c.stack, frame{node: n, parent: len(c.path)})
	c.path = appendName(c.path, n.name)
	return nil
}

func (c *consumer) pop() {
	top := len(c.stack) - 1
	c.path = c.path[:c.stack[top].parent]
	c.stack[top] = frame{}
	c.stack = c.stack[:top]
}

func (c *consumer) emit(ctx context.Context, ch *child) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e := &c.entry
	e.Path, e.Info, e.Target, e.Xattrs, e.Skip = ch.name, ch.info, ch.target, ch.xattrs, ch.skip
	if n := ch.node; n != nil {
		e.Info, e.Xattrs, e.Skip = n.info, n.xattrs, n.skip
	}
	if len(c.path) > 0 {
		parent := len(c.path)
		c.path = appendName(c.path, ch.name)
		e.Path = string(c.path)
		c.path = c.path[:parent]
	}
	return c.yield(e)
}

func appendName(path []byte, name string) []byte {
	if len(path) > 0 {
		path = append(path, '/')
	}
	return append(path, name...)
}
