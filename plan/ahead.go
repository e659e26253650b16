package plan

import (
	"context"
	"io"
	"sync"

	"phlb/internal/catalog"
)

const (
	// recordsTogether is how many records are decoded before they are handed on.
	recordsTogether = 256
	// recordBatches is how many batches there are.
	recordBatches = 4
)

// aheadParent is a parent whose catalogue another goroutine decodes: all others
// wait for the one that decides about entries, so that has enough to do.
type aheadParent struct {
	*catalogParent
	full, empty chan *recordBatch // all batches have room in either
	decoding    sync.WaitGroup
	batch       *recordBatch // that records are taken from; nil: the next full one
	next        int          // in it
}

// recordBatch is some records in a row, and the error in place of the one
// behind them; io.EOF: there is none.
type recordBatch struct {
	records [recordsTogether]catalog.Record
	n       int
	err     error
}

// decodeAhead takes over p. When ctx ends, so do the records, with its error.
func decodeAhead(ctx context.Context, p *catalogParent) *aheadParent {
	a := &aheadParent{
		catalogParent: p, full: make(chan *recordBatch, recordBatches), empty: make(chan *recordBatch, recordBatches),
	}
	for range recordBatches {
		a.empty <- new(recordBatch)
	}
	a.decoding.Go(func() { a.decode(ctx) })
	return a
}

func (a *aheadParent) decode(ctx context.Context) {
	for b := range a.empty {
		b.n = 0
		if b.err = ctx.Err(); b.err == nil {
			a.fill(b)
		}
		a.full <- b
		if b.err != nil {
			return
		}
	}
}

func (a *aheadParent) fill(b *recordBatch) {
	for ; b.n < recordsTogether; b.n++ {
		err := a.reader.Next(&b.records[b.n])
		if err != nil && err != io.EOF {
			err = &damagedCatalog{a.id, err}
		}
		if b.err = err; err != nil {
			return
		}
	}
}

func (a *aheadParent) Peek() (*catalog.Record, error) {
	for {
		if a.batch == nil {
			a.batch, a.next = <-a.full, 0
		}
		b := a.batch
		switch {
		case a.next < b.n:
			return &b.records[a.next], nil
		case b.err == io.EOF:
			return nil, nil
		case b.err != nil:
			return nil, b.err
		}
		a.batch = nil
		a.empty <- b
	}
}

func (a *aheadParent) Advance() { a.next++ }

func (a *aheadParent) Close() {
	close(a.empty)
	a.decoding.Wait()
	a.catalogParent.Close()
}
