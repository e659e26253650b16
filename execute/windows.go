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

// cover reports whether t lies in one of the windows. File systems' clocks are
// a few milliseconds behind the system's: what a run linked in its very first
// moment is not covered, and read once more.
func (w windows) cover(t meta.Time) bool {
	at := t.Std()
	return slices.ContainsFunc(w, func(w window) bool {
		return !at.Before(w.from) && !at.After(w.to)
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
	// This run's begins when it locked the root, by the file system's clock.
	lock, err := r.root.Dir().LstatAt(snapshot.PrivateDir + "/lock")
	if err != nil {
		return nil, err
	}
	own := windows{{lock.Ctime.Std().Add(1), lock.Ctime.Std().AddDate(100, 0, 0)}}
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
