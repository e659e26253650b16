package verify

import (
	"context"
	"errors"
	"sync/atomic"

	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
)

// judge walks snapshots and checks every path in them. One goroutine walks,
// the crew checks directory by directory.
type judge struct {
	root     *snapshot.Root
	crew     *crew
	inodes   *inodeTable
	findings *collector[Finding]
	sample   sample
	events   event.Sink
	phase    event.Phase
	// remember is the size in bytes from which inodes with a single name are
	// kept in the table, too.
	remember int64
	// gaps, if not nil, takes the files without a line in place of findings.
	gaps *gaps
	// expired reports that the time is up.
	expired func() bool
	lists   lists
	// memoLimit is how much of a catalogue is kept in memory, in bytes.
	memoLimit int

	halted      atomic.Bool // the time was up, or the context ended
	snapshots   int64
	directories atomic.Int64
	files       atomic.Int64
	notSampled  atomic.Int64
	hashed      atomic.Int64 // inodes
	bytes       atomic.Int64
}

// errHalted ends a walk early without being a failure of its own.
var errHalted = errors.New("halted")

// stopped reports whether no more work is to be begun.
func (j *judge) stopped(ctx context.Context) bool {
	if j.halted.Load() {
		return true
	}
	if ctx.Err() == nil && !j.expired() {
		return false
	}
	j.halted.Store(true)
	return true
}

// opened is a snapshot that can be walked.
type opened struct {
	id      snapshot.ID
	tree    *tree
	records *cursor // at the first record; nil: there is no catalogue that can be used
	memo    *memo
	// catalogErr says what is wrong with the catalogue, which damages nothing
	// else; err why the snapshot cannot be opened.
	catalogErr, err error
}

// close gives up what is open.
func (o *opened) close() {
	if o.records != nil {
		o.records.Close()
	}
	if o.tree != nil {
		o.tree.release()
	}
}

// openAhead lets the crew open a snapshot and read its catalogue, so that
// nobody waits for that when it is to be walked.
func (j *judge) openAhead(ctx context.Context, id snapshot.ID, m *memo) <-chan *opened {
	done := make(chan *opened, 1)
	j.crew.spawn(func(*desk) { done <- j.open(ctx, id, m) })
	return done
}

func (j *judge) open(ctx context.Context, id snapshot.ID, m *memo) *opened {
	o := &opened{id: id, memo: m}
	o.tree, o.records, o.catalogErr, o.err = openTree(j.root, id)
	if o.records != nil {
		o.records, o.catalogErr = j.readThrough(ctx, id, o.records, m)
	}
	return o
}

// snapshot walks one snapshot and submits its directories.
func (j *judge) snapshot(ctx context.Context, o *opened) error {
	if o.err != nil {
		return o.err
	}
	top := place{stored: ".", source: "."}
	if o.records != nil {
		top.listed = o.records.top()
	}
	if err := j.visit(ctx, o.tree, o.records, top); err != nil {
		return err
	}
	j.snapshots++
	if o.records != nil {
		o.catalogErr = o.records.Failure()
	}
	return nil
}

// readThrough reads a catalogue to its end before anything is held against
// it: damage that shows only there may have altered any record before, and
// what is merely wrong in a catalogue must not look like a damaged snapshot.
// It returns a cursor at the first record again, or nil.
func (j *judge) readThrough(ctx context.Context, id snapshot.ID, c *cursor, m *memo) (*cursor, error) {
	m.begin()
	for n := 0; c.Err == nil; n++ {
		if n%1024 == 0 && j.stopped(ctx) {
			break // nothing will be looked at
		}
		m.add(&c.Record)
		c.Next()
	}
	switch err := c.Failure(); {
	case err != nil:
		c.Close()
		return nil, err
	case m.isShort:
		c.Close()
		return openCursor(j.root, id)
	}
	c.Restart(m)
	return c, nil
}

// place is a directory of a snapshot.
type place struct {
	stored string // path below the snapshot
	source string // path it had below the source
	listed bool   // the catalogue lists it and can say what is in it
}

// visit walks a directory in step with the catalogue, the directories in it
// first, and then submits it to the crew.
func (j *judge) visit(ctx context.Context, t *tree, records *cursor, p place) error {
	if j.stopped(ctx) {
		return errHalted
	}
	children, err := j.listPlace(t, p)
	if err != nil {
		j.findings.add(Finding{Kind: Unreadable, Snapshot: t.name, Path: p.stored, Detail: cause(err)})
		return nil
	}
	if p.listed {
		children, err = j.merge(ctx, t, records, p, children)
	} else {
		err = j.descend(ctx, t, children, p)
	}
	if err != nil {
		return err
	}
	t.hold()
	d := &directory{judge: j, tree: t, path: p.stored}
	listed := p.listed && records.usable()
	j.crew.submit(func(w *desk) {
		defer t.release()
		defer j.lists.give(children)
		i := &inspection{directory: d, children: children, listed: listed, desk: w}
		i.check(ctx)
	})
	return nil
}

func (j *judge) listPlace(t *tree, p place) ([]child, error) {
	d, err := t.dir.OpenDirAt(p.stored)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	return t.list(d, j.lists.take())
}

// descend visits the directories among children where no catalogue tells
// what should be there.
func (j *judge) descend(ctx context.Context, t *tree, children []child, p place) error {
	for i := range children {
		c := &children[i]
		if c.kind != meta.Dir {
			continue
		}
		if err := j.visit(ctx, t, nil, p.below(c, false)); err != nil {
			return err
		}
	}
	return nil
}

func (p place) below(c *child, listed bool) place {
	return place{stored: join(p.stored, c.name), source: join(p.source, c.source), listed: listed}
}

// merge gives children their records, adds those that only the catalogue
// knows, and visits the directories on the way: the catalogue has the records
// of their content between those of their neighbours.
func (j *judge) merge(ctx context.Context, t *tree, records *cursor, p place, children []child) ([]child, error) {
	var missing []child
	for i := 0; ; {
		name, more := records.Child(p.source)
		if i == len(children) && !more {
			return append(children, missing...), nil
		}
		var c *child
		switch {
		case i == len(children) || more && name < children[i].source:
			missing = append(missing, child{name: t.stored(name), source: name, rec: records.take()})
			c = &missing[len(missing)-1]
		case more && name == children[i].source:
			c, i = &children[i], i+1
			c.rec = records.take()
		default:
			c, i = &children[i], i+1
		}
		if c.kind == meta.Dir {
			if err := j.visit(ctx, t, records, p.below(c, c.isListedDir())); err != nil {
				return nil, err
			}
		}
		if c.rec.isThere() {
			records.SkipBelowChild(p.source, c.source)
		}
	}
}

func (c *child) isListedDir() bool { return c.rec.kind == meta.Dir }

// vanished reports whether an error says that something is not there, or not
// any more what it was.
func vanished(err error) bool {
	class := fsys.ClassOf(err)
	return class == fsys.ClassVanished || class == fsys.ClassType
}
