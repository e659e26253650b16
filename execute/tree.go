package execute

import (
	"context"
	"fmt"
	"sync"

	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/sums"
	"phlb/plan"
)

// node is a directory of the snapshot being built. It holds no descriptor:
// a tree is wider than the limit on open files, and opening by path in one
// call costs little beside a directory's files.
type node struct {
	parent *node
	path   string // relative to the source
	stored string // relative to the snapshot
	attrs  plan.Attrs

	mu    sync.Mutex
	lines []sums.Line // of its regular files
	kept  int         // how many of them are links to the parent's files
	// open counts what keeps the directory unfinished: the reader that is
	// still in it, batches of its files, unfinished subdirectories.
	open int
	// files counts the same without the subdirectories: at zero its
	// SHA256SUMS can be written.
	files int
}

func newNode(parent *node, e *plan.Entry) *node {
	return &node{parent: parent, path: e.Path, stored: sums.StoredPath(e.Path), attrs: planned(e), open: 1, files: 1}
}

// count keeps the directory above unfinished as long as this one is.
func (n *node) count() {
	if n.parent == nil {
		return
	}
	n.parent.mu.Lock()
	n.parent.open++
	n.parent.mu.Unlock()
}

// begin counts a batch of the directory's files in.
func (n *node) begin() {
	n.mu.Lock()
	n.open++
	n.files++
	n.mu.Unlock()
}

// add takes over the lines of a batch, and returns a list that it has no use
// for.
func (n *node) add(lines []sums.Line, kept int) (spare []sums.Line) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.kept += kept
	if len(n.lines) == 0 && len(lines) > 0 {
		n.lines = lines
		return nil
	}
	n.lines = append(n.lines, lines...)
	return lines
}

// done counts one of the things out that begin or newNode counted in, and
// finishes the directory, and then those above it, when it was the last one.
// After an error directories stay unfinished: nothing will be published. A
// worker that comes from the directory lends its descriptors.
func (b *builder) done(ctx context.Context, n *node, h *hands) error {
	n.mu.Lock()
	n.files--
	sums := n.files == 0 && len(n.lines) > 0
	n.mu.Unlock()
	if sums {
		if err := b.writeSums(n, h); err != nil {
			return fmt.Errorf("write checksums of %s: %w", n.path, err)
		}
	}
	for ; n != nil; n = n.parent {
		n.mu.Lock()
		n.open--
		last := n.open == 0
		n.mu.Unlock()
		if !last {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := b.inStage(n, h, func(dir *fsys.Dir) error { return b.finish(n, dir) }); err != nil {
			return err
		}
		h = nil // the directories above are others
	}
	return nil
}

// inStage calls f with the node's directory in staging, which the worker h, if
// there is one, has open already.
func (b *builder) inStage(n *node, h *hands, f func(*fsys.Dir) error) error {
	if h != nil {
		return f(h.stage)
	}
	dir, err := b.tree.OpenDirAt(n.stored)
	if err != nil {
		return err
	}
	defer dir.Close()
	return f(dir)
}

// ownerEnters are the bits without which a directory's owner cannot read what
// is in it.
const ownerEnters = 0o500

// finish gives a directory its final metadata: nothing more will be written
// in it.
func (b *builder) finish(n *node, dir *fsys.Dir) error {
	e := &n.attrs
	d := b.dresser()
	d.owner(dir, e.UID, e.GID)
	d.Xattrs(dir, e.Xattrs)
	st, err := dir.Stat()
	if err == nil {
		mode := e.Mode
		if st.UID != e.UID {
			mode |= ownerEnters // whoever stored it must be able to read it
		}
		if st.Mode != mode {
			d.Try(dir.Chmod(mode))
		}
		d.Try(dir.SetMtime(e.Mtime))
		st, err = dir.Stat()
	}
	d.Try(err)
	d.compare(&st, &meta.Info{Mode: e.Mode, UID: e.UID, GID: e.GID, Mtime: e.Mtime})
	if err := d.done(); err != nil {
		return fmt.Errorf("finish directory %s: %w", n.path, err)
	}
	return nil
}
