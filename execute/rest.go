package execute

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
)

// published is an error after the snapshot was published.
func published(src *checkedSource, err error) error {
	return fmt.Errorf("%s is published, but not everything that follows was done; apply the same plan again to finish it: %w", src.Snapshot, err)
}

// rest is what remains to be done once a snapshot is published: lookups, the
// generation, the final report, summary and log, and clearing staging. The
// snapshot does not depend on any of it, and all of it can be repeated.
type rest struct {
	*runner
	src     *checkedSource
	report  *Report
	news    lookupNews
	staging *snapshot.Staging
	// resumed is when a later run began to finish what was interrupted, by the
	// destination's clock; nil: it is all one run.
	resumed *meta.Time
}

// do does all of it. placeLog moves the staged log beside the snapshot.
func (r *rest) do(ctx context.Context, placeLog func() error) error {
	err := r.phase(r.report, "lookups", func() error { return r.fillLookups(ctx, r.src, &r.news) })
	for _, step := range []func() error{
		placeLog,
		// Behind the lookups: mass removal slows down whatever is created soon
		// after.
		func() error { return r.staging.Discard(ctx) },
		r.endWindow,
		r.count,
		r.leave,
	} {
		if err == nil {
			err = step()
		}
	}
	if err != nil {
		return published(r.src, err)
	}
	return nil
}

// endWindow lets the report's window reach over the removal of old staging,
// which changes the ctime of inodes that it had links to. A run that resumes
// has a window of its own: what somebody did between the two is not phlb's
// doing.
func (r *rest) endWindow() error {
	at, err := r.root.Dir().LstatAt(stagingPath)
	switch {
	case err != nil:
		return err
	case r.resumed != nil:
		r.report.LaterWindows = append(r.report.LaterWindows, Window{From: *r.resumed, To: at.Ctime})
	case at.Ctime.Compare(r.report.CtimeWindow.To) > 0:
		r.report.CtimeWindow.To = at.Ctime
	}
	return nil
}

// count counts the published change, once.
func (r *rest) count() error {
	if r.report.Generation > 0 {
		return nil
	}
	state, err := r.root.BumpGeneration()
	r.report.Generation = state.Generation
	return err
}

// leave writes the final report and the summary.
func (r *rest) leave() error {
	r.report.End = r.opts.Now().UTC()
	if err := r.writeReport(r.src.id, r.report); err != nil {
		return err
	}
	if r.opts.Summary == nil {
		return nil
	}
	return r.root.WriteSidecar(r.src.id, snapshot.SuffixSummary, r.opts.Summary(r.report))
}

// resume finishes a source that an interrupted run of this plan published:
// links of later sources may point to its files.
func (r *runner) resume(ctx context.Context, src *checkedSource) (*Report, error) {
	rep := src.report
	news, err := r.recall(ctx, src)
	if err != nil {
		return rep, published(src, err)
	}
	staging, err := r.root.OpenStaging(src.Name)
	if err != nil {
		return rep, published(src, err)
	}
	defer staging.Close()
	began, err := staging.Tree().Stat()
	if err != nil {
		return rep, published(src, err)
	}
	left := rest{runner: r, src: src, report: rep, news: news, staging: staging, resumed: &began.Ctime}
	if err := left.do(ctx, func() error { return placeLog(r.root, staging, src.id) }); err != nil {
		rep.Error = ending(err)
		return rep, err
	}
	return rep, nil
}

// recall reads in the catalogue what the published snapshot holds: it fulfils
// its promises and returns which lookup entries the run had found bad. Whoever
// deletes a catalogue loses no more than that.
func (r *runner) recall(ctx context.Context, src *checkedSource) (lookupNews, error) {
	fellBack := map[string]bool{}
	for _, f := range src.report.FallbackPaths {
		fellBack[f.Path] = true
	}
	again := map[digest.Sum]lookupCare{}
	err := r.eachRecord(ctx, src.id, func(rec *catalog.Record) error {
		if rec.Kind != meta.File {
			return nil
		}
		r.promises.settle(src.Snapshot+"/"+sums.StoredPath(rec.Path), rec.SHA256)
		if fellBack[rec.Path] {
			again[rec.SHA256] = pointHere
		}
		return nil
	})
	r.promises.breakAll(src.Snapshot)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return lookupNews{again: again}, err
}

// placeLog moves the staged log beside its snapshot, if it is still there.
func placeLog(root *snapshot.Root, staging *snapshot.Staging, id snapshot.ID) error {
	dir, err := root.Dir().OpenDirAt(id.Name)
	if err != nil {
		return err
	}
	defer dir.Close()
	err = staging.Dir().Rename(stagedLog, dir, id.Time+snapshot.SuffixLog)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
