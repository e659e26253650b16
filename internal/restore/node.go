package restore

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"

	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/sums"
)

// node is a directory that is being restored. It holds no descriptor: a tree
// is wider than the limit on open files.
type node struct {
	parent *node
	stored string // path in the snapshot
	source string // path in the source
	path   string // path in the target
	want   attributes
	lines  map[string]*expected // of its SHA256SUMS; the walker's
	temp   string               // what names of unfinished files begin with
	// existed says that it was there before, inherits that files made in it
	// get an ACL.
	existed  bool
	inherits bool
	foreign  bool // its own metadata is nobody's business

	mu   sync.Mutex
	open int // the walker, batches, links and subdirectories that are not done
}

// begin keeps the directory unfinished until done.
func (n *node) begin() {
	n.mu.Lock()
	n.open++
	n.mu.Unlock()
}

// done counts out what begin counted in, and finishes the directory, and then
// those above it, when it was the last: as long as anything is written in a
// directory it cannot have its final mode and times.
func (r *run) done(ctx context.Context, n *node) error {
	for ; n != nil; n = n.parent {
		n.mu.Lock()
		n.open--
		last := n.open == 0
		n.mu.Unlock()
		if !last {
			return nil
		}
		if err := r.fault(ctx, n.source, r.finish(n)); err != nil {
			return err
		}
	}
	return nil
}

// finish gives a directory its metadata.
func (r *run) finish(n *node) error {
	if r.DryRun || n.foreign {
		return nil
	}
	dir, err := r.target.dir.OpenDirAt(n.path)
	if err != nil {
		return writing(err)
	}
	defer dir.Close()
	info, err := dir.Stat()
	if err != nil {
		return writing(err)
	}
	d := r.dresser()
	d.owner(dir, &info, &n.want)
	if n.existed {
		d.Try(dir.DropACL())
	}
	d.Xattrs(dir, n.want.xattrs)
	d.Try(dir.Chmod(n.want.mode))
	d.Try(dir.SetMtime(n.want.mtime))
	now, err := dir.Stat()
	d.check(&now, err, &n.want)
	return d.done()
}

var (
	errInTheWay  = errors.New("something else is in its place, which is not a directory; symbolic links are not followed")
	errCollides  = errors.New("the target has a directory of that name already: its file system may not tell names apart by case")
	errForbidden = errors.New("the target's directory is part of the backup root")
)

// make makes a directory in the target, open to its owner alone until it is
// finished.
func (w *walker) make(n *node, name string) error {
	if w.DryRun {
		return nil
	}
	above, err := w.target.dir.OpenDirAt(n.parent.path)
	if err != nil {
		return writing(err)
	}
	defer above.Close()
	err = above.Mkdir(name, 0o700)
	switch {
	case err == nil && n.parent.inherits:
		dir, err := above.OpenDir(name)
		if err != nil {
			return writing(err)
		}
		defer dir.Close()
		return writing(dir.DropACL())
	case err == nil:
		return nil
	case !errors.Is(err, fs.ErrExist):
		return writing(err)
	case !w.Overwrite && n.path != "lost+found": // see admit
		return errCollides
	}
	n.existed = true
	dir, err := above.OpenDir(name)
	if fsys.ClassOf(err) == fsys.ClassType {
		return errInTheWay
	}
	if err != nil {
		return writing(err)
	}
	return dir.Close()
}

// prepareExisting makes a directory that was there before ready to be written
// in, and removes what a killed run left there.
func (w *walker) prepareExisting(n *node, list []child) error {
	dir, err := w.target.dir.OpenDirAt(n.path)
	if err != nil {
		return writing(err)
	}
	defer dir.Close()
	info, err := dir.Stat()
	if err != nil {
		return writing(err)
	}
	if err := w.apart(n, &info); err != nil {
		return err
	}
	if err := w.target.meet(dir, &info); err != nil {
		return writing(err)
	}
	const owner = 0o700
	if info.Mode&owner != owner && int64(info.UID) == int64(w.UID) {
		if err := dir.Chmod(info.Mode | owner); err != nil {
			return writing(err)
		}
	}
	n.inherits = handsOnACL(dir)
	return w.sweep(dir, list)
}

// handsOnACL reports whether what is made in a directory gets an ACL.
func handsOnACL(dir *fsys.Dir) bool {
	x, err := dir.SelfXattrs()
	_, ok := x["system.posix_acl_default"]
	return err == nil && ok
}

// apart refuses a directory of the target that is the backup root, or the
// snapshot's directory itself: bind mounts show them at any place.
func (w *walker) apart(n *node, info *meta.Info) error {
	stored, err := w.snap.LstatAt(n.stored)
	if err == nil && info.SameFile(&stored) || info.SameFile(&w.rootInfo) {
		return errForbidden
	}
	return nil
}

// tempPrefix is what the names of unfinished files begin with.
const tempPrefix = ".phlb-restore-"

// tempPrefixFor returns a beginning that no name of the directory has.
func tempPrefixFor(list []child) string {
	prefix := tempPrefix
	for i := range list {
		for strings.HasPrefix(list[i].source, prefix) {
			prefix += "x"
		}
	}
	return prefix
}

// sweep removes the unfinished files that a killed run left in a directory,
// whose prefix no name of the snapshot has.
func (w *walker) sweep(dir *fsys.Dir, list []child) error {
	prefix := tempPrefixFor(list)
	entries, err := dir.ReadDir()
	if err != nil {
		return writing(err)
	}
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name, prefix)
		if !ok || e.Kind == meta.Dir || strings.Trim(number, "0123456789") != "" {
			continue
		}
		if err := dir.Remove(e.Name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return writing(err)
		}
	}
	return nil
}

// reportMissing notes what SHA256SUMS lists and is not there.
func (n *node) reportMissing(r *run) {
	for name, e := range n.lines {
		if e.used || name == sums.FileName {
			continue
		}
		if r.renames {
			if source, ok := sums.SourceName(name); ok {
				name = source
			}
		}
		r.damaged(join(n.source, name), missing+"; SHA256SUMS lists it", false)
	}
	n.lines = nil
}
