// Package pool is a worker pool with a bounded queue whose tasks may fail, on
// top of gammazero/workerpool, whose queue has no bound.
//
// It must never drop a task silently: after the first error nothing more is
// accepted, and that error is returned.
package pool

import (
	"sync"

	"github.com/gammazero/workerpool"
)

// Pool runs tasks by a fixed number of workers. It is used by one goroutine.
type Pool struct {
	workers *workerpool.WorkerPool
	slots   chan struct{}
	mu      sync.Mutex
	err     error
}

// queuePerWorker is how many tasks may wait for each worker.
const queuePerWorker = 4

// New starts a pool; less than one worker means one. It must be ended by
// Wait.
func New(workers int) *Pool {
	workers = max(workers, 1)
	return &Pool{workers: workerpool.New(workers), slots: make(chan struct{}, workers*(1+queuePerWorker))}
}

// Submit queues a task, waiting while too many are queued, and returns the
// first error of an earlier one; after an error nothing more is queued.
func (p *Pool) Submit(task func() error) error {
	if err := p.failed(); err != nil {
		return err
	}
	p.slots <- struct{}{}
	p.workers.Submit(func() {
		defer func() { <-p.slots }()
		if err := task(); err != nil {
			p.mu.Lock()
			if p.err == nil {
				p.err = err
			}
			p.mu.Unlock()
		}
	})
	return nil
}

func (p *Pool) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Wait ends the pool when all queued tasks are done and returns the first
// error.
func (p *Pool) Wait() error {
	p.workers.StopWait()
	return p.failed()
}
