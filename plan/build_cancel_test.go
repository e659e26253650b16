//go:build unix

package plan_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"phlb/internal/event"
	"phlb/internal/snapshot"
	"phlb/plan"
)

// TestCancel cancels planning at many points, in files and between them:
// it returns promptly and leaves no goroutine and no descriptor behind.
func TestCancel(t *testing.T) {
	for _, catalogue := range []bool{true, false} {
		t.Run(fmt.Sprintf("catalogue %v", catalogue), func(t *testing.T) {
			w := newWorld(t)
			for i := range 300 {
				w.file(fmt.Sprintf("d%d/f%d", i%7, i), noise(uint64(i%50), 3000))
			}
			w.backup()
			w.sparse("huge1", tib, "same")
			w.sparse("huge2", tib, "same")
			if !catalogue {
				w.must(os.RemoveAll(w.inRoot(".phlb/catalog")))
			}
			w.opts.Rehash = true
			for after := int64(1); after < 400; after += after/8 + 1 {
				w.cancelAfter(after)
			}
		})
	}
}

// cancelAfter cancels at the nth event, or, as there are huge files to hash,
// after a while.
func (w *world) cancelAfter(events int64) {
	w.tb.Helper()
	defer goleak.VerifyNone(w.tb, goleak.IgnoreCurrent())
	before := openDescriptors(w.tb)
	ctx, cancel := context.WithCancel(w.tb.Context())
	defer cancel()
	time.AfterFunc(100*time.Millisecond, cancel)
	var seen atomic.Int64
	root, err := snapshot.Open(w.root)
	w.must(err)
	o := w.opts
	o.Now, o.NewID, o.Workers = w.now, w.id, 3
	o.Events = event.Func(func(event.Event) {
		if seen.Add(1) == events {
			cancel()
		}
	})
	start := time.Now()
	_, err = plan.Build(ctx, w.m, root, o)
	w.must(root.Close())
	if !errors.Is(err, context.Canceled) {
		w.tb.Errorf("cancelled after %d events: error %v", events, err)
	}
	if took := time.Since(start); took > 2*time.Second {
		w.tb.Errorf("cancelled after %d events: took %v", events, took)
	}
	if after := openDescriptors(w.tb); after != before {
		w.tb.Errorf("cancelled after %d events: %d descriptors, before %d", events, after, before)
	}
}

func openDescriptors(tb testing.TB) int {
	tb.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		tb.Skip("needs /proc/self/fd to count descriptors")
	}
	return len(list)
}
