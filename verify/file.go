package verify

import (
	"context"
	"slices"

	"phlb/internal/meta"
)

const (
	// A batch of files to be hashed is handed to another worker from this
	// many files or bytes on.
	batchFiles = 128
	batchBytes = 32 << 20
)

func (d *inspection) checkFile(ctx context.Context, c *child, lines recorded) {
	cl := claim{dir: d.directory, name: c.name, lines: lines}
	info, err := d.open.Lstat(c.name)
	if err != nil {
		d.report(Unreadable, c.name, cause(err))
		return
	}
	if c.kind = info.Kind; c.kind != meta.File { // exchanged since it was listed
		d.checkOther(c, lines.isListed)
		return
	}
	cl.key, cl.size = keyOf(&info), info.Size
	cl.isTabled = info.Nlink > 1 || info.Size >= d.remember
	d.compareRecords(c, &cl)
	if d.isToBeRead(&cl) {
		d.enqueue(ctx, &cl)
	}
}

// compareRecords compares what is written about a file, not the file, and
// reports what is missing.
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
	switch {
	case !cl.isGap():
		cl.reportStray()
	case d.gaps == nil:
		cl.reportUnlisted()
	}
}

// isToBeRead reports whether nobody has read the claim's inode or is at it, and
// it is not left out of the sample. Else it sees to what is to be done.
func (d *inspection) isToBeRead(c *claim) bool {
	if !d.sample.has(c.key) {
		d.desk.tally.notSampled++
		return false
	}
	if c.isTabled {
		if s, met := d.inodes.meet(c.key); met {
			d.settleMet(c, s)
			return false
		}
	}
	return true
}

// enqueue puts a claim among those whose inodes are to be read.
func (d *inspection) enqueue(ctx context.Context, c *claim) {
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
