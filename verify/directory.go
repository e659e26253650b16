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

// directory is one directory of a snapshot, as the claims in it know it.
type directory struct {
	*judge
	tree       *tree
	path       string
	isJudgable bool // SHA256SUMS could be read, so what it lacks is missing in it
}

// inspection checks what lies directly in one directory.
type inspection struct {
	*directory
	children []child
	listed   bool // the catalogue lists all that is in it

	desk       *desk
	open       *fsys.Dir
	batchBytes int64 // of desk.batch
}

// claim is one path of an inode, with what is on record for it.
type claim struct {
	dir      *directory
	name     string
	key      inodeKey
	size     int64
	isTabled bool       // its inode is in the table
	lines    recorded   // none: SHA256SUMS does not list it
	record   digest.Sum // zero: no catalogue has it
	stray    string     // why the catalogue knows no such file; "": it does, or there is none
}

// notInCatalog is what is wrong with a path that only the catalogue lacks.
const notInCatalog = "the catalogue does not list it"

func (d *inspection) check(ctx context.Context) {
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
	defer d.desk.tally.tellAll(d.judge)
	d.readLines()
	for i := range d.children {
		d.checkChild(ctx, &d.children[i])
	}
	d.checkLoneLines()
	d.desk.sheet.reset()
	hashAll(ctx, d.directory, open, d.desk.batch, d.desk)
	d.desk.clearBatch()
}

// report adds a finding about the directory ("") or a name in it.
func (d *directory) report(kind Kind, name, detail string) {
	path := d.path
	if name != "" {
		path = join(d.path, name)
	}
	d.findings.add(Finding{Kind: kind, Snapshot: d.tree.name, Path: path, Detail: detail})
}

func (d *inspection) readLines() {
	s, err := readChecksums(d.open, &d.desk.parser, d.desk.sheet.lines)
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
	sheet := &d.desk.sheet
	sheet.index(s.lines)
	for i := 0; i < len(sheet.lines); {
		name := sheet.lines[i].Name
		r, next := sheet.at(i)
		if len(r.others) > 0 {
			d.report(BadLine, sums.FileName, fmt.Sprintf("lines with different hashes for %q", name))
		}
		i = next
	}
}

// checkLoneLines deals with lines that no name in the directory belongs to.
func (d *inspection) checkLoneLines() {
	sheet := &d.desk.sheet
	for i := 0; i < len(sheet.lines); {
		name := sheet.lines[i].Name
		switch {
		case sheet.used[i]:
		case name == sums.FileName:
			d.report(BadLine, sums.FileName, "a line for SHA256SUMS itself")
		default:
			d.report(Missing, name, "")
		}
		_, i = sheet.at(i)
	}
}

func (d *inspection) checkChild(ctx context.Context, c *child) {
	lines := d.desk.sheet.find(c.name)
	if c.kind == meta.File {
		d.checkFile(ctx, c, lines)
		return
	}
	d.checkOther(c, lines.isListed)
}

// checkOther deals with everything but regular files, and with what is not
// there at all.
func (d *inspection) checkOther(c *child, hasLine bool) {
	switch {
	case hasLine && c.kind == meta.Unknown:
		d.report(Missing, c.name, "")
	case hasLine:
		d.report(WrongType, c.name, "SHA256SUMS lists it as a file; it is a "+c.kind.String())
	case c.kind == meta.Unknown:
		d.report(Missing, c.name, "the catalogue lists a "+c.rec.kind.String())
	case !c.rec.isThere():
		if d.listed {
			d.report(Catalog, c.name, notInCatalog)
		}
	case c.rec.kind != c.kind:
		d.report(Catalog, c.name, "the catalogue lists a "+c.rec.kind.String()+"; it is a "+c.kind.String())
	case c.kind == meta.Symlink:
		d.checkSymlink(c)
	}
}

func (d *inspection) checkSymlink(c *child) {
	target, err := d.open.Readlink(c.name)
	switch {
	case err != nil:
		d.report(Unreadable, c.name, cause(err))
	case target != c.rec.target:
		d.report(Catalog, c.name, "it leads to "+strconv.Quote(target)+", in the catalogue to "+strconv.Quote(c.rec.target))
	}
}

func (d *inspection) checkFile(ctx context.Context, c *child, lines recorded) {
	info, err := d.open.Lstat(c.name)
	if err != nil {
		d.report(Unreadable, c.name, cause(err))
		return
	}
	if c.kind = info.Kind; c.kind != meta.File { // exchanged since it was listed
		d.checkOther(c, lines.isListed)
		return
	}
	cl := claim{
		dir: d.directory, name: c.name, key: keyOf(&info), size: info.Size, lines: lines,
		isTabled: info.Nlink > 1 || info.Size >= d.remember,
	}
	d.compareRecords(c, &cl)
	switch {
	case !cl.isGap():
		cl.reportStray()
	case d.gaps == nil:
		cl.reportUnlisted()
	}
	d.claim(ctx, &cl)
}

// compareRecords compares what is written about a file, not the file.
func (d *inspection) compareRecords(c *child, cl *claim) {
	switch {
	case !c.rec.isThere() && d.listed:
		cl.stray = notInCatalog
	case !c.rec.isThere():
	case c.rec.kind != meta.File:
		cl.stray = "the catalogue lists a " + c.rec.kind.String() + "; it is a file"
	default:
		cl.record = c.rec.sum
		if !cl.record.IsZero() && cl.lines.isListed && !cl.lines.has(cl.record) {
			f := cl.finding(Catalog)
			f.Detail = "the catalogue has another hash than SHA256SUMS: " + cl.record.String()
			f.Recorded = cl.lines.sum
			d.findings.add(f)
		}
	}
}

// finding begins a finding about the claim's file.
func (c *claim) finding(kind Kind) Finding {
	return Finding{Kind: kind, Snapshot: c.dir.tree.name, Path: join(c.dir.path, c.name), Inode: c.key.ino}
}

// isGap reports whether SHA256SUMS lacks a line for the file.
func (c *claim) isGap() bool { return !c.lines.isListed && c.dir.isJudgable }

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
func (d *inspection) claim(ctx context.Context, c *claim) {
	if !d.sample.has(c.key) {
		d.desk.tally.notSampled++
		return
	}
	if c.isTabled {
		if s, met := d.inodes.meet(c.key); met {
			d.settleMet(c, s)
			return
		}
	}
	d.desk.batch = append(d.desk.batch, *c)
	d.batchBytes += c.size
	if len(d.desk.batch) >= batchFiles || d.batchBytes >= batchBytes {
		d.handOver(ctx)
	}
}

// settleMet settles a claim to an inode that was met before, or leaves that to
// whoever is reading it.
func (d *inspection) settleMet(c *claim, s sight) {
	if !s.isKnown() {
		var isWaiting bool
		if s, isWaiting = d.inodes.wait(c); isWaiting {
			return
		}
	}
	c.settleAgain(s, &d.desk.tally)
}

// handOver gives the batch to the crew.
func (d *inspection) handOver(ctx context.Context) {
	dir, batch := d.directory, slices.Clone(d.desk.batch)
	d.desk.clearBatch()
	d.batchBytes = 0
	d.tree.hold()
	d.crew.spawn(func(w *desk) {
		defer dir.tree.release()
		defer w.tally.tellAll(dir.judge)
		open, err := dir.tree.dir.OpenDirAt(dir.path)
		if err != nil {
			for i := range batch {
				batch[i].finish(outcome{err: cause(err)}, &w.tally)
			}
			return
		}
		defer open.Close()
		hashAll(ctx, dir, open, batch, w)
	})
}
