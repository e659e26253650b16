package snapshot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// Names lists every directory, at most 64 levels down, that directly holds
// at least one snapshot, sorted in byte order. It skips names that start with
// a dot, never enters a snapshot and follows no symbolic link. Directories of
// other users that cannot be opened, such as lost+found, are passed over.
func (r *Root) Names(ctx context.Context) ([]string, error) {
	w, err := r.walkNames(ctx)
	return w.names, err
}

// Closed lists the directories that Names passes over although they are names,
// as they are closed to this user. Where .phlb is closed, too, any may be one
// but lost+found.
func (r *Root) Closed(ctx context.Context) ([]string, error) {
	w, err := r.walkNames(ctx)
	return w.closed, err
}

// nameWalk is a walk over what may be names.
type nameWalk struct {
	root          *Root
	names, closed []string
}

func (r *Root) walkNames(ctx context.Context) (*nameWalk, error) {
	w := &nameWalk{root: r}
	top, err := r.dir.OpenDirAt(".")
	if err != nil {
		return w, err
	}
	defer top.Close()
	if err := w.walk(ctx, top, "", 0); err != nil {
		return &nameWalk{}, fmt.Errorf("list backup root: %w", err)
	}
	slices.Sort(w.names)
	slices.Sort(w.closed)
	return w, nil
}

func (w *nameWalk) walk(ctx context.Context, dir *fsys.Dir, name string, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	subs, holds, err := nameEntries(dir)
	if err != nil {
		return err
	}
	if holds && name != "" {
		w.names = append(w.names, name)
	}
	if depth == maxNameDepth {
		return nil
	}
	for _, sub := range subs {
		path := sub
		if name != "" {
			path = name + "/" + sub
		}
		if err := w.enter(ctx, dir, sub, path, depth); err != nil {
			return err
		}
	}
	return nil
}

// lostAndFound is where fsck puts what has lost its name: at the top of a file
// system, root's and closed.
const lostAndFound = "lost+found"

func (w *nameWalk) enter(ctx context.Context, dir *fsys.Dir, sub, path string, depth int) error {
	next, err := dir.OpenDir(sub)
	if err != nil {
		if !w.root.passOver(dir, sub, err) {
			return err
		}
		if fsys.ClassOf(err) == fsys.ClassPermission && w.root.mayBeName(path) {
			w.closed = append(w.closed, path)
		}
		return nil
	}
	defer next.Close()
	return w.walk(ctx, next, path, depth+1)
}

// mayBeName reports whether a directory that is closed may be a name: there is
// a catalogue of it, or that is not to be seen.
func (r *Root) mayBeName(path string) bool {
	if path == lostAndFound {
		return false
	}
	_, err := r.dir.LstatAt(PrivateDir + "/" + catalogDir + "/" + path)
	return !errors.Is(err, fs.ErrNotExist)
}

// passOver reports whether a directory that cannot be opened is none of
// phlb's: gone or replaced meanwhile, or closed by another user. One of our
// own that is closed is an error: it may hold backups.
func (r *Root) passOver(dir *fsys.Dir, name string, err error) bool {
	switch fsys.ClassOf(err) {
	case fsys.ClassVanished, fsys.ClassType:
		return true
	case fsys.ClassPermission:
		info, err := dir.Lstat(name)
		return err == nil && int64(info.UID) != int64(r.euid)
	}
	return false
}

// nameEntries lists the directories that may be names or parts of names, and
// tells whether there is a snapshot beside them.
func nameEntries(dir *fsys.Dir) (subs []string, holds bool, err error) {
	list, err := dir.ReadDir()
	if err != nil {
		return nil, false, err
	}
	for _, e := range list {
		isTime := IsTime(e.Name)
		if !isTime && !isNameElement(e.Name) || !isDir(dir, e) {
			continue
		}
		if isTime {
			holds = true
		} else {
			subs = append(subs, e.Name)
		}
	}
	return subs, holds, nil
}

// isDir asks the file system where listing did not tell the kind.
func isDir(dir *fsys.Dir, e fsys.DirEntry) bool {
	if e.Kind != meta.Unknown {
		return e.Kind == meta.Dir
	}
	info, err := dir.Lstat(e.Name)
	return err == nil && info.Kind == meta.Dir
}

// Times lists the snapshots of a name, the oldest first. Only real
// directories count. A name that does not exist has none.
func (r *Root) Times(name string) ([]string, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	dir, err := r.dir.OpenDirAt(name)
	if isMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list snapshots of %s: %w", name, err)
	}
	defer dir.Close()
	list, err := dir.ReadDir()
	if err != nil {
		return nil, fmt.Errorf("list snapshots of %s: %w", name, err)
	}
	var times []string
	for _, e := range list {
		if IsTime(e.Name) && isDir(dir, e) {
			times = append(times, e.Name)
		}
	}
	slices.Sort(times)
	return times, nil
}

// Removed lists the times of a name that have a report or a summary and no
// snapshot any more, the oldest first: somebody removed or moved it by hand,
// or a run was interrupted right before it was published.
func (r *Root) Removed(name string) ([]string, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	dir, err := r.dir.OpenDirAt(name)
	if err != nil {
		return nil, fmt.Errorf("list files beside snapshots of %s: %w", name, err)
	}
	defer dir.Close()
	list, err := dir.ReadDir()
	if err != nil {
		return nil, fmt.Errorf("list files beside snapshots of %s: %w", name, err)
	}
	here := map[string]bool{}
	for _, e := range list {
		here[e.Name] = true
	}
	var times []string
	for entry := range here {
		for _, suffix := range [...]string{SuffixReport, SuffixSummary} {
			t, ok := strings.CutSuffix(entry, suffix)
			if ok && IsTime(t) && !here[t] {
				times = append(times, t)
			}
		}
	}
	slices.Sort(times)
	return slices.Compact(times), nil
}

// Newest returns the time of the newest snapshot of a name; ok is false when
// it has none.
func (r *Root) Newest(name string) (newest string, ok bool, err error) {
	times, err := r.Times(name)
	if err != nil || len(times) == 0 {
		return "", false, err
	}
	return times[len(times)-1], true, nil
}

// OpenSnapshot opens a published snapshot's directory; the error is
// fs.ErrNotExist when there is none.
func (r *Root) OpenSnapshot(id ID) (*fsys.Dir, error) {
	if err := id.check(); err != nil {
		return nil, err
	}
	dir, err := r.dir.OpenDirAt(id.String())
	if err != nil {
		return nil, fmt.Errorf("open snapshot %s: %w", id, err)
	}
	return dir, nil
}

// hasSnapshot reports whether a snapshot's directory exists.
func (r *Root) hasSnapshot(id ID) (bool, error) {
	info, err := r.dir.LstatAt(id.String())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && info.Kind == meta.Dir, err
}
