package execute

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"phlb/internal/meta"
	"phlb/internal/snapshot"
)

// Window is a span of time by the destination's own clock in which a run made
// and removed names of stored inodes, which changes their ctime. The clock
// ticks coarsely, and what somebody else does in the tick of either end must
// not pass for the run's own doing, so the ends do not belong to it.
type Window struct {
	From meta.Time `json:"from_ns"`
	To   meta.Time `json:"to_ns"`
}

// endOfTime is where the window of the run that is under way ends.
var endOfTime = meta.Time{Sec: 1 << 62}

type windows []Window

// cover reports whether t lies in one of the windows.
func (w windows) cover(t meta.Time) bool {
	return slices.ContainsFunc(w, func(w Window) bool { return w.From.Compare(t) < 0 && t.Compare(w.To) < 0 })
}

// before reports whether all windows end before t.
func (w windows) before(t meta.Time) bool {
	return !slices.ContainsFunc(w, func(w Window) bool { return w.To.Compare(t) >= 0 })
}

// linkedSince collects the windows of the runs that ended after the parent
// snapshot's began, that run included. They are told by the reports beside the
// snapshots; without the parent's there are none, and what does not have the
// recorded ctime is read. done is the end of the parent's own window.
func (r *runner) linkedSince(ctx context.Context, parent snapshot.ID) (all windows, done meta.Time, err error) {
	report, err := readReport(r.root, parent)
	if err != nil {
		return nil, done, nil //nolint:nilerr // made by PHLB, or the report is gone
	}
	first := report.window()
	names, err := r.root.Names(ctx)
	if err != nil {
		return nil, done, err
	}
	for _, name := range names {
		times, err := r.root.Times(name)
		if err != nil {
			return nil, done, err
		}
		for _, t := range slices.Backward(times) {
			rep, err := readReport(r.root, snapshot.ID{Name: name, Time: t})
			if errors.Is(err, fs.ErrNotExist) {
				break
			}
			if err != nil {
				continue
			}
			own := append(windows{rep.window()}, rep.LaterWindows...)
			if own.before(first.From) {
				break
			}
			all = append(all, own...)
		}
	}
	return all, first.To, nil
}

// window is when the report's run changed ctimes. A report that does not say
// it has the run's start and end by the system's clock.
func (r *Report) window() Window {
	if r.CtimeWindow != nil {
		return *r.CtimeWindow
	}
	return Window{From: meta.At(r.Start), To: meta.At(r.End)}
}
