package execute

import (
	"context"
	"fmt"
	"sync"

	"phlb/internal/fsys"
	"phlb/internal/pool"
	"phlb/plan"
)

// This file holds what --strict asks of a plan for several sources: each is
// looked at before the first is begun, as what is published stays.

// lookFirst ends the run, with Strict, if any source that is still to be
// published has drifted by now; the result then tells of all sources. Where
// only one is left there is nothing to do: building it tells in time.
func (r *runner) lookFirst(ctx context.Context) (*Result, error) {
	var left []*checkedSource
	for _, src := range r.plan.sources {
		if src.Snapshot != "" && !src.published {
			left = append(left, src)
		}
	}
	if !r.opts.Strict || len(left) < 2 {
		return nil, nil
	}
	r.opts.Log.Info("looking for drift in all sources before the first is begun", "sources", len(left))
	f := &foresight{runner: r, pool: pool.New(r.opts.Workers), reports: map[*checkedSource]*Report{}}
	for _, src := range left {
		f.reports[src] = r.newReport(src)
	}
	if err := f.look(ctx, left); err != nil {
		return f.result(err), err
	}
	return nil, nil
}

// foresight compares all sources with the plan.
type foresight struct {
	*runner
	pool    *pool.Pool
	mu      sync.Mutex
	reports map[*checkedSource]*Report
}

// look compares the sources with the plan until something has drifted.
func (f *foresight) look(ctx context.Context, sources []*checkedSource) error {
	all := map[*checkedSource]func(*plan.Entry) error{}
	var sights []*sight
	for _, src := range sources {
		s := &sight{foresight: f, src: src}
		sights = append(sights, s)
		all[src] = func(e *plan.Entry) error { return s.entry(ctx, e) }
	}
	err := f.peekEntries(ctx, all)
	for _, s := range sights {
		if err == nil {
			err = s.flush(ctx)
		}
	}
	if failed := f.pool.Wait(); err == nil {
		err = failed
	}
	for _, s := range sights {
		s.close()
	}
	return err
}

// result tells of a run that ended before it began.
func (f *foresight) result(err error) *Result {
	res := &Result{PlanID: f.plan.header.PlanID}
	for _, src := range f.plan.sources {
		rep := f.reports[src]
		switch {
		case src.published:
			rep = src.report
		case rep == nil:
			rep = f.newReport(src)
			rep.End = rep.Start
		default:
			rep.Status, rep.End = StatusFailed, f.opts.Now().UTC()
			if rep.Error == "" {
				rep.Error = "not begun: " + ending(err)
			}
		}
		res.Reports = append(res.Reports, rep)
	}
	return res
}

// sight is one source that is looked at.
type sight struct {
	*foresight
	src    *checkedSource
	source *fsys.Dir // nil: not opened yet
	batch  []plan.Entry
}

func (s *sight) close() {
	if s.source != nil {
		s.source.Close()
	}
}

func (s *sight) entry(ctx context.Context, e *plan.Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.batch = append(s.batch, *e)
	if len(s.batch) < batchSize {
		return nil
	}
	return s.flush(ctx)
}

// flush hands what has been read so far to the pool.
func (s *sight) flush(ctx context.Context) (err error) {
	if s.source == nil {
		if s.source, err = fsys.Open(s.src.Path); err != nil {
			return &GuardError{Guard: guardSource, Always: true, Err: err}
		}
	}
	batch := s.batch
	s.batch = make([]plan.Entry, 0, batchSize)
	return s.pool.Submit(func() error { return s.compare(ctx, batch) })
}

// compare looks at entries.
func (s *sight) compare(ctx context.Context, batch []plan.Entry) error {
	l := looker{src: s.src, source: s.source}
	defer l.close()
	for i := range batch {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := l.same(&batch[i]); err != nil {
			return s.differs(batch[i].Path, err)
		}
	}
	return nil
}

// differs sorts what keeps a path from being as planned, as sourceFault does.
func (s *sight) differs(path string, err error) error {
	if exhausted(err) {
		return fmt.Errorf("read %s: %w", path, err)
	}
	if lost := s.source.Answers(); lost != nil {
		return fmt.Errorf("read %s: the source %s is lost: %w", path, s.src.Path, lost)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	rep := s.reports[s.src]
	err = s.src.strayed(rep, path, err)
	if rep.Error == "" {
		rep.Error = ending(err)
	}
	return err
}
