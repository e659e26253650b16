package execute

import (
	"context"
	"errors"
	"io/fs"
	"slices"

	"phlb/internal/fsys"
)

// admit refuses a plan that does not, or no longer, fit the root. It writes
// nothing.
func (r *runner) admit(ctx context.Context) error {
	open, err := r.root.RunOpen(r.plan.header.PlanID)
	if err != nil {
		return err
	}
	for _, check := range []func() error{
		func() error { return r.identify(open) },
		func() error { return r.moved(open) },
		func() error { return r.pruned(open) },
		r.targetsPublished,
		func() error { return r.targetsReached(ctx) },
		func() error { return r.clock(ctx) },
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := check(); err != nil {
			return err
		}
	}
	if err := r.plan.guardDestination(r.root.Dir()); err != nil {
		return err
	}
	under, err := r.interrupted()
	if err != nil {
		return err
	}
	return r.guards(r.root.Dir(), open || under)
}

// identify refuses a plan that was made for another root. open says that a
// run of this very plan began and was interrupted.
func (r *runner) identify(open bool) error {
	state, exists, err := r.root.State()
	if err != nil {
		return err
	}
	want := r.plan.header.Destination.ID
	switch {
	case want == nil && exists && !open:
		if id, ok := r.applied(); ok {
			return refuse(Applied, "it was already applied: %s exists", id)
		}
		return refuse(Appeared, "the root %s has come into being since it was planned (id %s)", r.root.Path(), state.ID)
	case want != nil && !exists:
		return refuse(OtherRoot, "%s is not the planned root: it has no .phlb/root.json (is the right disk mounted?)", r.root.Path())
	case want != nil && *want != state.ID:
		return refuse(OtherRoot, "%s is another root (id %s) than the planned one (%s): is the right disk mounted?", r.root.Path(), state.ID, *want)
	}
	return nil
}

// applied reports whether a snapshot that this plan makes is there.
func (r *runner) applied() (string, bool) {
	for _, src := range r.plan.sources {
		newest, ok, err := r.root.Newest(src.Name)
		if err == nil && ok && r.publishedBy(src, newest) {
			return src.Snapshot, true
		}
	}
	return "", false
}

// moved refuses a plan whose names have newer snapshots than it knew, and
// finds out which sources an interrupted run of this plan has published.
func (r *runner) moved(open bool) error {
	for _, src := range r.plan.sources {
		newest, _, err := r.root.Newest(src.Name)
		if err != nil {
			return err
		}
		src.published = false
		if newest == src.parent.Time {
			if r.removedSince(src) {
				return refuse(Applied, "it was already applied; %s has been removed since", src.Snapshot)
			}
			continue
		}
		mine := r.publishedBy(src, newest)
		switch {
		case mine && open:
			src.published = true
		case mine:
			return refuse(Applied, "it was already applied: %s exists", src.Snapshot)
		default:
			return refuse(Stale, "the newest snapshot of %s is %s, but the plan knows %s",
				src.Name, orNone(newest), orNone(src.parent.Time))
		}
	}
	return nil
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// publishedBy reports whether the newest snapshot is the one this plan makes.
// Without a report that says so, it is not, whoever made it.
func (r *runner) publishedBy(src *checkedSource, newest string) bool {
	if src.Snapshot == "" || newest != src.id.Time {
		return false
	}
	rep, err := readReport(r.root, src.id)
	if err != nil || rep.PlanID != r.plan.header.PlanID {
		return false
	}
	src.report = rep
	return true
}

// removedSince reports whether this plan was applied to the end and its
// snapshot is gone again. The report of a run that was interrupted before it
// published has no generation.
func (r *runner) removedSince(src *checkedSource) bool {
	if src.Snapshot == "" {
		return false
	}
	rep, err := readReport(r.root, src.id)
	return err == nil && rep.PlanID == r.plan.header.PlanID && rep.Generation > 0
}

// pruned refuses a plan that only prunes when all of that is done.
func (r *runner) pruned(open bool) error {
	if open || r.plan.stores() || r.plan.prunes() == 0 {
		return nil
	}
	for id := range r.plan.pruned {
		dir, err := r.root.OpenSnapshot(id)
		if err == nil {
			return dir.Close()
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil //nolint:nilerr // there is something: pruning will tell what
		}
	}
	return refuse(Applied, "it was already applied: nothing that it prunes is there any more")
}

// links reports whether links are still to be made: an interrupted run may
// have published everything, and pruned what it linked to.
func (c *checked) links() bool {
	return slices.ContainsFunc(c.sources, func(s *checkedSource) bool { return s.Snapshot != "" && !s.published })
}

// targetsReached refuses a plan with link targets behind a symbolic link. A
// directory that is missing is no reason: its files are copied instead.
func (r *runner) targetsReached(ctx context.Context) error {
	if !r.plan.links() {
		return nil
	}
	for rel := range r.plan.targetDirs {
		if err := ctx.Err(); err != nil {
			return err
		}
		dir, err := r.root.Dir().OpenDirAt(rel)
		switch {
		case err == nil:
			dir.Close()
		case fsys.ClassOf(err) == fsys.ClassType:
			return refuse(Unsafe, "a link target in %s is reached through what is no directory: %w", rel, err)
		}
	}
	return nil
}

// targetsPublished refuses a plan that links to snapshots that are not there.
// That single files of theirs are missing is looked at when it comes to them.
func (r *runner) targetsPublished() error {
	if !r.plan.links() {
		return nil
	}
	for id := range r.plan.targets {
		dir, err := r.root.OpenSnapshot(id)
		if errors.Is(err, fs.ErrNotExist) || fsys.ClassOf(err) == fsys.ClassType {
			return refuse(Stale, "it links to files of %s, which is no snapshot of %s (any more)", id, r.root.Path())
		}
		if err != nil {
			return err
		}
		dir.Close()
	}
	return nil
}
