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

// Names of the guards that can trip between planning and applying: all but
// root_id, as a plan is for one root only.
const (
	guardSource     = "source"
	guardMountpoint = "mountpoint"
	guardSentinel   = "sentinel"
	guardMinFiles   = "min_files"
	guardMaxDeleted = "max_deleted_percent"
	guardMaxChanged = "max_changed_percent"
	guardSpace      = "space"
	guardMinFree    = "min_free"
	guardClock      = "clock"
)

// What plan.Mounted and plan.HasSentinel look at.
const (
	whatSource      = "source"
	whatDestination = "destination"
)

// What a run writes of which no entry tells.
const (
	sidecarInodes  = 8 // per source: log, report, summary, catalogue and their directories
	clockTolerance = 24 * time.Hour
	stagingPath    = snapshot.PrivateDir + "/staging"
)

// tripNow is the error of a guard that trips only now.
func tripNow(name, format string, args ...any) error {
	return &GuardError{Guard: name, Err: fmt.Errorf(format, args...)}
}

// tripAlways is tripNow for a guard that cannot be overridden, as there is
// nothing to work with.
func tripAlways(name, format string, args ...any) error {
	return &GuardError{Guard: name, Always: true, Err: fmt.Errorf(format, args...)}
}

// applyable refuses a plan that a guard keeps from being applied.
func (c *checked) applyable() error {
	for _, src := range c.sources {
		for _, g := range src.Guards {
			if g.Status == plan.GuardTripped {
				return &GuardError{
					Guard: g.Name, Planned: true, Path: src.Path,
					Err: fmt.Errorf("%s: %s", src.Name, g.Detail),
				}
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

// overrides reports whether a guard that is about the destination may trip.
func (c *checked) overrides(name string) bool { return slices.Contains(c.header.Overrides, name) }

// guardDestination looks again whether the right disk is mounted at the
// destination; dest is nil if it is to be made.
func (c *checked) guardDestination(dest *fsys.Dir) error {
	require, path := c.header.Destination.Require, c.header.Destination.Path
	if require.Mountpoint && !c.overrides(guardMountpoint) {
		if detail, ok := plan.Mounted(whatDestination, path, dest); !ok {
			return tripNow(guardMountpoint, "%s", detail)
		}
	}
	if require.Sentinel != "" && !c.overrides(guardSentinel) {
		if detail, ok := plan.HasSentinel(whatDestination, path, dest, require.Sentinel); !ok {
			return tripNow(guardSentinel, "%s", detail)
		}
	}
	return nil
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
			return fmt.Errorf("%s: %w", src.Name, err)
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
		return tripAlways(guardSource, "%v: is something not mounted?", err)
	}
	defer dir.Close()
	list, err := dir.ReadDir()
	if err != nil {
		return tripAlways(guardSource, "%v: is something not mounted?", err)
	}
	if len(list) == 0 && !c.overridden(src, guardSource) {
		return tripNow(guardSource, "%s is empty: is something not mounted?", src.Path)
	}
	require := src.Settings.Require
	if require.Mountpoint && !c.overridden(src, guardMountpoint) {
		if detail, ok := plan.Mounted(whatSource, src.Path, dir); !ok {
			return tripNow(guardMountpoint, "%s", detail)
		}
	}
	if require.Sentinel != "" && !c.overridden(src, guardSentinel) {
		if detail, ok := plan.HasSentinel(whatSource, src.Path, dir, require.Sentinel); !ok {
			return tripNow(guardSentinel, "%s", detail)
		}
	}
	return nil
}

// guardStored looks at a snapshot before it is published: files that vanished
// or were rewritten since planning count, too. Links are not looked at: the
// plan is the state that was approved.
func (b *builder) guardStored() error {
	require := b.src.Settings.Require
	if files, _ := b.stored(); files < require.MinFiles && !b.run.plan.overridden(b.src, guardMinFiles) {
		return tripNow(guardMinFiles, "%d files are left of %d that were planned, fewer than %d: is something not mounted?",
			files, b.src.files, require.MinFiles)
	}
	g := b.src.Settings.Guards
	if err := b.guardShare(guardMaxDeleted, g.MaxDeletedPercent, b.gone, "gone"); err != nil {
		return err
	}
	return b.guardShare(guardMaxChanged, g.MaxChangedPercent, b.altered, "changed in content")
}

// guardShare adds more files of the parent to those that planning counted.
func (b *builder) guardShare(name string, limit *float64, more int64, became string) error {
	if limit == nil || more == 0 || b.run.plan.overridden(b.src, name) {
		return nil
	}
	for _, g := range b.src.Guards {
		if g.Name == name && plan.TooMany(g.Count+more, g.Of, *limit) {
			return tripNow(name, "%d of the %d files of %s are %s by now, %d of them since it was planned: look at %s",
				g.Count+more, g.Of, b.src.parent, became, more, b.src.Path)
		}
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
			return tripNow(guardSpace, "the plan needs up to %d bytes, %d are free on %s: make room", need, free.Free, dest.Path())
		}
		inodes := c.inodes + sidecarInodes*int64(len(c.sources))
		if free.Inodes > 0 && inodes > free.FreeInode {
			return tripNow(guardSpace, "the plan needs up to %d inodes, %d are free on %s: make room", inodes, free.FreeInode, dest.Path())
		}
	}
	left, known := limitOf(src, guardMinFree)
	if known && !c.overridden(src, guardMinFree) && free.Free-need < left {
		return tripNow(guardMinFree, "%d bytes are free on %s and the plan needs up to %d, which leaves less than %d", free.Free, dest.Path(), need, left)
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
//
// A plan that was made in the future would publish a snapshot from there.
func (r *runner) clock(ctx context.Context) error {
	if made := r.plan.header.CreatedAt; made.Sub(r.opts.Now()) > clockTolerance && r.plan.stores() && !r.plan.overrides(guardClock) {
		return tripNow(guardClock, "the plan was made at %s, in the future: is the clock right?", made.Format(time.RFC3339))
	}
	for _, src := range r.plan.sources {
		if err := ctx.Err(); err != nil {
			return err
		}
		if src.Parent == nil || src.published || r.plan.overridden(src, guardClock) {
			continue
		}
		made, ok := r.madeAt(src.parent)
		if ok && made.Sub(r.opts.Now()) > clockTolerance {
			return tripNow(guardClock, "the newest snapshot %s lies in the future: is the clock right?", src.parent)
		}
	}
	return nil
}

// furthestZone is how far ahead of UTC local time can be.
const furthestZone = 14 * time.Hour

// madeAt returns when a snapshot was made, as its catalogue says in UTC, or at
// the earliest, as its name says: the plan does not carry the time zone.
func (r *runner) madeAt(id snapshot.ID) (time.Time, bool) {
	if t, ok := r.started(id); ok {
		return t, true
	}
	t, err := snapshot.ParseTime(id.Time, time.UTC)
	return t.Add(-furthestZone), err == nil
}

// started returns what the catalogue of a snapshot says of its beginning.
func (r *runner) started(id snapshot.ID) (time.Time, bool) {
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
