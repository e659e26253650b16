package execute

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/pool"
	"phlb/plan"
)

// dispatcher reads the plan and hands batches to the pool.
type dispatcher struct {
	*builder
	pool   *pool.Pool
	cancel context.CancelCauseFunc
	prev   *merge
	path   []*node // from the snapshot's top to the current directory
	batch  *batch
	seq    int64
	lost   string    // the last directory that could not be made; "": none
	above  *fsys.Dir // the directory in staging that the last one was made in
	at     *node     // of above
}

// tasks carries out all entries.
func (b *builder) tasks(ctx context.Context) error {
	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	prev, err := b.openMerge()
	if err != nil {
		return err
	}
	defer prev.close()
	d := &dispatcher{builder: b, pool: pool.New(b.run.opts.Workers), cancel: cancel, prev: prev}
	defer d.close()
	err = b.run.eachEntry(work, b.src, func(e *plan.Entry) error { return d.entry(work, e) })
	if err == nil {
		err = d.leave(work, 0)
	}
	if err != nil {
		cancel(err)
	}
	if failed := d.pool.Wait(); err == nil {
		err = failed
	}
	if cause := context.Cause(work); cause != nil {
		return cause
	}
	return err
}

func (d *dispatcher) close() {
	if d.above != nil {
		d.above.Close()
	}
}

func (d *dispatcher) entry(ctx context.Context, e *plan.Entry) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if d.lost != "" && strings.HasPrefix(e.Path, d.lost+"/") {
		d.lose(e)
		return nil
	}
	if e.Path != "." {
		if err := d.enter(ctx, dirOf(e.Path)); err != nil {
			return err
		}
	}
	if e.Action == plan.ActionMkdir {
		err := d.directory(ctx, e)
		if errors.Is(err, errLost) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return d.queue(ctx, e)
}

// errLost says that a directory could not be made, which was noted.
var errLost = errors.New("its directory could not be stored")

// lose gives up an entry of a directory that could not be made.
func (d *dispatcher) lose(e *plan.Entry) {
	if e.Action == plan.ActionSkip {
		d.tally(func(r *Report) { countFile(&r.Totals.Skip, e.Size) })
		return
	}
	d.fail(e.Path, errLost)
	d.settle(e.Path, digest.Sum{})
}

// queue adds an entry's task to the current batch.
func (d *dispatcher) queue(ctx context.Context, e *plan.Entry) error {
	if d.batch == nil {
		d.batch = &batch{node: d.path[len(d.path)-1], tasks: d.run.tasks.empty(batchSize)}
	}
	d.batch.tasks = append(d.batch.tasks, task{})
	t := &d.batch.tasks[len(d.batch.tasks)-1]
	t.Entry = *e
	d.attach(t)
	if t.Action == plan.ActionCopy {
		d.batch.bytes += t.Size
	}
	if len(d.batch.tasks) >= batchSize || d.batch.bytes >= event.LargeFile {
		return d.flush(ctx)
	}
	return nil
}

// enter leaves directories until dir is the current one.
func (d *dispatcher) enter(ctx context.Context, dir string) error {
	depth := len(d.path)
	for depth > 0 && d.path[depth-1].path != dir {
		depth--
	}
	if depth == len(d.path) {
		return nil
	}
	return d.leave(ctx, depth)
}

// leave closes the directories below depth: nothing more comes into them.
func (d *dispatcher) leave(ctx context.Context, depth int) error {
	if err := d.flush(ctx); err != nil {
		return err
	}
	for i := len(d.path) - 1; i >= depth; i-- {
		if err := d.done(ctx, d.path[i], nil); err != nil {
			return err
		}
	}
	d.path = d.path[:depth]
	return nil
}

// directory makes a directory and goes into it.
func (d *dispatcher) directory(ctx context.Context, e *plan.Entry) error {
	if err := d.flush(ctx); err != nil {
		return err
	}
	var parent *node
	if len(d.path) > 0 {
		parent = d.path[len(d.path)-1]
	}
	n := newNode(parent, e)
	if err := d.mkdir(n); err != nil {
		if parent == nil || !badName(err) {
			return fmt.Errorf("make directory %s: %w", e.Path, err)
		}
		d.fail(e.Path, err)
		d.lost = e.Path
		return errLost
	}
	n.count()
	d.path = append(d.path, n)
	return nil
}

// mkdir makes the directory in staging, with the mode that it mostly keeps and
// that lets this user work in it: nobody else gets past the top, which is
// finished last. Siblings mostly come one after the other.
func (d *dispatcher) mkdir(n *node) error {
	if n.parent == nil {
		return nil // the tree itself; OpenStaging made it
	}
	if d.at != n.parent {
		dir, err := d.tree.OpenDirAt(n.parent.stored)
		if err != nil {
			return err
		}
		d.close()
		d.above, d.at = dir, n.parent
	}
	return making(d.above, d.above.Mkdir(base(n.stored), n.attrs.Mode&0o777|0o700))
}

// attach adds what the parent's catalogue says of the file a link goes to.
func (d *dispatcher) attach(t *task) {
	if t.Action != plan.ActionLink || d.parent == nil {
		return
	}
	if !d.src.inParent(t.Target, t.Path) {
		return
	}
	rec := d.prev.find(t.Path)
	if rec == nil || rec.Stored == nil || rec.SHA256.IsZero() {
		return
	}
	t.vouched = true
	t.prev = catalogFacts{sum: rec.SHA256, stored: *rec.Stored}
}

// flush hands the current batch to the pool, and waits while too many are
// under way.
func (d *dispatcher) flush(ctx context.Context) error {
	ba := d.batch
	if ba == nil {
		return nil
	}
	d.batch = nil
	select {
	case d.out.free <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	ba.seq = d.seq
	d.seq++
	ba.node.begin()
	return d.pool.Submit(func() error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		err := d.do(ctx, ba)
		if err != nil {
			d.cancel(err)
		}
		return err
	})
}
