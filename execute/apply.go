package execute

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"phlb/internal/fsys"
	"phlb/internal/lookup"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
	"phlb/internal/vouch"
)

// runner carries out one plan.
type runner struct {
	opts     Options
	plan     *checked
	file     PlanFile
	root     *snapshot.Root
	lookups  *lookup.DB
	buffers  sync.Pool
	tasks    lists[task]
	sumLines lists[sums.Line]
	hands    sync.Pool // of *hands, empty
	sums     sync.Pool // of *vouch.Sums: parsing a large SHA256SUMS for each batch would be quadratic
	promises promises
}

// bufferSize is what one worker reads and writes at a time: large enough that
// system calls do not count, small enough for the processor's caches.
const bufferSize = 256 << 10

// Apply carries out a saved plan. The Result is also returned with an error,
// for what was published before it.
//
// Errors wrap ErrRefused, ErrGuard, *DriftError, *snapshot.LockedError or the
// context's error where these are the cause. An error after a snapshot was
// published says so; the same plan again then finishes the rest.
func Apply(ctx context.Context, f PlanFile, o Options) (*Result, error) {
	o = o.withDefaults()
	c, err := check(ctx, f, o.ExpectSHA256, o.PlanMemory)
	if err != nil {
		return nil, err
	}
	if err := c.applyable(); err != nil {
		return nil, c.of(err)
	}
	r := &runner{opts: o, plan: c, file: f, promises: newPromises(c.inPlan)}
	r.buffers.New = func() any { b := make([]byte, bufferSize); return &b }
	res, err := r.apply(ctx)
	return res, c.of(besides(res, err))
}

// apply looks at everything twice: before the lock, so that a refusal leaves
// no trace, not even a lock file, and again under the lock, where it counts.
func (r *runner) apply(ctx context.Context) (*Result, error) {
	if err := r.open(ctx); err != nil {
		return nil, err
	}
	defer r.root.Close()
	if !r.plan.stores() && r.plan.prunes() == 0 {
		return r.nothing(), nil
	}
	lock, err := r.root.Lock(ctx, fsys.Exclusive, snapshot.LockOptions{Wait: r.opts.LockWait, Holder: r.opts.Holder})
	if err != nil {
		return nil, err
	}
	defer lock.Release()
	return r.locked(ctx)
}

// nothing is the result of a plan that makes no snapshot: nothing has changed.
func (r *runner) nothing() *Result {
	res := &Result{PlanID: r.plan.header.PlanID}
	for _, src := range r.plan.sources {
		rep := r.newReport(src)
		rep.End = rep.Start
		res.Reports = append(res.Reports, rep)
	}
	return res
}

// locked is the run under the root's lock.
func (r *runner) locked(ctx context.Context) (*Result, error) {
	if err := r.admit(ctx); err != nil {
		return nil, err
	}
	if res, err := r.lookFirst(ctx); err != nil {
		return res, err
	}
	resumed, err := r.begin()
	if err != nil {
		return nil, err
	}
	db, err := lookup.Open(r.root.Dir())
	if err != nil {
		return nil, err
	}
	defer db.Close()
	r.lookups = db
	r.sums.New = func() any { return vouch.NewSums(r.root) }
	r.hands.New = func() any {
		return &hands{buf: r.buffer(), sums: r.sums.Get().(*vouch.Sums), hash: sha256.New()}
	}
	res := &Result{PlanID: r.plan.header.PlanID}
	for _, src := range r.plan.sources {
		rep, err := r.applySource(ctx, src)
		res.Reports = append(res.Reports, rep)
		if err != nil {
			return res, err
		}
	}
	if err := r.prune(ctx, res, resumed); err != nil || res.Unfinished {
		return res, err
	}
	if err := r.root.EndRun(r.plan.header.PlanID); err != nil {
		return res, fmt.Errorf("everything is published and done, only marking the plan as applied failed: %w", err)
	}
	return res, nil
}

// begin marks the plan as begun before it makes the root one of phlb's: the
// mark is how an interrupted run of it tells its own new root from another's.
//
// A plan that only prunes does without where the disk is full: it is to make
// room, and can be planned anew if it is interrupted.
func (r *runner) begin() (resumed bool, err error) {
	if resumed, err = r.root.BeginRun(r.plan.run()); err == nil {
		err = r.initialize()
	}
	if fsys.ClassOf(err) == fsys.ClassFull && !r.plan.stores() {
		err = nil
	}
	return resumed, err
}

func (r *runner) initialize() error {
	_, exists, err := r.root.State()
	if err == nil && !exists {
		_, err = r.root.Initialize(r.opts.NewID)
	}
	if err != nil {
		return err
	}
	return r.root.PrepareTrash()
}

// open opens the destination, and makes it first if the plan says so.
func (r *runner) open(ctx context.Context) error {
	d := r.plan.header.Destination
	var err error
	r.root, err = snapshot.Open(d.Path, r.opts.fsys()...)
	if err == nil {
		if err = r.admit(ctx); err != nil {
			r.root.Close()
		}
		return err
	}
	if !errors.Is(err, fs.ErrNotExist) || !d.Create || d.ID != nil {
		return &DestinationError{Path: d.Path, err: err}
	}
	return r.create(d.Path)
}

// create makes the destination for a plan that begins a new root there.
func (r *runner) create(path string) error {
	if err := r.plan.rootless(); err != nil {
		return err
	}
	if err := r.plan.guardDestination(nil); err != nil {
		return err
	}
	near, missing, err := nearest(path, r.opts.fsys())
	if err != nil {
		return fmt.Errorf("create destination: %w", err)
	}
	defer near.Close()
	if err := r.guards(near, false); err != nil {
		return err
	}
	if err := makeRoot(near, missing); err != nil {
		return fmt.Errorf("create destination: %w", err)
	}
	if r.root, err = snapshot.Open(path, r.opts.fsys()...); err != nil {
		return fmt.Errorf("open destination: %w", err)
	}
	return nil
}

func (r *runner) applySource(ctx context.Context, src *checkedSource) (*Report, error) {
	if src.published {
		return r.resume(ctx, src)
	}
	rep := r.newReport(src)
	if src.Snapshot == "" {
		rep.End = rep.Start
		return rep, nil
	}
	err := r.build(ctx, src, rep)
	rep.End = r.opts.Now().UTC()
	if err != nil {
		rep.Error = ending(err)
		if rep.Snapshot == nil {
			rep.Status = StatusFailed
		}
	}
	return rep, err
}

func (r *runner) buffer() []byte     { return *r.buffers.Get().(*[]byte) }
func (r *runner) recycle(buf []byte) { r.buffers.Put(&buf) }
