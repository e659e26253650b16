package execute

import (
	"context"
	"strings"
	"sync"

	"phlb/internal/digest"
)

// promises tell links to files of the same plan when these are stored, and
// with what content. They are found by stored path (name/time/…).
type promises map[string]*promise

// promise is about one file that later links of the plan point to.
type promise struct {
	once sync.Once
	done chan struct{}
	sum  digest.Sum // of what was stored; zero after done: it was not stored
}

func newPromises(targets map[string]bool) promises {
	p := make(promises, len(targets))
	for stored := range targets {
		p[stored] = &promise{done: make(chan struct{})}
	}
	return p
}

// settle fulfils the promise of a stored path, if there is one; with the zero
// Sum it says that the file was not stored. What was said first counts.
func (p promises) settle(stored string, sum digest.Sum) {
	if p := p[stored]; p != nil {
		p.once.Do(func() {
			p.sum = sum
			close(p.done)
		})
	}
}

// breakAll says of every file of a snapshot that nothing was said of before
// that it was not stored, so that nobody waits for it.
func (p promises) breakAll(snapshotID string) {
	for stored := range p {
		if strings.HasPrefix(stored, snapshotID+"/") {
			p.settle(stored, digest.Sum{})
		}
	}
}

// wait returns the content's hash once the file is stored; want is the hash
// that was planned, if one was. Batches start in the plan's order and a target
// always stands before its links, so the batch waited for has started and
// cannot wait for this one.
func (p *promise) wait(ctx context.Context, want digest.Sum) (digest.Sum, error) {
	select {
	case <-p.done:
	case <-ctx.Done():
		return digest.Sum{}, ctx.Err()
	}
	if p.sum.IsZero() {
		return digest.Sum{}, unfit("it could not be stored")
	}
	if !want.IsZero() && p.sum != want {
		return digest.Sum{}, unfit("its content drifted from the plan")
	}
	return p.sum, nil
}
