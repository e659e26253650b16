package verify

import (
	"sync"

	"github.com/gammazero/workerpool"
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
	pool    *workerpool.WorkerPool
	slots   chan struct{}
	open    sync.WaitGroup
	buffers sync.Pool
}

// task is one piece of work; the buffer is the worker's until it returns.
type task func(buf []byte)

func newCrew(workers int) *crew {
	workers = max(workers, 1)
	c := &crew{
		pool:  workerpool.New(workers),
		slots: make(chan struct{}, workers*(1+queuePerWorker)),
	}
	c.buffers.New = func() any { b := make([]byte, bufferSize); return &b }
	return c
}

// submit queues a task and waits while too many are queued. It is not for
// use within tasks: all workers could wait for each other.
func (c *crew) submit(t task) {
	c.slots <- struct{}{}
	c.queue(func(buf []byte) {
		defer func() { <-c.slots }()
		t(buf)
	})
}

// spawn queues a task out of another one and never waits. What is queued
// this way is bounded by what the submitted tasks hold.
func (c *crew) spawn(t task) { c.queue(t) }

func (c *crew) queue(t task) {
	c.open.Add(1)
	c.pool.Submit(func() {
		defer c.open.Done()
		buf := c.buffers.Get().(*[]byte)
		defer c.buffers.Put(buf)
		t(*buf)
	})
}

// wait returns when all tasks are done.
func (c *crew) wait() { c.open.Wait() }

// stop ends the workers once all tasks are done.
func (c *crew) stop() {
	c.wait()
	c.pool.StopWait()
}
