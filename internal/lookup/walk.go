package lookup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// WalkOption configures Sums and Sizes.
type WalkOption func(*walk)

// OnStray makes a walk pass on what does not belong into the lookup: files
// with other names, leftovers of interrupted writes, entries whose content is
// no path. The path is relative to the backup root.
func OnStray(f func(path string) error) WalkOption { return func(w *walk) { w.stray = f } }

// walk visits the two levels of directories of a lookup.
type walk struct {
	root  *fsys.Dir
	base  string
	stray func(path string) error
	isDir func(name string) bool // may be a directory of either level
	// entry is called for each name in a directory of the second level, with
	// its path below base. It reports whether the name belongs there.
	entry func(d *fsys.Dir, dir string, e fsys.DirEntry) (belongs bool, err error)
}

func newWalk(root *fsys.Dir, base string, opts []WalkOption) *walk {
	w := &walk{root: root, base: base, stray: func(string) error { return nil }}
	for _, opt := range opts {
		opt(w)
	}
	return w
}

func (w *walk) run(ctx context.Context) error {
	d, err := w.root.OpenDirAt(w.base)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read lookups: %w", err)
	}
	defer d.Close()
	return w.level(ctx, d, "", 1)
}

// level lists d, whose path below base is prefix without its last slash. At
// the first and second depth it descends.
func (w *walk) level(ctx context.Context, d *fsys.Dir, prefix string, depth int) error {
	list, err := d.ReadDir()
	if err != nil {
		return fmt.Errorf("read lookups: %w", err)
	}
	for _, e := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		belongs := false
		if depth <= 2 {
			belongs, err = w.descend(ctx, d, prefix, depth, e)
		} else {
			belongs, err = w.entry(d, prefix[:len(prefix)-1], e)
		}
		if err == nil && !belongs {
			err = w.stray(w.base + "/" + prefix + e.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *walk) descend(ctx context.Context, d *fsys.Dir, prefix string, depth int, e fsys.DirEntry) (bool, error) {
	if e.Kind != meta.Dir && e.Kind != meta.Unknown || !w.isDir(e.Name) {
		return false, nil
	}
	sub, err := d.OpenDir(e.Name)
	if fsys.ClassOf(err) == fsys.ClassType {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read lookups: %w", err)
	}
	defer sub.Close()
	return true, w.level(ctx, sub, prefix+e.Name+"/", depth+1)
}
