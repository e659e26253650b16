package restore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
)

// target is where is restored to.
type target struct {
	path string    // as the user wrote it
	base *fsys.Dir // the nearest directory that exists
	rest []string  // the directories below it that are to be made
	name string    // of a single file in the last of them; "": that is the target itself
	dir  *fsys.Dir // the last of them; nil: not made, or not yet
	// made says that the target is a directory that was not there before.
	made bool
	// others are directories on other file systems that were entered.
	others map[uint64]*fsys.Dir
	dev    uint64
}

func (t *target) close() {
	for _, d := range t.others {
		d.Close()
	}
	if t.dir != nil && t.dir != t.base {
		t.dir.Close()
	}
	t.base.Close()
}

// openTarget looks at the path that the user gave, and makes nothing.
func (r *run) openTarget(to string, kind meta.Kind) (*target, error) {
	t := &target{path: to, others: map[uint64]*fsys.Dir{}}
	base, rest, err := nearest(to, r.Faults)
	if err != nil {
		return nil, err
	}
	t.base, t.rest = base, rest
	if kind == meta.Dir {
		t.made = len(rest) > 0
		return t, nil
	}
	switch {
	case len(rest) == 0 || os.IsPathSeparator(to[len(to)-1]):
		t.name = r.top[strings.LastIndexByte(r.top, '/')+1:]
	default:
		t.rest, t.name = rest[:len(rest)-1], rest[len(rest)-1]
	}
	return t, nil
}

// nearest opens the directory at path, or the nearest one above it that
// exists, and returns the names from there.
func nearest(path string, faults fsys.FaultFunc) (dir *fsys.Dir, rest []string, err error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, nil, err
	}
	for {
		dir, err = fsys.Open(abs, fsys.WithFaults(faults))
		last := filepath.Dir(abs) == abs
		switch {
		case err == nil:
			slices.Reverse(rest)
			return dir, rest, nil
		case fsys.ClassOf(err) == fsys.ClassType && len(rest) > 0:
			return nil, nil, &TargetError{
				Path: path, Hint: "choose another place, or move it away",
				err: fmt.Errorf("the target %s cannot be made: %s is not a directory", path, abs),
			}
		case last, !errors.Is(err, fs.ErrNotExist) && (len(rest) > 0 || fsys.ClassOf(err) != fsys.ClassType):
			return nil, nil, err
		}
		rest = append(rest, filepath.Base(abs))
		abs = filepath.Dir(abs)
	}
}

// admit refuses targets that would harm the backup root, that hold something
// already, or that have too little room.
func (r *run) admit(ctx context.Context, root *snapshot.Root, kind meta.Kind) error {
	if err := r.outside(root); err != nil {
		return err
	}
	t := r.target
	if kind == meta.Dir && len(t.rest) > 0 {
		// A file, or a symbolic link that leads nowhere.
		if info, err := t.base.Lstat(t.rest[0]); err == nil {
			return r.refuse("choose another place, or move it away", "the target %s is in the way: %s is a %s, not a directory", t.path, t.rest[0], info.Kind)
		}
	}
	if t.name != "" && len(t.rest) == 0 && !r.Overwrite {
		if _, err := t.base.Lstat(t.name); err == nil {
			const advice = "choose another place, or allow replacing it with --overwrite"
			if t.name == filepath.Base(t.path) {
				return r.refuse(advice, "there is a %s already", t.path)
			}
			return r.refuse(advice, "%s is in the target %s already", t.name, t.path)
		}
	}
	fresh := len(t.rest) > 0
	if !fresh && kind == meta.Dir {
		list, err := t.base.ReadDir()
		if err != nil {
			return err
		}
		// A new file system comes with this one.
		fresh = !slices.ContainsFunc(list, func(e fsys.DirEntry) bool { return e.Name != "lost+found" })
		if !fresh && !r.Overwrite {
			return r.refuse("choose a new or empty directory, or allow it with --overwrite", "the target %s is not empty", t.path)
		}
	}
	if !fresh && r.Overwrite {
		return nil // what is there already, or replaced, takes no room twice
	}
	return r.room(ctx)
}

// roomAdvice is what to do about a target that is too small.
const roomAdvice = "make room or choose another place; a directory or file of the snapshot can be restored alone: SNAPSHOT/PATH"

// TargetError says why nothing is restored to a target.
type TargetError struct {
	Path string // as it was given
	Hint string // what to do about it
	err  error
}

// Error returns why.
func (e *TargetError) Error() string { return e.err.Error() }

// Unwrap returns the cause.
func (e *TargetError) Unwrap() error { return e.err }

// refuse is the error of a target that is not written to.
func (r *run) refuse(hint, format string, args ...any) error {
	return &TargetError{Path: r.target.path, Hint: hint, err: fmt.Errorf(format, args...)}
}

// outside refuses targets in the backup root, seen by devices and inodes.
func (r *run) outside(root *snapshot.Root) error {
	path, err := filepath.EvalSymlinks(r.target.base.Path())
	if err != nil {
		return err
	}
	var inside []os.FileInfo
	for _, p := range []string{".", r.from.ID.Name, r.from.ID.String()} {
		info, err := os.Stat(filepath.Join(root.Path(), filepath.FromSlash(p)))
		if err != nil {
			return err
		}
		inside = append(inside, info)
	}
	for ; ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err == nil && slices.ContainsFunc(inside, func(i os.FileInfo) bool { return os.SameFile(i, info) }) {
			return r.refuse("choose a place outside", "the target %s lies in the backup root %s, which restoring must not touch", r.target.path, root.Path())
		}
		if path == filepath.Dir(path) {
			return nil
		}
	}
}

// room compares what is to be restored with what is free. Sparse files count
// as they are allocated, if it comes to that.
func (r *run) room(ctx context.Context) error {
	free, err := r.target.base.FS()
	if err != nil {
		return nil // some file systems do not tell; writing will
	}
	if r.book.usable && r.book.bytes <= free.Free && (free.Inodes == 0 || r.book.files <= free.FreeInode) {
		return nil
	}
	need, err := r.measure(ctx)
	if err != nil {
		return err
	}
	if !r.book.usable {
		r.book.files, r.book.bytes = need.files, need.bytes
	}
	if r.sharesData(free.Type) {
		return nil
	}
	switch {
	case need.allocated > free.Free:
		return r.refuse(roomAdvice, "not enough room for the target %s: %d bytes are needed, %d are free", r.target.path, need.allocated, free.Free)
	case free.Inodes > 0 && need.inodes > free.FreeInode:
		return r.refuse(roomAdvice, "not enough room for the target %s: %d inodes are needed, %d are free", r.target.path, need.inodes, free.FreeInode)
	}
	return nil
}

// sharesData reports whether the target can share data with the snapshot, so
// that restoring takes hardly any room.
func (r *run) sharesData(fsType string) bool {
	a, errA := r.snap.Stat()
	b, errB := r.target.base.Stat()
	return errA == nil && errB == nil && a.Dev == b.Dev && (fsType == "btrfs" || fsType == "xfs" || fsType == "bcachefs")
}

// need is what a tree takes.
type need struct{ files, bytes, allocated, inodes int64 }

// blockSize is what Info.Blocks counts in, in bytes.
const blockSize = 512

// measure walks what is to be restored. What cannot be read takes no room.
func (r *run) measure(ctx context.Context) (need, error) {
	var n need
	pending := []string{r.from.Path}
	for len(pending) > 0 {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		path := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		dir, err := r.snap.OpenDirAt(path)
		if err != nil {
			if info, err := r.snap.LstatAt(path); err == nil {
				n.add(&info)
			}
			continue
		}
		list, err := r.children(dir)
		if err == nil {
			n.inodes++
			pending = n.addAll(dir, path, list, pending)
		}
		dir.Close()
	}
	return n, nil
}

func (n *need) addAll(dir *fsys.Dir, path string, list []child, pending []string) []string {
	for _, c := range list {
		if c.kind == meta.Dir {
			pending = append(pending, join(path, c.name))
		} else if info, err := dir.Lstat(c.name); err == nil {
			n.add(&info)
		}
	}
	return pending
}

func (n *need) add(info *meta.Info) {
	n.inodes++
	if info.Kind != meta.File {
		return
	}
	n.files++
	n.bytes += info.Size
	n.allocated += min(info.Size, info.Blocks*blockSize)
}

// makeTarget makes what is missing of the target's path. Until it is finished
// only its owner may enter the target.
func (r *run) makeTarget() error {
	t := r.target
	if r.DryRun && len(t.rest) > 0 {
		return nil
	}
	t.dir = t.base
	above := t.rest
	if t.name == "" && len(above) > 0 {
		above = above[:len(above)-1]
	}
	if len(above) > 0 {
		dir, err := t.base.MkdirAllDurable(strings.Join(above, "/"), 0o777)
		if err != nil {
			return err
		}
		t.dir = dir
	}
	if t.made {
		if err := t.makeLast(); err != nil {
			return err
		}
	}
	info, err := t.dir.Stat()
	t.dev = info.Dev
	return err
}

func (t *target) makeLast() error {
	above, name := t.dir, t.rest[len(t.rest)-1]
	err := above.Mkdir(name, 0o700)
	if err == nil {
		err = above.SyncNames()
	}
	if err == nil {
		t.dir, err = above.OpenDir(name)
	}
	if above != t.base {
		above.Close()
	}
	if err != nil {
		t.dir = nil
		return err
	}
	return t.dir.DropACL()
}

// meet notes a directory that was there before, so that what is written in it
// is made durable even on a file system of its own.
func (t *target) meet(dir *fsys.Dir, info *meta.Info) error {
	if info.Dev == t.dev || t.others[info.Dev] != nil {
		return nil
	}
	own, err := dir.OpenDirAt(".")
	if err == nil {
		t.others[info.Dev] = own
	}
	return err
}

// sync makes everything that was restored durable.
func (t *target) sync() error {
	if t.name != "" {
		return t.dir.SyncNames() // the file itself is
	}
	for _, d := range t.others {
		if err := d.SyncFS(); err != nil && fsys.ClassOf(err) != fsys.ClassUnsupported {
			return err
		}
	}
	err := t.dir.SyncFS()
	if fsys.ClassOf(err) == fsys.ClassUnsupported {
		// What the user may not open is not what was just restored, or has no
		// more to lose.
		err = t.dir.SyncTree(fsys.ClassPermission)
	}
	return err
}
