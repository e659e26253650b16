package report

import (
	"math"
	"time"

	"phlb/internal/event"
)

// tally counts work, done or to be done.
type tally struct {
	files, bytes             int64
	links, small, smallBytes int64 // of these, as far as they are told apart
}

func tallyOf(e event.Event) tally { return tally{e.Files, e.Bytes, e.Links, e.Small, e.SmallBytes} }

func (t *tally) add(o tally) {
	t.files += o.files
	t.bytes += o.bytes
	t.links += o.links
	t.small += o.small
	t.smallBytes += o.smallBytes
}

// The kinds of work that have a price each: one for all would make a million
// links before a large file look like hours, or hours look like minutes.
const (
	links  = iota // a file that is linked
	small         // a small file, content and all
	others        // any other file, without its content
	data          // a byte of these others' content
	kinds
)

// amounts are of each kind of work.
type amounts [kinds]float64

// pieceBytes is what costs about as much as a small file's other half: its
// opening, creating and closing.
const pieceBytes = 64 << 10

func (t tally) amounts() amounts {
	return amounts{
		links:  float64(t.links),
		small:  float64(t.small) + float64(t.smallBytes)/pieceBytes,
		others: float64(t.files - t.links - t.small),
		data:   float64(t.bytes - t.smallBytes),
	}
}

// rest is what of total is left to do. Where totals are expectations, or
// files changed their minds, more may be done of a kind than there was to do.
func rest(total, done tally) amounts {
	all, some := total.amounts(), done.amounts()
	for k := range all {
		all[k] = max(0, all[k]-some[k])
	}
	return all
}

// guesses are the prices in seconds before anything was seen, of a rather slow
// disk, so that what is guessed is not told too soon. They matter for a
// moment, and for kinds of work that there is hardly any of.
func guesses() amounts {
	return amounts{links: 100e-6, small: 1e-3, others: 1e-3, data: 1.0 / (50 << 20)}
}

const (
	// chargeEvery is how often time is charged to work.
	chargeEvery = 250 * time.Millisecond
	// guessWeight is the seconds of work that a guess weighs as much as, until
	// the price is known.
	guessWeight = 0.1
	// halfLife is after how many seconds of work of a kind what was seen of it
	// counts half: caches fill, disks get slower inwards.
	halfLife = 20.0
	// trustAfter is after how many seconds of work a kind's price is known.
	trustAfter = 1.0
	// guessShare is how much of the time left may be guessed.
	guessShare = 0.1
	// settleAfter is how long a phase runs before its time left is told.
	settleAfter = 3 * time.Second
	// stalled is after how long without any work nobody knows any more.
	stalled = 20 * time.Second
)

// estimator tells how long the rest of a phase takes, by prices that it
// learns from the phase itself: each stretch of time is charged to what was
// done in it, in proportion to what that is thought to cost, and what it is
// thought to cost follows. Whatever number of workers there is and however
// fast caches and disks are is in the prices.
type estimator struct {
	started, charged time.Time
	pending          tally   // done since charged
	spent            amounts // seconds, the latest counting most
	work             amounts // what they were spent on
	seen             amounts // seconds, all counting the same

	told    time.Duration // the time left that was told last; it goes down by itself
	toldAt  time.Time     // zero: none was
	smooth  float64       // seconds left, smoothed
	looked  time.Time     // when smooth was brought up to date
	settled bool          // smooth is set
}

func newEstimator(now time.Time) estimator { return estimator{started: now, charged: now} }

// add notes work that is done by now.
func (e *estimator) add(now time.Time, done tally) {
	e.pending.add(done)
	if now.Sub(e.charged) >= chargeEvery {
		e.charge(now)
	}
}

// charge charges the time since the last one.
func (e *estimator) charge(now time.Time) {
	seconds, did := now.Sub(e.charged).Seconds(), e.pending.amounts()
	sum := 0.0
	for k := range did {
		did[k] = max(0, did[k])
		sum += did[k] * e.price(k)
	}
	if sum <= 0 {
		return
	}
	var shares amounts // of the prices as they were before
	for k := range did {
		shares[k] = seconds * did[k] * e.price(k) / sum
	}
	for k := range did {
		fade := math.Exp2(-shares[k] / halfLife)
		e.spent[k] = e.spent[k]*fade + shares[k]
		e.work[k] = e.work[k]*fade + did[k]
		e.seen[k] += shares[k]
	}
	e.charged, e.pending = now, tally{}
}

// price is what a piece of work of a kind costs in seconds.
func (e *estimator) price(kind int) float64 {
	weight := guessWeight * (1 - e.seen[kind]/trustAfter)
	if weight <= 0 {
		return e.spent[kind] / e.work[kind]
	}
	return (e.spent[kind] + weight) / (e.work[kind] + weight/guesses()[kind])
}

// raw is the time left in seconds; ok is false while too much of it would be
// guessed.
func (e *estimator) raw(todo amounts) (seconds float64, ok bool) {
	known, guessed := 0.0, 0.0
	for k, n := range todo {
		if cost := n * e.price(k); e.seen[k] >= trustAfter {
			known += cost
		} else {
			guessed += cost
		}
	}
	return known + guessed, guessed <= guessShare*known
}

// part returns how much of the work is done, from 0 to 1, at today's prices.
func (e *estimator) part(done, total tally) float64 {
	did, todo := 0.0, 0.0
	before, after := done.amounts(), rest(total, done)
	for k := range before {
		did += max(0, before[k]) * e.price(k)
		todo += after[k] * e.price(k)
	}
	switch {
	case todo <= 0:
		return 1
	case did <= 0:
		return 0
	}
	return did / (did + todo)
}

// left returns the time left, -1 while it is not known. It is smoothed, goes
// down with the clock, and is corrected only where it got noticeably wrong.
func (e *estimator) left(now time.Time, todo amounts) time.Duration {
	seconds, ok := e.raw(todo)
	const century = 100 * 365 * 24 * 3600 // more would overflow
	if !ok || now.Sub(e.started) < settleAfter || now.Sub(e.charged) > stalled || seconds > century {
		e.settled, e.toldAt = false, time.Time{}
		return -1
	}
	e.follow(now, seconds)
	return e.tell(now)
}

// follow brings the smoothed time left up to date. A long one is smoothed
// over longer.
func (e *estimator) follow(now time.Time, seconds float64) {
	passed := now.Sub(e.looked).Seconds()
	if !e.settled {
		e.smooth, e.settled = seconds, true
	} else {
		weight := 1 - math.Exp(-passed/min(max(seconds/10, 1), 8))
		e.smooth += -passed + (seconds-(e.smooth-passed))*weight
	}
	e.looked = now
}

// tell returns what was told last, less the time since, unless that is wrong
// by more than a sixth and a second.
func (e *estimator) tell(now time.Time) time.Duration {
	left := time.Duration(max(0, e.smooth) * float64(time.Second))
	if !e.toldAt.IsZero() {
		told := max(0, e.told-now.Sub(e.toldAt))
		if (left - told).Abs() <= left/6+time.Second {
			left = told
		}
	}
	e.told, e.toldAt = left, now
	return left
}
