package verify

import (
	"context"
	"errors"
	"io"

	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
)

var errReplaced = errors.New("it was replaced while it was looked at")

// hashAll hashes the inodes of the claims and settles them. Those that were
// not read when the time is up are left as they are.
func hashAll(ctx context.Context, d *directory, open *fsys.Dir, batch []claim, w *desk) {
	for i := range batch {
		c := &batch[i]
		if d.stopped(ctx) {
			return
		}
		o, err := c.hash(ctx, open, w)
		if errors.Is(err, errHalted) {
			return
		}
		if err != nil {
			o.err = cause(err)
		}
		c.finish(o, &w.tally)
	}
}

// hash reads the claim's file from begin to end.
func (c *claim) hash(ctx context.Context, open *fsys.Dir, w *desk) (outcome, error) {
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
	return c.read(ctx, f, &info, w)
}

// read hashes what is in the claim's file.
func (c *claim) read(ctx context.Context, f *fsys.File, info *meta.Info, w *desk) (outcome, error) {
	if info.Size > int64(len(w.buf)) {
		f.ReadAhead()
	}
	large := c.tellOf(info.Size)
	defer large.end()
	w.hash.Reset()
	for total := int64(0); ; {
		n, err := f.Read(w.buf)
		w.hash.Write(w.buf[:n])
		total += int64(n)
		w.tally.bytes += int64(n)
		if !large.advance(int64(n)) {
			w.tally.untold += int64(n)
		}
		// What ends where its size says it does, and fills no buffer, need not
		// be asked whether there is more.
		if err == io.EOF || err == nil && n < len(w.buf) && total == info.Size {
			var o outcome
			w.hash.Sum(o.sum[:0])
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

// largeFile tells of reading one large file as it goes on; nil: it is none.
type largeFile struct {
	*judge
	path string
}

// tellOf begins to tell of a claim's file if it is large.
func (c *claim) tellOf(size int64) *largeFile {
	if size < event.LargeFile {
		return nil
	}
	l := &largeFile{judge: c.dir.judge, path: c.dir.tree.name + "/" + join(c.dir.path, c.name)}
	l.events.Send(event.Event{Kind: event.File, Phase: l.phase, Path: l.path, Bytes: size})
	return l
}

// advance reports whether it told of n more bytes.
func (l *largeFile) advance(n int64) bool {
	if l != nil && n > 0 {
		l.events.Send(event.Event{Kind: event.Advance, Phase: l.phase, Path: l.path, Bytes: n})
	}
	return l != nil
}

func (l *largeFile) end() {
	if l != nil {
		l.events.Send(event.Event{Kind: event.FileDone, Phase: l.phase, Path: l.path})
	}
}

// finish records the outcome for the inode and settles all claims to it.
func (c *claim) finish(o outcome, t *tally) {
	if o.err == "" {
		t.hashed++
	}
	t.names++
	bits := c.settle(o, t)
	if !c.isTabled {
		if bits&isBad != 0 {
			c.dir.inodes.mark(c.key, bits)
		}
	} else {
		for _, other := range c.dir.inodes.done(c.key, o, bits) {
			other.settleAgain(sight{o, bits}, t)
		}
	}
	t.tell(c.dir.judge)
}

// settleAgain settles the claim of one more path of an inode.
func (c *claim) settleAgain(s sight, t *tally) {
	t.names++
	t.links++
	if bits := c.settle(s.outcome, t); bits&^s.state != 0 {
		c.dir.inodes.mark(c.key, bits)
	}
	t.tell(c.dir.judge)
}

// settle compares the content with what is on record for this path. It returns
// what the inode's other paths are to know.
func (c *claim) settle(o outcome, t *tally) (bits uint8) {
	d := c.dir
	isGap := d.gaps != nil && c.isGap()
	if o.err != "" {
		f := c.finding(Unreadable)
		f.Detail = o.err
		d.findings.add(f)
		bits = isBad
	} else {
		t.files++
		bits = c.compare(o.sum)
		if isGap && bits&isBad == 0 {
			d.gaps.add(c, o.sum, bits)
			c.reportStray()
			return bits
		}
	}
	if isGap {
		c.reportUnlisted()
	}
	return bits
}

// compare reports content that is not what it should be. It returns whether
// something on record agrees with it, or contradicts it.
func (c *claim) compare(sum digest.Sum) (bits uint8) {
	inLines, inRecord := c.lines.has(sum), c.record == sum
	switch {
	case c.lines.isListed && !inLines:
		f := c.finding(Changed)
		f.Actual, f.Recorded = sum, c.lines.sum
		c.dir.findings.add(f)
	case !c.lines.isListed && !c.record.IsZero() && !inRecord:
		f := c.finding(Changed)
		f.Actual, f.Recorded, f.Detail = sum, c.record, "the catalogue lists it, SHA256SUMS does not"
		c.dir.findings.add(f)
	case len(c.lines.others) > 0, !c.record.IsZero() && !inRecord:
		// Records contradict each other, which is a finding already.
	case inLines || inRecord:
		return isVouched
	default:
		return 0
	}
	return isBad
}
