package execute

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"phlb/internal/fsys"
	"phlb/internal/snapshot"
)

const (
	// checkpointBytes and checkpointFiles are how much may be copied before a
	// checkpoint is due ahead of its time.
	checkpointBytes = 256 << 20
	checkpointFiles = 32 << 10
	// checkpointShare bounds the time that goes into checkpoints: one starts
	// no sooner than this many times what the last one took after its end.
	checkpointShare = 2
	// maxPending bounds the files that wait for a checkpoint, and with them
	// memory: workers then wait, too.
	maxPending = 128 << 10
	// recordFiles is how many entries are encoded at once.
	recordFiles = 2 << 10
)

// checkpointer makes finished copies durable now and then and only then
// vouches for them in the journal, so that an interrupted run's work serves
// the next one: what a power loss could have taken is never vouched for.
//
// What it has written out need not wait for the last sync, for which no worker
// has anything to do: that is why checkpoints come early and often.
type checkpointer struct {
	staging *snapshot.Staging
	every   time.Duration
	now     func() time.Time

	mu      sync.Mutex
	done    sync.Cond // a checkpoint is
	pending []snapshot.JournalEntry
	bytes   int64
	last    time.Time     // the end of the last one
	took    time.Duration // by the last one
	busy    bool
	err     error
	idle    sync.WaitGroup
}

func newCheckpointer(s *snapshot.Staging, every time.Duration, now func() time.Time) *checkpointer {
	c := &checkpointer{staging: s, every: every, now: now, last: now()}
	c.done.L = &c.mu
	return c
}

// add notes a finished file for the next checkpoint, and starts that when it
// is due. It returns the error of an earlier one: what cannot be made durable
// need not be copied to its end.
func (c *checkpointer) add(e snapshot.JournalEntry) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for c.busy && len(c.pending) >= maxPending {
		c.done.Wait()
	}
	c.pending = append(c.pending, e)
	c.bytes += e.Size
	if c.busy || c.err != nil || !c.due() {
		return c.err
	}
	c.busy = true
	entries := c.take()
	c.idle.Go(func() {
		start := c.now()
		err := c.write(entries)
		c.mu.Lock()
		c.busy, c.err, c.last = false, err, c.now()
		c.took = c.last.Sub(start)
		c.done.Broadcast()
		c.mu.Unlock()
	})
	return nil
}

func (c *checkpointer) due() bool {
	since := c.now().Sub(c.last)
	return len(c.pending) >= maxPending || since >= checkpointShare*c.took &&
		(c.bytes >= checkpointBytes || len(c.pending) >= checkpointFiles || since >= c.every)
}

func (c *checkpointer) take() []snapshot.JournalEntry {
	entries := c.pending
	c.pending, c.bytes = nil, 0
	return entries
}

func (c *checkpointer) write(entries []snapshot.JournalEntry) error {
	if len(entries) == 0 {
		return nil
	}
	entries, err := c.sync(entries)
	if err != nil {
		return fmt.Errorf("make what was copied durable: %w", err)
	}
	for part := range slices.Chunk(entries, recordFiles) {
		if err := c.staging.Record(part); err != nil {
			return err
		}
	}
	return nil
}

// sync makes the entries' files durable, all at once where the system can.
func (c *checkpointer) sync(entries []snapshot.JournalEntry) ([]snapshot.JournalEntry, error) {
	err := c.staging.Tree().SyncFS()
	if fsys.ClassOf(err) == fsys.ClassUnsupported {
		return syncFiles(c.staging.Tree(), entries)
	}
	return entries, err
}

// finish waits for a checkpoint under way and, after an interrupted run,
// makes one more of what is finished.
func (c *checkpointer) finish(interrupted bool) error {
	c.idle.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil || !interrupted {
		return c.err
	}
	return c.write(c.take())
}
