package scan

import (
	"context"
	"sync"
)

// schedule hands pieces to workers and finished pieces to the consumer.
//
// The pieces that are not done stand in a list in the order of the output: a
// finished piece is replaced by the first pieces of its subdirectories, and a
// listed directory's further pieces come right behind its first. So the first
// pending piece is always the one the consumer will need soonest, and workers
// take no other.
type schedule struct {
	mu      sync.Mutex
	work    sync.Cond // there may be a piece to take, or the walk ends
	news    sync.Cond // the piece that the consumer awaits made progress
	stopped bool
	first   *piece // of the list
	ahead   int    // entries read, not yet yielded
	max     int    // bound of ahead
	idle    int    // workers waiting
	wanted  *piece // awaited by the consumer: read whatever the bound says
	failure error  // why the walk cannot go on
}

func newSchedule(top *node, maxAhead int) *schedule {
	s := &schedule{first: &top.head, max: maxAhead}
	s.work.L, s.news.L = &s.mu, &s.mu
	return s
}

// start runs workers that read pieces until stop is called, which waits for
// them. The end of ctx ends them, too.
func (s *schedule) start(ctx context.Context, workers int, read func(*piece)) (stop func()) {
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for p := s.take(); p != nil; p = s.take() {
				read(p)
			}
		})
	}
	told := make(chan struct{})
	release := context.AfterFunc(ctx, func() {
		s.halt()
		close(told)
	})
	return func() {
		if !release() {
			<-told
		}
		s.halt()
		wg.Wait()
	}
}

func (s *schedule) halt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	s.work.Broadcast()
	s.news.Broadcast()
}

// fail ends the walk with an error.
func (s *schedule) fail(err error) {
	s.mu.Lock()
	if s.failure == nil {
		s.failure = err
	}
	s.mu.Unlock()
	s.halt()
}

// take waits for the next piece to read; nil ends the worker.
func (s *schedule) take() *piece {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.stopped {
		if p := s.firstPending(); p != nil && (s.ahead < s.max || p == s.wanted) {
			p.state = running
			return p
		}
		s.idle++
		s.work.Wait()
		s.idle--
	}
	return nil
}

// firstPending passes the pieces that workers have in hand, of which there
// are no more than workers.
func (s *schedule) firstPending() *piece {
	p := s.first
	for p != nil && p.state == running {
		p = p.next
	}
	return p
}

// halted tells workers to give up early.
func (s *schedule) halted() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopped
}

// listed announces a directory's further pieces, of the given size, while
// its first is still being read.
func (s *schedule) listed(n *node, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := &n.head
	for from := last.to; from < len(n.names); from += size {
		p := &piece{node: n, from: from, to: min(from+size, len(n.names))}
		s.insertAfter(last, p)
		n.more = append(n.more, p)
		last = p
	}
	n.listed = true
	s.wake(&n.head)
}

// finish takes a piece that was read out of the list and puts its
// subdirectories in its place.
func (s *schedule) finish(p *piece) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := p
	for i := range p.children {
		if n := p.children[i].node; n != nil {
			s.insertAfter(last, &n.head)
			last = &n.head
		}
	}
	s.remove(p)
	p.state = done
	p.node.listed = true
	s.ahead += len(p.children)
	s.wake(p)
}

func (s *schedule) insertAfter(at, p *piece) {
	p.prev, p.next = at, at.next
	if at.next != nil {
		at.next.prev = p
	}
	at.next = p
}

func (s *schedule) remove(p *piece) {
	if p.prev != nil {
		p.prev.next = p.next
	} else {
		s.first = p.next
	}
	if p.next != nil {
		p.next.prev = p.prev
	}
	p.prev, p.next = nil, nil
}

func (s *schedule) wake(p *piece) {
	if s.wanted == p {
		s.news.Signal()
	}
	if s.idle > 0 && s.first != nil {
		s.work.Broadcast()
	}
}

// await waits until p makes ready true, or the walk is stopped. Used are the
// entries that the consumer has yielded since its last call.
func (s *schedule) await(p *piece, used int, ready func(*piece) bool) (ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead -= used
	if !ready(p) {
		s.wanted = p
		defer func() { s.wanted = nil }()
	}
	if s.idle > 0 && (s.ahead < s.max || s.wanted != nil) {
		s.work.Broadcast()
	}
	for !ready(p) && !s.stopped {
		s.news.Wait()
	}
	return ready(p)
}

func isListed(p *piece) bool { return p.node.listed }
func isDone(p *piece) bool   { return p.state == done }

// pieceOf returns n's piece number i, nil behind the last.
func (s *schedule) pieceOf(n *node, i int) *piece {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case i == 0:
		return &n.head
	case i > len(n.more):
		return nil
	}
	return n.more[i-1]
}
