package execute

import (
	"context"
	"fmt"
	"sync"

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
	entry  plan.Entry

	mu    sync.Mutex
	lines []sums.Line // of its regular files
	// open counts what keeps the directory unfinished: the reader that is
	// still in it, batches of its files, unfinished subdirectories.
	open int
	// files counts the same without the subdirectories: at zero its
	// SHA256SUMS can be written.
	files int
}

func newNode(parent *node, e *plan.Entry) *node {
	return &node{parent: parent, path: e.Path, stored: sums.StoredPath(e.Path), entry: *e, open: 1, files: 1}
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

func (n *node) add(lines []sums.Line) {
	if len(lines) == 0 {
		return
	}
	n.mu.Lock()
	n.lines = append(n.lines, lines...)
	n.mu.Unlock()
}

// done counts one of the things out that begin or newNode counted in, and
// finishes the directory, and then those above it, when it was the last one.
// After an error directories stay unfinished: nothing will be published.
func (b *builder) done(ctx context.Context, n *node) error {
	n.mu.Lock()
	n.files--
	sums := n.files == 0 && len(n.lines) > 0
	n.mu.Unlock()
	if sums {
		if err := b.writeSums(n); err != nil {
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
		if err := b.finish(n); err != nil {
			return err
		}
	}
	return nil
}

// mkdir makes the directory in staging, with a mode that lets only this user
// work in it until it is finished.
func (b *builder) mkdir(n *node) error {
	if n.parent == nil {
		return nil // the tree itself; OpenStaging made it
	}
	dir, err := b.tree.OpenDirAt(n.parent.stored)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Mkdir(base(n.stored), 0o700)
}

// sumsMode is who may read a directory's SHA256SUMS: whoever may read the
// directory.
func sumsMode(dir uint32) uint32 { return 0o600 | dir&0o444 }

// writeSums writes a directory's SHA256SUMS.
func (b *builder) writeSums(n *node) error {
	sums.Sort(n.lines)
	var text []byte
	for _, l := range n.lines {
		text = sums.Append(text, l)
	}
	n.lines = nil
	dir, err := b.tree.OpenDirAt(n.stored)
	if err != nil {
		return err
	}
	defer dir.Close()
	f, err := dir.Create(sums.FileName, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		d := dresser{builder: b}
		d.owner(f, n.entry.UID, n.entry.GID)
		d.try(f.Chmod(sumsMode(n.entry.Mode)))
		err = d.err // what is lost here is lost, and counted, with the directory
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// finish gives a directory its final metadata: nothing more will be written
// in it.
func (b *builder) finish(n *node) error {
	dir, err := b.tree.OpenDirAt(n.stored)
	if err != nil {
		return err
	}
	defer dir.Close()
	d := dresser{builder: b}
	d.owner(dir, n.entry.UID, n.entry.GID)
	d.xattrs(dir.SetXattr, n.entry.Xattrs)
	d.try(dir.Chmod(n.entry.Mode))
	d.try(dir.SetMtime(n.entry.Mtime))
	if err := d.done(); err != nil {
		return fmt.Errorf("finish directory %s: %w", n.path, err)
	}
	return nil
}
