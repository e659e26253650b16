package restore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/pool"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
)

// child is one name in a directory, or one that should be there.
type child struct {
	name   string    // as stored
	source string    // as in the source
	kind   meta.Kind // meta.Unknown: it is not there
	rec    *catalog.Record
}

// children returns what lies in a directory of the snapshot, phlb's own
// SHA256SUMS left out, in the order that the names had in the source.
func (r *run) children(dir *fsys.Dir) ([]child, error) {
	entries, err := dir.ReadDir()
	if err != nil {
		return nil, err
	}
	list := make([]child, 0, len(entries))
	for _, e := range entries {
		c := child{name: e.Name, source: e.Name, kind: e.Kind}
		if c.kind == meta.Unknown {
			info, err := dir.Lstat(e.Name)
			if err != nil {
				return nil, err
			}
			c.kind = info.Kind
		}
		if c.name == sums.FileName && c.kind == meta.File {
			continue
		}
		if r.renames {
			if name, ok := sums.SourceName(c.name); ok {
				c.source = name
			}
		}
		list = append(list, c)
	}
	slices.SortFunc(list, func(a, b child) int { return strings.Compare(a.source, b.source) })
	return list, nil
}

// walker goes through the snapshot in the order of its catalogue, makes
// directories and hands everything else to the pool.
type walker struct {
	*run
	rootInfo meta.Info // of the backup root
	pool     *pool.Pool
}

// walk restores everything but further names of hard-linked files.
func (r *run) walk(ctx context.Context, root *snapshot.Root) error {
	w := &walker{run: r, pool: pool.New(r.Workers)}
	var err error
	if w.rootInfo, err = root.Dir().Stat(); err == nil {
		err = w.begin(ctx, root)
	}
	if perr := w.pool.Wait(); perr != nil {
		err = perr // the walk ended because of it
	}
	return err
}

func (w *walker) begin(ctx context.Context, root *snapshot.Root) error {
	if w.target.name != "" {
		return w.single(ctx)
	}
	var rec *catalog.Record
	var book *catalog.Cursor
	if w.book.usable {
		var err error
		if book, err = openRecords(root, w.from.ID); err != nil {
			return fmt.Errorf("read the catalogue again: %w", err)
		}
		defer book.Close()
		if book.SkipTo(w.top) {
			rec = take(book)
		}
	}
	if rec == nil || rec.Kind != meta.Dir {
		book = nil // it cannot tell what is in the directory
	}
	n := &node{stored: w.from.Path, source: w.top, path: ".", existed: !w.target.made, open: 1}
	if err := w.visit(ctx, n, rec, book); err != nil {
		return err
	}
	return book.Failure()
}

// single restores a file or symbolic link.
func (w *walker) single(ctx context.Context) error {
	stored, name := ".", w.from.Path
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		stored, name = name[:i], name[i+1:]
	}
	dir, err := w.snap.OpenDirAt(stored)
	if errors.Is(err, fs.ErrNotExist) {
		w.damaged(w.top, missing, false)
		return nil
	}
	if err != nil {
		return err
	}
	defer dir.Close()
	c := child{name: name, source: w.target.name, rec: w.book.self}
	if info, err := dir.Lstat(name); err == nil {
		c.kind = info.Kind
	}
	n := &node{stored: stored, source: w.top, path: ".", existed: true, foreign: true, temp: tempPrefix, open: 1}
	for strings.HasPrefix(w.target.name, n.temp) {
		n.temp += "x"
	}
	n.lines = readLines(dir)
	n.inherits = !w.DryRun && handsOnACL(w.target.dir)
	b := &batch{node: n}
	w.add(b, w.top, &c)
	return w.submit(ctx, b)
}

// visit restores a directory, in step with the catalogue where that lists it.
// The directory itself is there already.
func (w *walker) visit(ctx context.Context, n *node, rec *catalog.Record, book *catalog.Cursor) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	list, err := w.enter(n, rec)
	if err != nil {
		list, n.foreign = nil, true
		if book != nil {
			book.SkipBelow(n.source)
		}
		if err := w.fault(ctx, n.source, err); err != nil {
			return err
		}
	} else {
		w.count(func(r *Result) { r.Directories++ })
	}
	b := &batch{node: n}
	for i := 0; ; {
		name, more := book.Child(n.source)
		if err := book.Failure(); err != nil {
			return err
		}
		if i == len(list) && !more {
			break
		}
		var c child
		switch {
		case i == len(list) || more && name < list[i].source:
			c = child{name: w.stored(name), source: name, rec: take(book)}
		case more && name == list[i].source:
			c, i = list[i], i+1
			c.rec = take(book)
		default:
			c, i = list[i], i+1
			if book != nil {
				w.strays++
			}
		}
		if err := w.child(ctx, n, &c, b, book); err != nil {
			return err
		}
	}
	if err := w.submit(ctx, b); err != nil {
		return err
	}
	n.reportMissing(w.run)
	return w.done(ctx, n)
}

// enter lists a directory of the snapshot and finds out what metadata it is to
// have.
func (w *walker) enter(n *node, rec *catalog.Record) ([]child, error) {
	dir, err := w.snap.OpenDirAt(n.stored)
	if errors.Is(err, fs.ErrNotExist) {
		w.damaged(n.source, missing, false)
		n.foreign = true
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	if rec != nil && rec.Kind == meta.Dir {
		n.want = recorded(rec)
	} else {
		info, err := dir.Stat()
		if err != nil {
			return nil, err
		}
		if n.want, err = carried(&info, dir.SelfXattrs); err != nil {
			return nil, err
		}
	}
	list, err := w.children(dir)
	if err != nil {
		return nil, err
	}
	n.lines = readLines(dir)
	n.temp = tempPrefixFor(list)
	if n.existed && !w.DryRun {
		err = w.prepareExisting(n, list)
	}
	return list, err
}

// child deals with one name of a directory.
func (w *walker) child(ctx context.Context, n *node, c *child, b *batch, book *catalog.Cursor) error {
	source := join(n.source, c.source)
	if c.rec != nil && book != nil {
		defer book.SkipBelow(source) // what is not visited
	}
	if c.kind == meta.Dir {
		return w.directory(ctx, n, c, book)
	}
	w.add(b, source, c)
	if b.full() {
		full := *b
		*b = batch{node: n}
		return w.submit(ctx, &full)
	}
	return nil
}

// directory makes one and restores what is in it.
func (w *walker) directory(ctx context.Context, n *node, c *child, book *catalog.Cursor) error {
	sub := &node{
		parent: n, stored: join(n.stored, c.name), source: join(n.source, c.source), path: join(n.path, c.source), open: 1,
	}
	if why := n.suspicion(c); why != "" {
		w.damaged(sub.source, why, w.AllowDamaged)
		if !w.AllowDamaged {
			return nil
		}
		c.rec = nil
	}
	if c.rec == nil {
		book = nil
	}
	if err := w.make(sub, c.source); err != nil {
		return w.fault(ctx, sub.source, err)
	}
	n.begin()
	return w.visit(ctx, sub, c.rec, book)
}

// suspicion says why a directory should not be one.
func (n *node) suspicion(c *child) string {
	line := n.lines[c.name]
	if line != nil {
		line.used = true
	}
	switch {
	case c.rec != nil && c.rec.Kind != meta.Dir:
		return "the catalogue lists a " + c.rec.Kind.String() + "; it is a directory"
	case line != nil:
		return "SHA256SUMS lists it as a file; it is a directory"
	}
	return ""
}

// add makes a task of a child.
func (w *walker) add(b *batch, source string, c *child) {
	t := task{child: *c, path: source}
	if e, ok := b.node.lines[c.name]; ok {
		t.sums = e.sums
		e.used = true
	}
	if c.rec != nil && c.rec.Kind == meta.File && !c.rec.SHA256.IsZero() && !slices.Contains(t.sums, c.rec.SHA256) {
		t.sums = append(slices.Clone(t.sums), c.rec.SHA256)
	}
	if c.rec != nil {
		b.bytes += c.rec.Size
	}
	t.suspect = suspicion(&t)
	if t.group = w.book.groupOf(c.rec); t.group != nil && t.group.first != source {
		b.node.begin()
		w.links = append(w.links, link{b.node, t})
		return
	}
	b.tasks = append(b.tasks, t)
}

// missing is what is said of what is on record and not there.
const missing = "it is missing in the snapshot"

// suspicion says what is wrong with a path before its content is read.
func suspicion(t *task) string {
	switch {
	case t.kind == meta.Unknown && t.rec != nil:
		return missing + "; the catalogue lists a " + t.rec.Kind.String()
	case t.kind == meta.Unknown:
		return missing
	case t.rec != nil && t.rec.Kind != t.kind:
		return "the catalogue lists a " + t.rec.Kind.String() + "; it is a " + t.kind.String()
	case t.kind == meta.File && len(t.sums) > 1:
		return "what is on record for its content is contradictory"
	case t.kind != meta.File && len(t.sums) > 0:
		return "SHA256SUMS lists it as a file; it is a " + t.kind.String()
	}
	return ""
}

func (w *walker) submit(ctx context.Context, b *batch) error {
	if len(b.tasks) == 0 {
		return nil
	}
	b.node.begin()
	return w.pool.Submit(func() error { return w.do(ctx, b) })
}

// advance tells of one path that is done with.
func (r *run) advance(e event.Event) {
	e.Kind, e.Phase, e.Files = event.Advance, event.Restore, 1
	r.Events.Send(e)
}

// expected is what SHA256SUMS says of one name.
type expected struct {
	sums []digest.Sum // more than one: the lines contradict each other
	used bool
}

// readLines reads the SHA256SUMS of a directory as far as it can be read: what
// it lacks is unverified.
func readLines(dir *fsys.Dir) map[string]*expected {
	f, err := dir.OpenFile(sums.FileName)
	if err != nil {
		return nil
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || info.Kind != meta.File {
		return nil
	}
	lines, _, _ := sums.Parse(f)
	m := make(map[string]*expected, len(lines))
	for _, l := range lines {
		e := m[l.Name]
		if e == nil {
			e = &expected{}
			m[l.Name] = e
		}
		if !slices.Contains(e.sums, l.Sum) {
			e.sums = append(e.sums, l.Sum)
		}
	}
	return m
}
