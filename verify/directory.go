package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/sums"
)

const (
	// A batch of files to be hashed is handed to another worker from this
	// many files or bytes on.
	batchFiles = 128
	batchBytes = 32 << 20
)

// directory checks what lies directly in one directory.
type directory struct {
	*judge
	tree     *tree
	path     string
	children []child
	listed   bool // the catalogue lists all that is in it

	open       *fsys.Dir
	lines      map[string]expected
	isJudgable bool // SHA256SUMS could be read, so what it lacks is missing in it

	batch      []*claim
	batchBytes int64
}

// expected is what the lines for one name say.
type expected struct {
	sums []digest.Sum // more than one: the lines contradict each other
	used bool
}

// claim is one path of an inode, with what is on record for it.
type claim struct {
	dir      *directory
	name     string
	key      inodeKey
	size     int64
	isShared bool         // it has more than one name
	lines    []digest.Sum // none: SHA256SUMS does not list it
	record   digest.Sum   // zero: no catalogue has it
	stray    string       // why the catalogue knows no such file; "": it does, or there is none
}

// notInCatalog is what is wrong with a path that only the catalogue lacks.
const notInCatalog = "the catalogue does not list it"

func (d *directory) check(ctx context.Context, buf []byte) {
	if d.stopped(ctx) {
		return
	}
	open, err := d.tree.dir.OpenDirAt(d.path)
	if err != nil {
		d.report(Unreadable, "", cause(err))
		return
	}
	defer open.Close()
	d.open = open
	d.directories.Add(1)
	d.readLines()
	for i := range d.children {
		d.checkChild(ctx, &d.children[i])
	}
	for name, e := range d.lines {
		if !e.used {
			d.checkLoneLine(name)
		}
	}
	d.children, d.lines = nil, nil
	hashAll(ctx, d, open, d.batch, buf)
}

// report adds a finding about the directory ("") or a name in it.
func (d *directory) report(kind Kind, name, detail string) {
	path := d.path
	if name != "" {
		path = join(d.path, name)
	}
	d.findings.add(Finding{Kind: kind, Snapshot: d.tree.name, Path: path, Detail: detail})
}

func (d *directory) readLines() {
	s, err := readChecksums(d.open)
	d.isJudgable = err == nil
	switch {
	case errors.Is(err, errNoFile):
		d.report(WrongType, sums.FileName, "it is not a regular file")
	case err != nil:
		d.report(Unreadable, sums.FileName, cause(err))
	}
	if !errors.Is(err, sums.ErrTooManyBad) {
		for _, b := range s.bad {
			d.report(BadLine, sums.FileName, fmt.Sprintf("line %d: %v: %q", b.Number, b.Err, b.Text))
		}
	}
	d.lines = make(map[string]expected, len(s.lines))
	for _, l := range s.lines {
		d.addLine(l)
	}
}

func (d *directory) addLine(l sums.Line) {
	e := d.lines[l.Name]
	if slices.Contains(e.sums, l.Sum) {
		return
	}
	e.sums = append(e.sums, l.Sum)
	d.lines[l.Name] = e
	if len(e.sums) == 2 {
		d.report(BadLine, sums.FileName, fmt.Sprintf("lines with different hashes for %q", l.Name))
	}
}

// checkLoneLine deals with a line that no name in the directory belongs to.
func (d *directory) checkLoneLine(name string) {
	if name == sums.FileName {
		d.report(BadLine, sums.FileName, "a line for SHA256SUMS itself")
		return
	}
	d.report(Missing, name, "")
}

func (d *directory) checkChild(ctx context.Context, c *child) {
	e, hasLine := d.lines[c.name]
	if hasLine {
		e.used = true
		d.lines[c.name] = e
	}
	if c.kind == meta.File {
		d.checkFile(ctx, c, e, hasLine)
		return
	}
	d.checkOther(c, hasLine)
}

// checkOther deals with everything but regular files, and with what is not
// there at all.
func (d *directory) checkOther(c *child, hasLine bool) {
	switch {
	case hasLine && c.kind == meta.Unknown:
		d.report(Missing, c.name, "")
	case hasLine:
		d.report(WrongType, c.name, "SHA256SUMS lists it as a file; it is a "+c.kind.String())
	case c.kind == meta.Unknown:
		d.report(Missing, c.name, "the catalogue lists a "+c.rec.kind.String())
	case c.rec == nil:
		if d.listed {
			d.report(Catalog, c.name, notInCatalog)
		}
	case c.rec.kind != c.kind:
		d.report(Catalog, c.name, "the catalogue lists a "+c.rec.kind.String()+"; it is a "+c.kind.String())
	case c.kind == meta.Symlink:
		d.checkSymlink(c)
	}
}

func (d *directory) checkSymlink(c *child) {
	target, err := d.open.Readlink(c.name)
	switch {
	case err != nil:
		d.report(Unreadable, c.name, cause(err))
	case target != c.rec.target:
		d.report(Catalog, c.name, "it leads to "+strconv.Quote(target)+", in the catalogue to "+strconv.Quote(c.rec.target))
	}
}

func (d *directory) checkFile(ctx context.Context, c *child, e expected, hasLine bool) {
	info, err := d.open.Lstat(c.name)
	if err != nil {
		d.report(Unreadable, c.name, cause(err))
		return
	}
	if c.kind = info.Kind; c.kind != meta.File { // exchanged since it was listed
		d.checkOther(c, hasLine)
		return
	}
	cl := &claim{
		dir: d, name: c.name, key: keyOf(&info), size: info.Size, isShared: info.Nlink > 1,
		lines: e.sums,
	}
	d.compareRecords(c, cl)
	switch {
	case !cl.isGap():
		cl.reportStray()
	case d.gaps == nil:
		cl.reportUnlisted()
	}
	d.claim(ctx, cl)
}

// compareRecords compares what is written about a file, not the file.
func (d *directory) compareRecords(c *child, cl *claim) {
	switch {
	case c.rec == nil && d.listed:
		cl.stray = notInCatalog
	case c.rec == nil:
	case c.rec.kind != meta.File:
		cl.stray = "the catalogue lists a " + c.rec.kind.String() + "; it is a file"
	default:
		cl.record = c.rec.sum
		if !cl.record.IsZero() && len(cl.lines) > 0 && !slices.Contains(cl.lines, cl.record) {
			f := cl.finding(Catalog)
			f.Detail = "the catalogue has another hash than SHA256SUMS: " + cl.record.String()
			f.Recorded = cl.lines[0]
			d.findings.add(f)
		}
	}
}

// finding begins a finding about the claim's file.
func (c *claim) finding(kind Kind) Finding {
	return Finding{Kind: kind, Snapshot: c.dir.tree.name, Path: join(c.dir.path, c.name), Inode: c.key.ino}
}

// isGap reports whether SHA256SUMS lacks a line for the file.
func (c *claim) isGap() bool { return len(c.lines) == 0 && c.dir.isJudgable }

// reportUnlisted reports a file without a line, once, whether or not the
// catalogue knows it.
func (c *claim) reportUnlisted() {
	f := c.finding(Unlisted)
	f.key, f.Detail = c.key, c.stray
	c.dir.findings.add(f)
}

// reportStray reports a file with a line that the catalogue does not know.
func (c *claim) reportStray() {
	if c.stray == "" {
		return
	}
	f := c.finding(Catalog)
	f.Detail = c.stray
	c.dir.findings.add(f)
}

// claim sees to it that the claim is settled, once its inode is hashed.
func (d *directory) claim(ctx context.Context, c *claim) {
	if !d.sample.has(c.key) {
		d.notSampled.Add(1)
		return
	}
	if c.isTabled() {
		o, known, first := d.inodes.ask(c)
		if known {
			c.settleAgain(o)
		}
		if !first {
			return
		}
	}
	d.batch = append(d.batch, c)
	d.batchBytes += c.size
	if len(d.batch) >= batchFiles || d.batchBytes >= batchBytes {
		d.handOver(ctx)
	}
}

func (c *claim) isTabled() bool { return c.isShared || c.size >= c.dir.remember }

// handOver gives the batch to the crew.
func (d *directory) handOver(ctx context.Context) {
	batch := d.batch
	d.batch, d.batchBytes = nil, 0
	d.tree.hold()
	d.crew.spawn(func(buf []byte) {
		defer d.tree.release()
		open, err := d.tree.dir.OpenDirAt(d.path)
		if err != nil {
			for _, c := range batch {
				c.finish(outcome{err: cause(err)})
			}
			return
		}
		defer open.Close()
		hashAll(ctx, d, open, batch, buf)
	})
}
