package execute

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"phlb/internal/meta"
	"phlb/internal/snapshot"
)

// windows are the spans of time in which runs of phlb linked files of the
// root, which changes the ctime of their inodes.
type windows []window

type window struct{ from, to time.Time }

// tick is how far a file system's clock may be behind the system's: the
// kernel takes the time of its last timer interrupt, at least 100 a second.
const tick = 20 * time.Millisecond

// cover reports whether t lies in one of the windows.
func (w windows) cover(t meta.Time) bool {
	at := t.Std()
	return slices.ContainsFunc(w, func(w window) bool {
		return !at.Before(w.from.Add(-tick)) && !at.After(w.to)
	})
}

// linkedSince collects the windows of the runs that ended after the parent
// snapshot's began, that run and this one included. They are told by the
// reports beside the snapshots; without the parent's there are none, and what
// does not have the recorded ctime is read.
func (r *runner) linkedSince(ctx context.Context, parent snapshot.ID) (windows, error) {
	first, err := readReport(r.root, parent)
	if err != nil {
		return nil, nil //nolint:nilerr // made by PHLB, or the report is gone
	}
	own := windows{{r.began, r.opts.Now().Add(100 * 365 * 24 * time.Hour)}}
	names, err := r.root.Names(ctx)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		times, err := r.root.Times(name)
		if err != nil {
			return nil, err
		}
		for _, t := range slices.Backward(times) {
			rep, err := readReport(r.root, snapshot.ID{Name: name, Time: t})
			if errors.Is(err, fs.ErrNotExist) || err == nil && rep.End.Before(first.Start) {
				break
			}
			if err == nil {
				own = append(own, window{rep.Start, rep.End})
			}
		}
	}
	return own, nil
}
