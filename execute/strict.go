package execute

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/plan"
)

// This file holds what --strict asks of what is not read from the source:
// that it still is what the plan saw.

// DriftError says that, with Strict, a source is not as planned. It is
// ErrDrift.
type DriftError struct {
	Path string // in the source, absolute
	How  string // it differs
	// Published are the snapshots that other sources of the plan have by now,
	// from this run or from one of the same plan that was interrupted.
	Published []string
}

// Error tells what differs.
func (e *DriftError) Error() string { return ErrDrift.Error() + ": " + e.Path + ": " + e.How }

// Unwrap returns ErrDrift.
func (e *DriftError) Unwrap() error { return ErrDrift }

// besides completes the error of a run with what was published nonetheless.
func besides(res *Result, err error) error {
	var drift *DriftError
	if res == nil || !errors.As(err, &drift) {
		return err
	}
	for _, rep := range res.Reports {
		if rep.Snapshot != nil {
			drift.Published = append(drift.Published, *rep.Snapshot)
		}
	}
	return err
}

// strayed is the error that ends a run since the source has drifted. What has
// drifted, or is gone, is noted, too: whoever reads the report of that run
// wants to know.
func (s *checkedSource) strayed(rep *Report, path string, why error) error {
	list := &rep.Drifted
	if fsys.ClassOf(why) == fsys.ClassVanished {
		list = &rep.Vanished
	}
	rep.note(list, path, reason(why))
	return &DriftError{Path: filepath.Join(s.Path, filepath.FromSlash(path)), How: reason(why)}
}

// strictly is strayed while a snapshot is built.
func (b *builder) strictly(path string, why error) (err error) {
	b.tally(func(r *Report) { err = b.src.strayed(r, path, why) })
	return err
}

// same ends the run unless the task's path still is what the plan saw.
func (h *hands) same(ctx context.Context, t *task) error {
	if err := h.eye.same(&t.Entry); err != nil {
		return h.b.sourceFault(ctx, t, err)
	}
	return nil
}

// looker tells whether a source still is what the plan saw. It is used by one
// goroutine.
type looker struct {
	src    *checkedSource
	source *fsys.Dir
	dir    *fsys.Dir // what was looked into last; nil: nothing yet
	path   string    // of dir
}

func (l *looker) close() {
	if l.dir != nil {
		l.dir.Close()
	}
}

// same returns how an entry's path differs from the plan; nil: in nothing. The
// error is of class vanished if nothing is there any more. What the plan skips
// may be anything.
func (l *looker) same(e *plan.Entry) error {
	kind := meta.File
	switch e.Action {
	case plan.ActionMkdir:
		kind = meta.Dir
	case plan.ActionSymlink:
		kind = meta.Symlink
	case plan.ActionSkip:
		return nil
	}
	now, err := l.lstat(e.Path)
	if err != nil {
		return err
	}
	if now.Kind != kind {
		return fmt.Errorf("it is a %s now", now.Kind)
	}
	switch kind {
	case meta.Dir:
		return sameDirectory(e, &now)
	case meta.Symlink:
		return l.sameSymlink(e)
	}
	if why := l.src.driftOf(e, &now); why != "" {
		return errors.New(why)
	}
	return nil
}

// lstat looks at a path by its directory, which stays open: neighbours follow.
func (l *looker) lstat(path string) (meta.Info, error) {
	if path == "." {
		return l.source.Stat()
	}
	if dir := dirOf(path); l.dir == nil || l.path != dir {
		opened, err := l.source.OpenDirAt(dir)
		if err != nil {
			return meta.Info{}, err
		}
		l.close()
		l.dir, l.path = opened, dir
	}
	return l.dir.Lstat(base(path))
}

// sameDirectory leaves the times out: they tell of entries that came or went,
// and of those that went each tells itself.
func sameDirectory(e *plan.Entry, now *meta.Info) error {
	if now.Mode != e.Mode || now.UID != e.UID || now.GID != e.GID {
		return errors.New("its mode or owner is not what was planned")
	}
	return nil
}

// sameSymlink looks where the link points that lstat has just found.
func (l *looker) sameSymlink(e *plan.Entry) error {
	target, err := l.dir.Readlink(base(e.Path))
	if err != nil {
		return err
	}
	if target != e.Target {
		return errors.New("it points elsewhere than planned")
	}
	return nil
}
