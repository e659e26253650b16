package verify

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"slices"

	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
)

var errReplaced = errors.New("it was replaced while it was looked at")

// hashAll hashes the inodes of the claims and settles them. Those that were
// not read when the time is up are left as they are.
func hashAll(ctx context.Context, d *directory, open *fsys.Dir, batch []*claim, buf []byte) {
	for _, c := range batch {
		if d.stopped(ctx) {
			return
		}
		o, err := c.hash(ctx, open, buf)
		if errors.Is(err, errHalted) {
			return
		}
		if err != nil {
			o.err = cause(err)
		}
		c.finish(o)
	}
}

// hash reads the claim's file from begin to end.
func (c *claim) hash(ctx context.Context, open *fsys.Dir, buf []byte) (outcome, error) {
	f, err := open.OpenFile(c.name)
	if err != nil {
		return outcome{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return outcome{}, err
	}
	if info.Kind != meta.File || keyOf(&info) != c.key {
		return outcome{}, errReplaced
	}
	if info.Size > int64(len(buf)) {
		f.ReadAhead()
	}
	progress := c.dir.progress(c, info.Size)
	defer progress.end()
	hash := sha256.New()
	for {
		n, err := f.Read(buf)
		hash.Write(buf[:n])
		progress.advance(int64(n))
		if err == io.EOF {
			var o outcome
			hash.Sum(o.sum[:0])
			return o, nil
		}
		if err != nil {
			return outcome{}, err
		}
		if c.dir.stopped(ctx) {
			return outcome{}, errHalted
		}
	}
}

// fileProgress tells of reading one file: as it goes on for a large one, at
// its end for others.
type fileProgress struct {
	*judge
	path    string
	isLarge bool
	pending int64
}

func (j *judge) progress(c *claim, size int64) *fileProgress {
	p := &fileProgress{judge: j}
	if size >= event.LargeFile {
		p.isLarge = true
		p.path = c.dir.tree.name + "/" + join(c.dir.path, c.name)
		j.events.Send(event.Event{Kind: event.File, Phase: j.phase, Path: p.path, Bytes: size})
	}
	return p
}

func (p *fileProgress) advance(n int64) {
	p.bytes.Add(n)
	p.pending += n
	if p.isLarge {
		p.flush()
	}
}

func (p *fileProgress) flush() {
	if p.pending > 0 {
		p.events.Send(event.Event{Kind: event.Advance, Phase: p.phase, Path: p.path, Bytes: p.pending})
		p.pending = 0
	}
}

func (p *fileProgress) end() {
	p.flush()
	if p.isLarge {
		p.events.Send(event.Event{Kind: event.FileDone, Phase: p.phase, Path: p.path})
	}
}

// finish records the outcome for the inode and settles all claims to it.
func (c *claim) finish(o outcome) {
	if o.err == "" {
		c.dir.hashed.Add(1)
	}
	if c.isTabled() {
		for _, other := range c.dir.inodes.done(c.key, o) {
			other.settleAgain(o)
		}
	}
	c.dir.events.Send(event.Event{Kind: event.Advance, Phase: c.dir.phase, Files: 1})
	c.settle(o)
}

// settleAgain settles the claim of one more path of an inode.
func (c *claim) settleAgain(o outcome) {
	c.dir.events.Send(event.Event{Kind: event.Advance, Phase: c.dir.phase, Files: 1, Links: 1})
	c.settle(o)
}

// settle compares the content with what is on record for this path.
func (c *claim) settle(o outcome) {
	d := c.dir
	isGap := c.isGap() && d.gaps != nil
	if o.err != "" {
		f := c.finding(Unreadable)
		f.Detail = o.err
		d.findings.add(f)
		d.inodes.mark(c.key, isBad)
	} else {
		d.files.Add(1)
		if isVouchedFor, isGood := c.compare(o.sum); isGood && isGap {
			d.gaps.add(c, o.sum, isVouchedFor)
			c.reportStray()
			return
		}
	}
	if isGap {
		c.reportUnlisted()
	}
}

// compare reports content that is not what it should be, and notes for the
// inode's other paths what was found.
func (c *claim) compare(sum digest.Sum) (isVouchedFor, isGood bool) {
	inLines, inRecord := slices.Contains(c.lines, sum), c.record == sum
	f := c.finding(Changed)
	f.Actual = sum
	switch {
	case len(c.lines) > 0 && !inLines:
		f.Recorded = c.lines[0]
		c.dir.findings.add(f)
	case len(c.lines) == 0 && !c.record.IsZero() && !inRecord:
		f.Recorded, f.Detail = c.record, "the catalogue lists it, SHA256SUMS does not"
		c.dir.findings.add(f)
	case len(c.lines) > 1, !c.record.IsZero() && !inRecord:
		// Records contradict each other, which is a finding already.
	default:
		isVouchedFor = inLines || inRecord
		if isVouchedFor {
			c.dir.inodes.mark(c.key, isVouched)
		}
		return isVouchedFor, true
	}
	c.dir.inodes.mark(c.key, isBad)
	return false, false
}
