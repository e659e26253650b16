package execute

import (
	"sync"

	"phlb/internal/catalog"
	"phlb/internal/digest"
)

// collector puts the catalogue lines of batches, which finish in any order,
// back into the plan's order.
type collector struct {
	mu      sync.Mutex
	w       *catalog.Writer
	next    int64
	waiting map[int64]chunk
	free    chan struct{} // a slot for each batch under way or waiting
	spare   lists[byte]   // lines that have been written
	err     error
	news    lookupNews
}

type chunk struct {
	lines   []byte
	entries int
}

// maxBatches bounds the batches that are under way or done but not yet
// written, and with them memory: one long copy must not let the others run
// ahead without end.
const maxBatches = 1024

func newCollector(w *catalog.Writer) *collector {
	return &collector{
		w: w, waiting: map[int64]chunk{}, free: make(chan struct{}, maxBatches),
		news: lookupNews{again: map[digest.Sum]lookupCare{}, complete: true},
	}
}

func (c *collector) add(seq int64, lines []byte, entries int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waiting[seq] = chunk{lines, entries}
	for {
		ch, ok := c.waiting[c.next]
		if !ok {
			return c.err
		}
		delete(c.waiting, c.next)
		c.next++
		if c.err == nil && ch.entries > 0 {
			c.err = c.w.WriteLines(ch.lines, ch.entries)
		}
		c.spare.reuse(ch.lines)
		<-c.free
	}
}

// close ends the catalogue, also of a run that failed: the compressor writes in
// goroutines of its own, which must not outlive the file.
func (c *collector) close(t catalog.Trailer) error {
	if c.w == nil {
		return nil
	}
	w := c.w
	c.w = nil
	return w.Close(t)
}

// lineSize is how long most lines are, at most.
const lineSize = 384

// stored notes contents that may lack a lookup entry.
func (c *collector) stored(contents []content) {
	if len(contents) == 0 {
		return
	}
	c.mu.Lock()
	c.news.add(contents)
	c.mu.Unlock()
}

func (c *collector) lookAgain(sum digest.Sum, care lookupCare) {
	c.mu.Lock()
	c.news.lookAgain(sum, care)
	c.mu.Unlock()
}
