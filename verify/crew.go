package verify

import (
	"crypto/sha256"
	"hash"
	"sync"

	"github.com/gammazero/workerpool"

	"phlb/internal/sums"
)

const (
	// queuePerWorker is how many submitted tasks may wait for each worker.
	queuePerWorker = 4
	// bufferSize is how much is read at a time, in bytes.
	bufferSize = 256 << 10
)

// crew runs tasks on a fixed number of workers. Unlike a plain pool it takes
// more work from the tasks themselves, so that one large directory or file
// does not keep a single worker busy while the others idle.
type crew struct {
	pool  *workerpool.WorkerPool
	slots chan struct{}
	open  sync.WaitGroup
	desks sync.Pool
}

// desk is what a task has for itself until it returns. It goes from one task
// to the next, because fresh memory costs more than what is done with it.
type desk struct {
	buf    []byte
	hash   hash.Hash // SHA-256, to be reset
	parser sums.Parser
	sheet  sheet
	batch  []claim
	tally  tally
}

// clearBatch empties the batch.
func (w *desk) clearBatch() {
	clear(w.batch)
	w.batch = w.batch[:0]
}

// task is one piece of work.
type task func(w *desk)

func newCrew(workers int) *crew {
	workers = max(workers, 1)
	c := &crew{
		pool:  workerpool.New(workers),
		slots: make(chan struct{}, workers*(1+queuePerWorker)),
	}
	c.desks.New = func() any { return &desk{buf: make([]byte, bufferSize), hash: sha256.New()} }
	return c
}

// submit queues a task and waits while too many are queued. It is not for
// use within tasks: all workers could wait for each other.
func (c *crew) submit(t task) {
	c.slots <- struct{}{}
	c.queue(func(w *desk) {
		defer func() { <-c.slots }()
		t(w)
	})
}

// spawn queues a task out of another one and never waits. What is queued
// this way is bounded by what the submitted tasks hold.
func (c *crew) spawn(t task) { c.queue(t) }

func (c *crew) queue(t task) {
	c.open.Add(1)
	c.pool.Submit(func() {
		defer c.open.Done()
		w := c.desks.Get().(*desk)
		defer c.desks.Put(w)
		t(w)
	})
}

// wait returns when all tasks are done.
func (c *crew) wait() { c.open.Wait() }

// stop ends the workers once all tasks are done.
func (c *crew) stop() {
	c.wait()
	c.pool.StopWait()
}
