package verify

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/sums"
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
