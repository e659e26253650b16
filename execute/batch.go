package execute

import (
	"context"
	"fmt"
	"hash"
	"strings"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/dress"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/sums"
	"phlb/internal/vouch"
	"phlb/plan"
)

// batchSize is how many entries of one directory go to the pool at once: few
// enough to keep all workers busy, enough that the pool costs nothing.
const batchSize = 128

// task is one entry of the plan with what the parent's catalogue says of the
// file it is to be linked to.
type task struct {
	plan.Entry
	vouched bool         // prev is set
	prev    catalogFacts // of the parent's file, for links to it
}

// catalogFacts is the part of a catalogue record that linking needs.
type catalogFacts struct {
	sum    digest.Sum
	stored catalog.Stored
}

// batch is a run of entries of one directory, in the plan's order.
type batch struct {
	seq   int64
	node  *node
	tasks []task
	bytes int64 // to copy, for scheduling
}

// hands is what one worker needs while it works on a batch: descriptors
// opened on demand, and a buffer.
type hands struct {
	b     *builder
	batch *batch
	stage *fsys.Dir // the directory in staging
	src   *fsys.Dir // the same in the source
	prev  *fsys.Dir // the same in the parent snapshot
	other *fsys.Dir // the directory of another link target
	path  string    // of other
	eye   looker    // with Strict
	sums  *vouch.Sums
	hash  hash.Hash // reset for each file
	buf   []byte

	// Scratch, so that a million links need no memory each.
	to    target
	rec   catalog.Record
	inode catalog.Stored

	lines    []byte // catalogue lines of the finished tasks
	entries  int
	sumLines []sums.Line
	kept     int         // of sumLines, how many the parent has, too
	totals   plan.Totals // of the finished tasks, not yet in the report
	lost     int64       // links whose inode lacks what the destination once refused, likewise
	added    []content   // for the lookups
	linked   event.Event // about the links, not yet sent
}

func (h *hands) close() {
	h.account()
	h.eye.close()
	for _, d := range []*fsys.Dir{h.stage, h.src, h.prev, h.other} {
		if d != nil {
			d.Close()
		}
	}
	r := h.b.run
	*h = hands{buf: h.buf, sums: h.sums, hash: h.hash}
	r.hands.Put(h)
}

// account passes on what was counted: once a batch, as workers would meet
// there for each file.
func (h *hands) account() {
	if h.totals != (plan.Totals{}) {
		h.b.tally(func(r *Report) {
			r.count(&h.totals)
			r.NotKept += h.lost
		})
		h.totals, h.lost = plan.Totals{}, 0
	}
	h.b.out.stored(h.added)
	h.added = nil
	if h.linked.Files > 0 {
		h.b.events.Send(h.linked)
		h.linked = event.Event{}
	}
}

// hands returns empty ones for a batch.
func (b *builder) hands(ba *batch) *hands {
	h := b.run.hands.Get().(*hands)
	h.b, h.batch = b, ba
	h.eye = looker{src: b.src, source: b.source}
	h.sumLines = b.run.sumLines.empty(len(ba.tasks))
	h.lines = b.out.spare.empty(len(ba.tasks) * lineSize)
	return h
}

// do does a batch: the one task of the pool.
func (b *builder) do(ctx context.Context, ba *batch) error {
	defer func() {
		clear(ba.tasks) // what they point to need not stay in memory
		b.run.tasks.reuse(ba.tasks)
	}()
	h := b.hands(ba)
	defer h.close()
	var err error
	if h.stage, err = b.tree.OpenDirAt(ba.node.stored); err != nil {
		return fmt.Errorf("open directory %s: %w", ba.node.path, err)
	}
	for i := range ba.tasks {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := h.do(ctx, &ba.tasks[i]); err != nil {
			return err
		}
	}
	b.run.sumLines.reuse(ba.node.add(h.sumLines, h.kept))
	h.sumLines = nil
	h.account()
	lines := h.lines
	h.lines = nil // the collector gives them back
	if err := b.out.add(ba.seq, lines, h.entries); err != nil {
		return err
	}
	return b.done(ctx, ba.node, h)
}

func (h *hands) do(ctx context.Context, t *task) error {
	if h.b.strict && t.Action != plan.ActionCopy { // copying compares anyhow
		if err := h.same(ctx, t); err != nil {
			return err
		}
	}
	switch t.Action {
	case plan.ActionMkdir:
		h.record(&catalog.Record{
			Path: t.Path, Kind: meta.Dir, Mode: t.Mode, UID: t.UID, GID: t.GID, Mtime: t.Mtime, Xattrs: t.Xattrs,
		})
		h.totals.Mkdir++
		return nil
	case plan.ActionSymlink:
		return h.symlink(t)
	case plan.ActionCopy:
		return h.copy(ctx, t)
	case plan.ActionLink:
		return h.link(ctx, t)
	}
	countFile(&h.totals.Skip, t.Size)
	return nil
}

func countFile(c *plan.Count, size int64) {
	c.Files++
	c.Bytes += size
}

// name is what the task's path is called in the snapshot's directory.
func (t *task) name() string { return sums.StoredName(base(t.Path)) }

// base and dirOf are path.Base and path.Dir for paths that were checked.
func base(p string) string { return p[strings.LastIndexByte(p, '/')+1:] }

func dirOf(p string) string {
	if i := strings.LastIndexByte(p, '/'); i >= 0 {
		return p[:i]
	}
	return "."
}

func (h *hands) record(r *catalog.Record) {
	h.lines = catalog.Append(h.lines, r)
	h.entries++
}

func (h *hands) symlink(t *task) error {
	name := t.name()
	if err := making(h.stage, h.stage.Symlink(t.Target, name)); err != nil {
		switch fsys.ClassOf(err) {
		case fsys.ClassPermission, fsys.ClassUnsupported: // it cannot hold symbolic links
			h.b.fail(t.Path, err)
			return nil
		}
		return h.b.destination(t.Path, err)
	}
	d := h.b.dresser()
	link := dress.Link{Dir: h.stage, Name: name}
	d.owner(link, t.UID, t.GID)
	d.Xattrs(link, t.Xattrs)
	d.Try(h.stage.LsetMtime(name, t.Mtime))
	st, err := h.stage.Lstat(name)
	d.Try(err)
	d.compare(&st, &meta.Info{UID: t.UID, GID: t.GID, Mtime: t.Mtime})
	if err := d.done(); err != nil {
		return fmt.Errorf("store %s: %w", t.Path, err)
	}
	h.record(&catalog.Record{
		Path: t.Path, Kind: meta.Symlink, Target: t.Target, UID: t.UID, GID: t.GID, Mtime: t.Mtime, Xattrs: t.Xattrs,
	})
	h.totals.Symlink++
	return nil
}

// stored notes a file that now lies in the snapshot: its SHA256SUMS line,
// its catalogue record, and progress.
func (h *hands) stored(t *task, r *catalog.Record) {
	r.Path, r.Kind, r.Hardlink = t.Path, meta.File, t.Hardlink
	h.record(r)
	h.sumLines = append(h.sumLines, sums.Line{Name: t.name(), Sum: r.SHA256})
}

// scratch returns the memory that files are copied through, for something else
// while none is; nil without a worker.
func (h *hands) scratch() []byte {
	if h == nil {
		return nil
	}
	return h.buf
}

// source opens the batch's directory in the source.
func (h *hands) source() (*fsys.Dir, error) {
	var err error
	if h.src == nil {
		h.src, err = h.b.source.OpenDirAt(h.batch.node.path)
	}
	return h.src, err
}
