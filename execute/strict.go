package execute

import (
	"fmt"

	"phlb/internal/meta"
)

// This file holds what --strict asks of what is not read from the source:
// that it still is what the plan saw.

// lookStrictly tells what the task's path is now. What cannot be told has
// drifted, too.
func (h *hands) lookStrictly(t *task, kind meta.Kind) (meta.Info, error) {
	now, err := h.b.source.LstatAt(t.Path)
	if err != nil {
		return now, fmt.Errorf("%w: %w", ErrDrift, err)
	}
	if now.Kind != kind {
		return now, fmt.Errorf("%w: %s: it is a %s now", ErrDrift, t.Path, now.Kind)
	}
	return now, nil
}

func (h *hands) sameFile(t *task) error {
	now, err := h.lookStrictly(t, meta.File)
	if err != nil {
		return err
	}
	if why := driftOf(&t.Entry, &now); why != "" {
		return fmt.Errorf("%w: %s: %s", ErrDrift, t.Path, why)
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
		return fmt.Errorf("%w: %s: its mode or owner is not what was planned", ErrDrift, t.Path)
	}
	return nil
}

func (h *hands) sameSymlink(t *task) error {
	if _, err := h.lookStrictly(t, meta.Symlink); err != nil {
		return err
	}
	dir, err := h.source()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDrift, err)
	}
	target, err := dir.Readlink(base(t.Path))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrDrift, err)
	}
	if target != t.Target {
		return fmt.Errorf("%w: %s: it points elsewhere than planned", ErrDrift, t.Path)
	}
	return nil
}
