package pool

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRunsEveryTask(t *testing.T) {
	p := New(3)
	var n atomic.Int64
	for range 1000 {
		if err := p.Submit(func() error { n.Add(1); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	if n.Load() != 1000 {
		t.Errorf("ran %d tasks, want 1000", n.Load())
	}
}

func TestQueueIsBounded(t *testing.T) {
	p := New(1)
	release := make(chan struct{})
	var queued atomic.Int64
	all := make(chan struct{})
	go func() {
		defer close(all)
		for range 20 {
			_ = p.Submit(func() error { <-release; return nil })
			queued.Add(1)
		}
	}()
	time.Sleep(50 * time.Millisecond)
	if n := queued.Load(); n != 1+queuePerWorker {
		t.Errorf("one busy worker has %d tasks, want %d", n, 1+queuePerWorker)
	}
	close(release)
	<-all
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestFirstErrorStops(t *testing.T) {
	p := New(1)
	boom := errors.New("boom")
	done := make(chan struct{})
	if err := p.Submit(func() error { defer close(done); return boom }); err != nil {
		t.Fatal(err)
	}
	<-done
	for p.failed() == nil {
	}
	if err := p.Submit(func() error { t.Error("ran after an error"); return nil }); !errors.Is(err, boom) {
		t.Errorf("Submit: %v, want %v", err, boom)
	}
	if err := p.Wait(); !errors.Is(err, boom) {
		t.Errorf("Wait: %v, want %v", err, boom)
	}
}
