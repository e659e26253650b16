package verify

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"phlb/internal/event"
	"phlb/internal/snapshot"
)

// Options configure Verify.
type Options struct {
	// Snapshots are those to check; nil: all.
	Snapshots []snapshot.ID
	// SamplePercent is the share of the inodes whose content is read; 0 and
	// 100 stand for all. What is missing or unlisted is found in any case.
	SamplePercent float64
	// Seed chooses the sample: the same one for the same seed.
	Seed uint64
	// MaxDuration ends the check early; 0: no limit.
	MaxDuration time.Duration
	// Workers read at the same time; below 1 means 1.
	Workers int
	// Now is the clock, which many goroutines ask; nil: the system's.
	Now func() time.Time
	// Events may be nil.
	Events event.Sink
}

// Result is what Verify found.
type Result struct {
	Snapshots   int64 `json:"snapshots"`
	Directories int64 `json:"directories"`
	// Files counts paths of regular files whose content was compared with
	// what is on record, Inodes the different files behind them that were
	// read, and Bytes what was read of these.
	Files  int64 `json:"files"`
	Inodes int64 `json:"inodes"`
	Bytes  int64 `json:"bytes"`
	// NotSampled counts paths that were left out of the sample.
	NotSampled int64 `json:"not_sampled"`
	// Incomplete says that the time was up before everything was checked.
	Incomplete bool `json:"incomplete"`
	// Findings are sorted by snapshot and path. At most 100,000 are kept;
	// the others are counted only.
	Findings        []Finding     `json:"findings"`
	FindingsOmitted int64         `json:"findings_omitted"`
	Duration        time.Duration `json:"duration_ns"`
}

// Damaged reports whether anything is wrong with a snapshot. Catalogues that
// cannot be used are findings, but no damage; findings that were omitted
// count as damage.
func (r *Result) Damaged() bool { return r.Damages() > 0 }

// Damages counts the findings that are damage.
func (r *Result) Damages() int64 {
	n := r.FindingsOmitted
	for i := range r.Findings {
		if r.Findings[i].IsDamage() {
			n++
		}
	}
	return n
}

// Verify checks every file of the snapshots against its SHA256SUMS and its
// catalogue, each inode once, however many names it has. It reads only. What
// is wrong with a path is a finding; errors are a root that cannot be listed,
// a chosen snapshot that is not there, and the context's end, with which the
// result so far is returned.
func Verify(ctx context.Context, root *snapshot.Root, o Options) (*Result, error) {
	o.setDefaults()
	ids, err := snapshots(ctx, root, o.Snapshots)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	start := o.Now()
	j := newJudge(root, o.Workers, event.Verify, o.Events)
	j.sample = newSample(o.SamplePercent, o.Seed)
	if o.MaxDuration > 0 {
		deadline := start.Add(o.MaxDuration)
		j.expired = func() bool { return !o.Now().Before(deadline) }
	}
	missing := j.run(ctx, ids, func(id snapshot.ID, err error) {
		j.findings.add(badCatalog(id, err))
	})
	if o.Snapshots != nil && missing != nil {
		return nil, fmt.Errorf("verify: %w", missing)
	}
	r := j.result()
	r.Duration = o.Now().Sub(start)
	return r, ctx.Err()
}

// badCatalog is the finding about a catalogue that cannot be used.
func badCatalog(id snapshot.ID, err error) Finding {
	return Finding{Kind: Catalog, Snapshot: id.String(), Path: ".", Detail: "its catalogue cannot be used: " + cause(err)}
}

func (o *Options) setDefaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Events == nil {
		o.Events = event.Discard
	}
}

func newJudge(root *snapshot.Root, workers int, phase event.Phase, events event.Sink) *judge {
	return &judge{
		root:     root,
		crew:     newCrew(workers),
		inodes:   newInodeTable(),
		findings: newCollector((*Finding).Compare),
		sample:   newSample(0, 0),
		events:   events,
		phase:    phase,
		remember: math.MaxInt64,

		memoLimit: memoLimit,
		expired:   func() bool { return false },
	}
}

// run judges the snapshots one after the other and waits for the crew. It
// returns the first error of opening one, each of which is a finding.
func (j *judge) run(ctx context.Context, ids []snapshot.ID, onBadCatalog func(snapshot.ID, error)) (first error) {
	j.events.Send(j.expectation(ids))
	defer j.crew.stop()
	for o := range j.ahead(ctx, ids) {
		if j.stopped(ctx) {
			break
		}
		err := j.snapshot(ctx, o)
		if err != nil && err != errHalted {
			j.findings.add(Finding{Kind: Unreadable, Snapshot: o.id.String(), Path: ".", Detail: cause(err)})
			if first == nil {
				first = err
			}
		}
		if o.catalogErr != nil {
			onBadCatalog(o.id, o.catalogErr)
		}
	}
	return first
}

// ahead opens the snapshots one after the other, each while the one before is
// walked, and closes them.
func (j *judge) ahead(ctx context.Context, ids []snapshot.ID) iter.Seq[*opened] {
	return func(yield func(*opened) bool) {
		if len(ids) == 0 {
			return
		}
		spare := newMemo(j.memoLimit)
		next := j.openAhead(ctx, ids[0], newMemo(j.memoLimit))
		for i := range ids {
			o := <-next
			next = nil
			if i+1 < len(ids) {
				next = j.openAhead(ctx, ids[i+1], spare)
			}
			goOn := yield(o)
			spare = o.memo
			o.close()
			if !goOn {
				break
			}
		}
		if next != nil {
			(<-next).close()
		}
	}
}

// expectation opens the phase with what the snapshots' reports say is in
// them. Each inode is read once: those that a snapshot has linked to a parent
// that is looked at as well, or to a file of its own, are read there.
func (j *judge) expectation(ids []snapshot.ID) event.Event {
	start := event.Event{Kind: event.Start, Phase: j.phase}
	all := start
	for _, id := range ids {
		t, ok := j.root.Totals(id)
		if !ok {
			return start // there is nothing to go by
		}
		all.Files += t.Copy.Files + t.Link.Files
		all.Bytes += t.Copy.Bytes
		if parent, err := snapshot.ParseID(t.Parent); err == nil && !slices.Contains(ids, parent) {
			all.Bytes += t.Link.Bytes
		} else {
			all.Links += t.Link.Files
		}
	}
	all.Expected = true
	share := j.sample.share()
	for _, n := range []*int64{&all.Files, &all.Bytes, &all.Links} {
		*n = int64(float64(*n) * share)
	}
	return all
}

// result gathers what was found once the crew has stopped.
func (j *judge) result() *Result {
	j.events.Send(event.Event{Kind: event.End, Phase: j.phase})
	j.nameAccomplices()
	r := &Result{
		Snapshots: j.snapshots, Directories: j.directories.Load(), Files: j.files.Load(),
		Inodes: j.hashed.Load(), Bytes: j.bytes.Load(), NotSampled: j.notSampled.Load(),
		Incomplete: j.halted.Load(),
	}
	r.Findings, r.FindingsOmitted = j.findings.sorted()
	return r
}

// nameAccomplices adds findings for paths that have no hash on record, but
// share an inode that another path proves damaged.
func (j *judge) nameAccomplices() {
	kept, _ := j.findings.sorted()
	for i := range kept {
		f := kept[i]
		if f.Kind != Unlisted {
			continue
		}
		if sum, state := j.inodes.get(f.key); state&isBad != 0 && state&isHashed != 0 {
			f.Kind, f.Actual, f.Detail = Changed, sum, "another path of the same inode proves it"
			j.findings.add(f)
		}
	}
}
