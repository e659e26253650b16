package execute

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"phlb/internal/catalog"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/plan"
)

// Names of the guards that can trip between planning and applying. What the
// others measure is in the plan itself and cannot change.
const (
	guardSource   = "source"
	guardSentinel = "sentinel"
	guardSpace    = "space"
	guardMinFree  = "min_free"
	guardClock    = "clock"
)

// What a run writes of which no entry tells.
const (
	sidecarInodes  = 8 // per source: log, report, summary, catalogue and their directories
	clockTolerance = 24 * time.Hour
	stagingPath    = snapshot.PrivateDir + "/staging"
)

// trip is the error of a guard that trips now.
func trip(name, format string, args ...any) error {
	return fmt.Errorf("%w: %s: %s", ErrGuard, name, fmt.Sprintf(format, args...))
}

// applyable refuses a plan that a guard keeps from being applied.
func (c *checked) applyable() error {
	for _, src := range c.sources {
		for _, g := range src.Guards {
			if g.Status == plan.GuardTripped {
				return trip(g.Name, "%s: %s; mend it, or override the guard by name, and plan again", src.Name, g.Detail)
			}
		}
	}
	if !c.header.Applyable {
		return fmt.Errorf("%w: the plan was written for inspection only; mend what tripped, or override the guard by name, and plan again", ErrGuard)
	}
	return nil
}

// overridden reports whether the plan was made in spite of a guard.
func (c *checked) overridden(src *checkedSource, name string) bool {
	return slices.Contains(c.header.Overrides, name) ||
		slices.ContainsFunc(src.Guards, func(g plan.Guard) bool { return g.Name == name && g.Status == plan.GuardOverridden })
}

// guards checks again what can have changed since planning. dest is the root,
// or the directory it will be made in. resumed says that part of what the plan
// needs is there already, so that its space cannot be told.
func (r *runner) guards(dest *fsys.Dir, resumed bool) error {
	for _, src := range r.plan.sources {
		if src.published || src.Snapshot == "" {
			continue
		}
		if err := r.plan.guardSource(src); err != nil {
			return err
		}
		if resumed {
			continue
		}
		if err := r.plan.guardRoom(dest, src); err != nil {
			return err
		}
	}
	return nil
}

// guardSource trips when a source is missing or empty: that looks like
// "everything was deleted", and mostly is a disk that is not mounted. A
// source that is no directory cannot be overridden: there is nothing to read.
func (c *checked) guardSource(src *checkedSource) error {
	dir, err := fsys.Open(src.Path)
	if err != nil {
		return trip(guardSource, "%v", err)
	}
	defer dir.Close()
	list, err := dir.ReadDir()
	if err != nil {
		return trip(guardSource, "%v", err)
	}
	if len(list) == 0 && !c.overridden(src, guardSource) {
		return trip(guardSource, "%s is empty: is something not mounted?", src.Path)
	}
	sentinel := src.Settings.Require.Sentinel
	if sentinel == "" || c.overridden(src, guardSentinel) {
		return nil
	}
	if _, err := dir.LstatAt(sentinel); err != nil {
		return trip(guardSentinel, "%v: is the right disk mounted at %s?", err, src.Path)
	}
	return nil
}

// guardRoom compares what the whole plan needs with what is free.
func (c *checked) guardRoom(dest *fsys.Dir, src *checkedSource) error {
	free, err := dest.FS()
	if err != nil {
		return err
	}
	need, known := limitOf(src, guardSpace)
	if known && !c.overridden(src, guardSpace) {
		if need > free.Free {
			return trip(guardSpace, "the plan needs up to %d bytes, %d are free on %s", need, free.Free, dest.Path())
		}
		inodes := c.inodes + sidecarInodes*int64(len(c.sources))
		if free.Inodes > 0 && inodes > free.FreeInode {
			return trip(guardSpace, "the plan needs up to %d inodes, %d are free on %s", inodes, free.FreeInode, dest.Path())
		}
	}
	left, known := limitOf(src, guardMinFree)
	if known && !c.overridden(src, guardMinFree) && free.Free-need < left {
		return trip(guardMinFree, "%d bytes are free on %s and the plan needs up to %d, which leaves less than %d", free.Free, dest.Path(), need, left)
	}
	return nil
}

// limitOf returns the number that a guard of the plan compares with.
func limitOf(src *checkedSource, name string) (int64, bool) {
	for _, g := range src.Guards {
		if n, ok := g.Limit.(int64); ok && g.Name == name {
			return n, true
		}
	}
	return 0, false
}

// interrupted reports whether the root holds staged files of an interrupted
// run: they will be taken over or removed, so free space says too little.
func (r *runner) interrupted() (bool, error) {
	dir, err := r.root.Dir().OpenDirAt(stagingPath)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer dir.Close()
	list, err := dir.ReadDir()
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(list, func(e fsys.DirEntry) bool {
		info, err := dir.Lstat(e.Name)
		return err == nil && info.Kind == meta.Dir
	}), nil
}

// clock trips when the newest snapshot lies far in the future: the clock was
// set back, and retention and "newest" would go wrong.
func (r *runner) clock(ctx context.Context) error {
	for _, src := range r.plan.sources {
		if err := ctx.Err(); err != nil {
			return err
		}
		if src.Parent == nil || src.published || r.plan.overridden(src, guardClock) {
			continue
		}
		made, ok := r.madeAt(src.parent)
		if ok && made.Sub(r.opts.Now()) > clockTolerance {
			return trip(guardClock, "the newest snapshot %s lies in the future: is the clock right?", src.parent)
		}
	}
	return nil
}

// madeAt returns when a snapshot was made, as its catalogue says in UTC. Its
// name alone does not tell: the plan does not carry the time zone.
func (r *runner) madeAt(id snapshot.ID) (time.Time, bool) {
	f, err := r.root.CatalogFile(id)
	if err != nil {
		return time.Time{}, false
	}
	defer f.Close()
	c, err := catalog.NewReader(f)
	if err != nil {
		return time.Time{}, false
	}
	defer c.Close()
	return c.Header().Started, c.Header().Origin == catalog.OriginApply
}
