package scan

import (
	"context"
	"fmt"

	"phlb/internal/meta"
)

// consumer brings the pieces into the order of the output. It keeps a stack
// of its own, so that deep trees cost heap and not goroutine stack.
type consumer struct {
	schedule *schedule
	yield    func(*Entry) error
	stack    []frame
	prefix   []byte // of the paths in the directory on top of the stack
	paths    meta.Paths
	used     int // entries yielded since the schedule was told
}

// frame is a directory that is being yielded.
type frame struct {
	node   *node
	piece  *piece // nil before the first
	number int    // of the next piece
	next   int    // in piece.children
	parent int    // length of the parent's prefix
}

func (c *consumer) run(ctx context.Context, top *node) error {
	if !c.await(&top.head) {
		return ctx.Err()
	}
	if top.err != nil {
		return fmt.Errorf("scan: %w", top.err)
	}
	if err := c.emit(ctx, &child{Entry: Entry{Path: "."}, node: top}); err != nil {
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
			c.schedule.blanks.give(f.piece.children)
			f.piece.children = nil
		}
		p := f.node.pieceOf(f.number)
		if p == nil {
			return nil, true
		}
		// The first was awaited before the directory itself was yielded.
		if f.number > 0 && !c.await(p) {
			return nil, false
		}
		f.piece, f.number, f.next = p, f.number+1, 0
	}
	f.next++
	return &f.piece.children[f.next-1], true
}

func (c *consumer) await(p *piece) bool {
	used := c.used
	c.used = 0
	return c.schedule.await(p, used)
}

// take yields one child and enters it if it is a directory to enter.
func (c *consumer) take(ctx context.Context, ch *child) error {
	c.used++
	if ch.drop {
		return nil
	}
	n := ch.node
	if n != nil && !c.await(&n.head) {
		return ctx.Err()
	}
	if err := c.emit(ctx, ch); err != nil {
		return err
	}
	if n == nil || n.skip != "" {
		return nil
	}
	c.stack = append(c.stack, frame{node: n, parent: len(c.prefix)})
	c.prefix = append(append(c.prefix, n.name...), '/')
	return nil
}

func (c *consumer) pop() {
	top := len(c.stack) - 1
	c.prefix = c.prefix[:c.stack[top].parent]
	c.stack[top] = frame{}
	c.stack = c.stack[:top]
}

// emit yields ch where it lies: copying would be most of the consumer's work.
func (c *consumer) emit(ctx context.Context, ch *child) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if n := ch.node; n != nil {
		ch.Info, ch.Xattrs, ch.Skip = n.info, n.xattrs, n.skip
	}
	if len(c.prefix) > 0 {
		ch.Path = c.paths.Join(c.prefix, ch.Path)
	}
	return c.yield(&ch.Entry)
}
