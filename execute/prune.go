package execute

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
)

// NotPruned is a snapshot that the plan prunes and that stays after all.
type NotPruned struct {
	Snapshot string `json:"snapshot"`
	Reason   string `json:"reason"`
}

// trashPath is where snapshots go before they are removed.
const trashPath = snapshot.PrivateDir + "/trash"

// errEnough ends pruning when Options.MaxDuration is over.
var errEnough = errors.New("the time for pruning is over; the same plan again, or the next run, goes on")

// pruner removes what the plan prunes, when everything is published: on ext4
// whatever is created soon after a mass removal is slow.
type pruner struct {
	*runner
	res     *Result
	resumed bool // an earlier run of this plan began
	// touched says that names of stored inodes were removed, which changes
	// their ctime; since is when that began, by the destination's clock.
	touched bool
	since   meta.Time
}

// prune carries out the plan's prunes, and finishes removals that an earlier
// run left.
func (r *runner) prune(ctx context.Context, res *Result, resumed bool) error {
	p := &pruner{runner: r, res: res, resumed: resumed}
	if err := p.all(ctx); err != nil {
		return fmt.Errorf("prune: %w; nothing else is left to do: apply the same plan again to finish it", err)
	}
	return nil
}

func (p *pruner) all(ctx context.Context) (err error) {
	left, err := p.trashed()
	if err != nil || !left && p.plan.prunes() == 0 {
		return err
	}
	start := p.opts.Now()
	events := p.opts.Events
	events.Send(event.Event{Kind: event.Start, Phase: event.Prune, Files: int64(p.plan.prunes())})
	defer func() { events.Send(event.Event{Kind: event.End, Phase: event.Prune, Err: err}) }()
	limited, stop := p.limit(ctx)
	defer stop()
	if left {
		err = p.leftovers(limited)
	}
	for i, src := range p.plan.sources {
		if err == nil {
			err = p.source(limited, src, p.res.Reports[i])
		}
	}
	if err != nil && p.over(ctx, limited) {
		p.res.Unfinished, err = true, nil
	}
	return errors.Join(err, p.leave(context.WithoutCancel(ctx), start))
}

// limit ends ctx when the time for pruning is over.
func (p *pruner) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if p.opts.MaxDuration <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, p.opts.MaxDuration, errEnough)
}

// over reports whether the time for pruning, and nothing else, is over.
func (p *pruner) over(ctx, limited context.Context) bool {
	return ctx.Err() == nil && errors.Is(context.Cause(limited), errEnough)
}

// trashed reports whether there is anything in the trash.
func (p *pruner) trashed() (bool, error) {
	dir, err := p.root.Dir().OpenDirAt(trashPath)
	if fsys.ClassOf(err) == fsys.ClassVanished {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer dir.Close()
	list, err := dir.ReadDir()
	return len(list) > 0, err
}

// leftovers finishes removals that were interrupted.
func (p *pruner) leftovers(ctx context.Context) error {
	ids, err := p.root.Trashed()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := p.moveLookups(ctx, id); err != nil {
			return err
		}
	}
	return p.empty(ctx)
}

// source prunes what the plan prunes of one name.
func (p *pruner) source(ctx context.Context, src *checkedSource, rep *Report) error {
	if len(src.prune) == 0 {
		return nil
	}
	logger, closeLog := p.log(src, rep)
	defer closeLog()
	rep.NotPruned = nil // what an interrupted run had to say
	for _, id := range src.prune {
		times, err := p.root.Times(id.Name)
		if err != nil {
			return err
		}
		if p.resumed && !slices.Contains(times, id.Time) {
			if !slices.Contains(rep.Pruned, id.String()) {
				rep.Pruned = append(rep.Pruned, id.String()) // by the interrupted run
			}
			continue
		}
		why, err := p.mustStay(ctx, src, rep, id, times)
		if err != nil {
			return err
		}
		if why != "" {
			logger.Warn("not pruned", "snapshot", id.String(), "reason", why)
			rep.NotPruned = append(rep.NotPruned, NotPruned{id.String(), why})
			continue
		}
		if err := p.snapshot(ctx, id, rep); err != nil {
			return err
		}
		logger.Info("pruned", "snapshot", id.String())
	}
	return nil
}

// log returns where to tell what is pruned: the log of the snapshot that was
// made, too, if there is one. A log that cannot be written stops nothing.
func (p *pruner) log(src *checkedSource, rep *Report) (log *slog.Logger, end func()) {
	none := func() {}
	if rep.Snapshot == nil {
		return p.opts.Log, none
	}
	dir, err := p.root.Dir().OpenDirAt(src.Name)
	if err != nil {
		return p.opts.Log, none
	}
	defer dir.Close()
	f, err := dir.OpenAppend(src.id.Time+snapshot.SuffixLog, 0o600)
	if err != nil {
		return p.opts.Log, none
	}
	file := slog.NewTextHandler(f, &slog.HandlerOptions{Level: p.opts.LogFileLevel})
	return slog.New(both{p.opts.Log.Handler(), file}), func() { f.Close() }
}

// mustStay returns why a snapshot is not pruned although the plan says so.
// times are those that the name has.
func (p *pruner) mustStay(ctx context.Context, src *checkedSource, rep *Report, id snapshot.ID, times []string) (why string, err error) {
	if ctx.Err() != nil {
		if errors.Is(context.Cause(ctx), errEnough) {
			p.res.Unfinished = true
			return errEnough.Error(), nil
		}
		return "", ctx.Err()
	}
	if src.Snapshot != "" && (rep.Snapshot == nil || rep.Status == StatusFailed) {
		return "the new snapshot was not published", nil
	}
	if n := len(rep.Failed); n > 0 {
		return fmt.Sprintf("%d of the new snapshot's files could not be stored, which the plan did not foresee", n), nil
	}
	if !slices.Contains(times, id.Time) {
		return "it is gone already", nil
	}
	if times[len(times)-1] == id.Time {
		return "it is the newest one", nil
	}
	pinned, err := p.root.Pinned(id)
	if err != nil || pinned {
		return "it is pinned", err
	}
	newest, err := p.newestComplete(id.Name, times)
	if err == nil && newest == id.Time {
		return "it is the newest complete one", nil
	}
	return "", err
}

// newestComplete returns the time of a name's newest complete snapshot, ""
// if there is none.
func (p *pruner) newestComplete(name string, times []string) (string, error) {
	for _, t := range slices.Backward(times) {
		status, err := p.root.Status(snapshot.ID{Name: name, Time: t})
		if err != nil {
			return "", err
		}
		if status == snapshot.StatusComplete {
			return t, nil
		}
	}
	return "", nil
}

// snapshot prunes one. From the rename on it is no snapshot any more, and
// removing it can be interrupted.
func (p *pruner) snapshot(ctx context.Context, id snapshot.ID, rep *Report) error {
	if err := p.root.Trash(ctx, id); err != nil {
		return err
	}
	rep.Pruned = append(rep.Pruned, id.String())
	if err := p.moveLookups(ctx, id); err != nil {
		return err
	}
	if err := p.empty(ctx); err != nil {
		return err
	}
	p.opts.Events.Send(event.Event{Kind: event.Advance, Phase: event.Prune, Files: 1, Path: id.String()})
	return p.removeSidecars(id)
}

// removeSidecars removes what EmptyTrash left: on a full disk it was not told
// which snapshot it removed.
func (p *pruner) removeSidecars(id snapshot.ID) error {
	for _, suffix := range []string{snapshot.SuffixLog, snapshot.SuffixSummary, snapshot.SuffixReport} {
		if _, err := p.root.Dir().LstatAt(id.String() + suffix); err == nil {
			return p.root.RemoveSidecars(id)
		}
	}
	return nil
}

// empty removes what is in the trash.
func (p *pruner) empty(ctx context.Context) error {
	if !p.touched {
		before, _, err := p.tick(ctx)
		if err != nil {
			return err
		}
		p.touched, p.since = true, before
	}
	return p.root.EmptyTrash(ctx, p.opts.Workers)
}
