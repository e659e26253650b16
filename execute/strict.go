package execute

import (
	"errors"
	"fmt"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// This file holds what --strict asks of what is not read from the source:
// that it still is what the plan saw.

// strictly is the error that ends a run since the source has drifted. What has
// drifted, or is gone, is noted, too: whoever reads the report of that run
// wants to know.
func (b *builder) strictly(path string, why error) error {
	b.tally(func(r *Report) {
		list := &r.Drifted
		if fsys.ClassOf(why) == fsys.ClassVanished {
			list = &r.Vanished
		}
		r.note(list, path, reason(why))
	})
	return fmt.Errorf("%w: %s: %s", ErrDrift, path, reason(why))
}

// lookStrictly tells what the task's path is now. What cannot be told has
// drifted, too.
func (h *hands) lookStrictly(t *task, kind meta.Kind) (meta.Info, error) {
	now, err := h.b.source.LstatAt(t.Path)
	if err != nil {
		return now, h.b.strictly(t.Path, err)
	}
	if now.Kind != kind {
		return now, h.b.strictly(t.Path, fmt.Errorf("it is a %s now", now.Kind))
	}
	return now, nil
}

func (h *hands) sameFile(t *task) error {
	now, err := h.lookStrictly(t, meta.File)
	if err != nil {
		return err
	}
	if why := h.b.driftOf(&t.Entry, &now); why != "" {
		return h.b.strictly(t.Path, errors.New(why))
	}
	return nil
}

// sameDirectory leaves the times out: they tell of entries that came or went,
// and of those that went each tells itself.
func (h *hands) sameDirectory(t *task) error {
	now, err := h.lookStrictly(t, meta.Dir)
	if err != nil {
		return err
	}
	if now.Mode != t.Mode || now.UID != t.UID || now.GID != t.GID {
		return h.b.strictly(t.Path, errors.New("its mode or owner is not what was planned"))
	}
	return nil
}

func (h *hands) sameSymlink(t *task) error {
	if _, err := h.lookStrictly(t, meta.Symlink); err != nil {
		return err
	}
	dir, err := h.source()
	if err != nil {
		return h.b.strictly(t.Path, err)
	}
	target, err := dir.Readlink(base(t.Path))
	if err != nil {
		return h.b.strictly(t.Path, err)
	}
	if target != t.Target {
		return h.b.strictly(t.Path, errors.New("it points elsewhere than planned"))
	}
	return nil
}
