package plan

import (
	"context"
	"io"
	"slices"
)

const (
	// visitsTogether is how many visits are handed on at once, at most.
	visitsTogether = 256
	// visitBatches is how many batches of visits there are.
	visitBatches = 4
)

// visit is a call of one of a Visitor's functions that is due.
type visit struct {
	line  int          // of the plan
	call  func() error // nil: that of Entry, with
	entry Entry
}

// ahead hands visits from the goroutine that decodes a plan to the one that
// reads it: its Visitor has enough to do, and often nothing else can be done
// before a plan is known to be right. It lives no longer than Read.
type ahead struct {
	ctx         context.Context // done when nobody wants more
	in          io.Reader
	full, empty chan []visit // all batches have room in either
	batch       []visit      // that is being filled
	err         error        // why decoding ended; set when full is closed
}

func newAhead(ctx context.Context, in io.Reader) ahead {
	a := ahead{ctx: ctx, in: in, full: make(chan []visit, visitBatches), empty: make(chan []visit, visitBatches)}
	for range visitBatches - 1 { // and the one that is being filled
		a.empty <- nil
	}
	return a
}

// Read implements io.Reader for who decodes. What is due waits for no more of
// the plan: that may take long, and a batch is never of more than is in memory.
func (a *ahead) Read(p []byte) (int, error) {
	if err := a.handOn(); err != nil {
		return 0, err
	}
	return a.in.Read(p)
}

// handOn hands on what is due, unless nobody wants more.
func (a *ahead) handOn() error {
	if len(a.batch) > 0 {
		a.full <- a.batch
		a.batch = nil
		select {
		case a.batch = <-a.empty:
		case <-a.ctx.Done():
		}
	}
	return a.ctx.Err()
}

// slot returns the visit behind the last one, which due then takes.
func (a *ahead) slot() *visit {
	n := len(a.batch)
	a.batch = slices.Grow(a.batch, 1)
	return &a.batch[:n+1][n]
}

// decode decodes the whole plan, or until nobody wants more.
func (r *reader) decode() {
	a := &r.ahead
	defer close(a.full)
	if err := r.document(); err != nil {
		a.err = located(err, r.in.Line())
	}
	if len(a.batch) > 0 {
		a.full <- a.batch
	}
}

// due adds a visit that is about where the plan is being decoded. One without
// a call is of the entry in its slot.
func (r *reader) due(call func() error) error {
	a := &r.ahead
	v := a.slot()
	v.line, v.call = r.in.Line(), call
	a.batch = a.batch[:len(a.batch)+1]
	if len(a.batch) < visitsTogether {
		return nil
	}
	return a.handOn()
}

// visits makes the calls that are due, until decoding has ended.
func (r *reader) visits(ctx context.Context) error {
	for batch := range r.ahead.full {
		if err := ctx.Err(); err != nil {
			return err
		}
		for i := range batch {
			v := &batch[i]
			if err := r.visit(v); err != nil {
				return located(err, v.line)
			}
		}
		r.ahead.empty <- batch[:0]
	}
	return r.ahead.err
}

func (r *reader) visit(v *visit) error {
	if v.call != nil {
		return v.call()
	}
	return r.v.Entry(&v.entry)
}

// end lets decoding end, and waits until it has.
func (a *ahead) end(stop func()) {
	stop()
	for range a.full {
		continue
	}
}
