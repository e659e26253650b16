package execute

import (
	"context"
	"time"

	"phlb/internal/meta"
	"phlb/internal/snapshot"
)

const (
	tickPause = 2 * time.Millisecond
	maxTicks  = 20
)

// tick waits until the destination's clock has moved on, and returns the last
// time before that and the first one after. Clocks of file systems tick
// coarsely, and what happens in the tick of either end of a window does not
// belong to it. Where the clock does not tick soon, some files will be read in
// vain.
func (p *pruner) tick(ctx context.Context) (before, after meta.Time, err error) {
	dir, err := p.root.Dir().OpenDirAt(trashPath)
	if err != nil {
		return before, after, err
	}
	defer dir.Close()
	info, err := dir.Stat()
	if err != nil {
		return before, after, err
	}
	before, after = info.Ctime, info.Ctime
	for n := 0; n < maxTicks && after == before && err == nil; n++ {
		select {
		case <-ctx.Done():
		case <-time.After(tickPause):
		}
		if err = dir.Chmod(info.Mode); err == nil {
			var now meta.Info
			now, err = dir.Stat()
			after = now.Ctime
		}
	}
	return before, after, err
}

// leave writes down what was pruned, and when that changed ctimes: without
// that the next run would read every file that lost a link.
func (p *pruner) leave(ctx context.Context, start time.Time) error {
	took := p.opts.Now().Sub(start).Round(time.Millisecond).Seconds()
	w, err := p.window(ctx)
	if err != nil {
		return err
	}
	for i, src := range p.plan.sources {
		rep := p.res.Reports[i]
		if len(rep.Pruned)+len(rep.NotPruned) == 0 && w == nil {
			continue
		}
		rep.End = p.opts.Now().UTC()
		if len(src.prune) > 0 {
			rep.Durations["prune"] += took
		}
		if err := p.leaveSource(src, rep, w); err != nil {
			return err
		}
	}
	return nil
}

// window is the span of time in which names of stored inodes were removed;
// nil: none were.
func (p *pruner) window(ctx context.Context) (*Window, error) {
	if !p.touched {
		return nil, nil
	}
	_, after, err := p.tick(ctx)
	if err != nil {
		return nil, err
	}
	return &Window{From: p.since, To: after}, nil
}

// leaveSource keeps the report of one source up to date. A plan that made no
// snapshot of it leaves the time of its removals in the newest one's.
func (p *pruner) leaveSource(src *checkedSource, rep *Report, w *Window) error {
	if src.Snapshot != "" {
		if w != nil {
			rep.LaterWindows = append(rep.LaterWindows, *w)
		}
		return (&rest{runner: p.runner, src: src, report: rep}).leave()
	}
	if w == nil {
		return nil
	}
	newest, ok, err := p.root.Newest(src.Name)
	if err != nil || !ok {
		return err
	}
	id := snapshot.ID{Name: src.Name, Time: newest}
	last, err := readReport(p.root, id)
	if err != nil {
		return nil //nolint:nilerr // made by PHLB, or the report is gone: then its files are read anyway
	}
	last.LaterWindows = append(last.LaterWindows, *w)
	return p.writeReport(id, last)
}
