package scan

import (
	"context"
	"sync"
	"sync/atomic"
)

// schedule hands pieces to workers and finished pieces to the consumer.
//
// The pieces that are not done stand in a list in the order of the output: a
// finished piece is replaced by the first pieces of its subdirectories, and a
// listed directory's further pieces come right behind its first. So the first
// pending piece is always the one the consumer will need soonest, and workers
// take no other.
//
// Most directories are small, and to wake a goroutine for each of them would
// cost more than to read it. So a worker that is awake takes one piece after
// the other, and a sleeper is woken only for a batch: the consumer when that
// much is read, or no more can be; workers that were too far ahead when half
// of it is yielded.
type schedule struct {
	mu      sync.Mutex
	work    sync.Cond // there may be a piece to take, or the walk ends
	news    sync.Cond // the consumer has a batch to go on with, or the walk ends
	stopped atomic.Bool
	first   *piece // of the list
	ahead   int    // entries read, not yet yielded
	max     int    // bound of ahead
	batch   int    // entries that are worth waking the consumer
	idle    int    // workers waiting
	wanted  *piece // awaited by the consumer: read whatever the bound says
	failure error  // why the walk cannot go on
	blanks  blanks
}

// maxBatch makes what waking costs small beside what a batch does. Much more
// would let a consumer on another processor begin late.
const maxBatch = 256

func newSchedule(top *node, maxAhead int) *schedule {
	s := &schedule{first: &top.head, max: maxAhead, batch: min(maxBatch, maxAhead)}
	s.work.L, s.news.L = &s.mu, &s.mu
	return s
}

// start runs workers that read pieces until stop is called, which waits for
// them. The end of ctx ends them, too.
func (s *schedule) start(ctx context.Context, workers int, read func(*piece)) (stop func()) {
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for p := s.take(nil); p != nil; p = s.take(p) {
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

// halt tells everybody to give up early.
func (s *schedule) halt() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped.Store(true)
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

// take gets a worker's last piece, nil at first, and waits for its next one;
// nil ends the worker.
func (s *schedule) take(last *piece) *piece {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last != nil {
		s.finish(last)
	}
	for !s.stopped.Load() {
		if p := s.next(); p != nil {
			p.state = running
			s.wakeWorker()
			return p
		}
		s.wakeConsumer(0)
		s.idle++
		s.work.Wait()
		s.idle--
	}
	return nil
}

// next is the piece that a worker may read, if any. It passes those that
// workers have in hand, of which there are no more than workers.
func (s *schedule) next() *piece {
	p := s.first
	for p != nil && p.state == running {
		p = p.next
	}
	if p != nil && s.ahead >= s.max && p != s.wanted {
		return nil
	}
	return p
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
	s.wakeWorker()
}

// finish takes a piece that was read out of the list and puts its
// subdirectories in its place.
func (s *schedule) finish(p *piece) {
	last := p
	for i, left := 0, p.subdirs; left > 0; i++ {
		if n := p.children[i].node; n != nil {
			s.insertAfter(last, &n.head)
			last = &n.head
			left--
		}
	}
	s.remove(p)
	p.state = done
	s.ahead += len(p.children)
	s.wakeConsumer(s.batch)
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

// wakeConsumer wakes a consumer that can go on, if it is worth that.
func (s *schedule) wakeConsumer(enough int) {
	if s.wanted != nil && s.wanted.state == done && s.ahead >= enough {
		s.news.Signal()
	}
}

// wakeWorker wakes one worker if there is something for it; that one wakes
// the next.
func (s *schedule) wakeWorker() {
	if s.idle > 0 && s.next() != nil {
		s.work.Signal()
	}
}

// await waits until p is done, or the walk is stopped. Used are the entries
// that the consumer has yielded since its last call.
func (s *schedule) await(p *piece, used int) (ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead -= used
	waiting := p.state != done
	if waiting {
		s.wanted = p
	}
	if waiting || s.ahead <= s.max/2 {
		s.wakeWorker()
	}
	for p.state != done && !s.stopped.Load() {
		s.news.Wait()
	}
	s.wanted = nil
	return p.state == done
}
