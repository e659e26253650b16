package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"strings"

	"phlb/internal/fsys"
	"phlb/internal/report"
	"phlb/internal/restore"
	"phlb/internal/snapshot"
	"phlb/internal/suggest"
)

var errNoSnapshot = errors.New("there is no such snapshot")

// openPlace opens the root of a snapshot, or of something in it, given by its
// path. The snapshot exists.
func openPlace(arg string) (*snapshot.Root, snapshot.Place, error) {
	place, err := snapshot.Locate(arg)
	if err != nil {
		return nil, place, noPlace(arg)
	}
	root, err := snapshot.Open(place.Root)
	if err != nil {
		return nil, place, notThere("the backup root", place.Root, err)
	}
	dir, err := root.OpenSnapshot(place.ID)
	if errors.Is(err, fs.ErrNotExist) {
		err = noSnapshot(root, place, arg)
	}
	if err != nil {
		root.Close()
		return nil, place, err
	}
	dir.Close()
	return root, place, nil
}

// noPlace is the error of a path that was to lead to a snapshot and does not.
func noPlace(arg string) error {
	err := usagef("%s leads to no snapshot: it is written ROOT/NAME/YYYY-MM-DD-HHMMSS, with /PATH behind it for something in it", arg)
	hint := "phlb snapshots ROOT lists them"
	full, absErr := filepath.Abs(arg)
	if absErr == nil {
		for _, dir := range []string{full, rootAbove(full)} {
			if root, openErr := snapshot.Open(dir); dir != "" && openErr == nil {
				_, exists := root.Dir().LstatAt(snapshot.PrivateDir)
				root.Close()
				if exists == nil {
					hint = "phlb snapshots " + shellQuote(dir) + " lists those there are"
					break
				}
			}
		}
	}
	return advise(err, report.CodeSnapshotPath, arg, hint)
}

// noSnapshot is the error of a snapshot that is not there.
func noSnapshot(root *snapshot.Root, place snapshot.Place, arg string) error {
	err := fmt.Errorf("%s: %w", arg, errNoSnapshot)
	if times, timesErr := root.Times(place.ID.Name); !place.Private && (timesErr != nil || len(times) == 0) {
		// Where the root begins is a guess, and there is nothing at its end.
		return advise(err, report.CodeSnapshotMissing, arg,
			"no directory above it is a backup root: write the whole path, ROOT/NAME/TIME; is the disk mounted?")
	}
	hint := "phlb snapshots " + shellQuote(root.Path()) + " lists those there are; it may have been pruned"
	if near := nearSnapshot(root, place.ID); near != "" {
		if arg != place.ID.String() { // given as a path, not as NAME/TIME
			near = filepath.Join(root.Path(), filepath.FromSlash(near))
		}
		hint += "; the nearest is " + shellQuote(near)
	}
	return advise(err, report.CodeSnapshotMissing, arg, hint)
}

// nearSnapshot returns the snapshot that may have been meant: of the nearest
// name, the last one up to that time, else the first; empty: none is near.
func nearSnapshot(root *snapshot.Root, id snapshot.ID) string {
	for _, name := range []string{id.Name, nearName(root, id.Name)} {
		times, err := root.Times(name)
		if err != nil || len(times) == 0 {
			continue
		}
		near := times[0]
		for _, t := range times {
			if t <= id.Time {
				near = t
			}
		}
		return name + "/" + near
	}
	return ""
}

// nearName returns the name beside which a misspelt one would stand.
func nearName(root *snapshot.Root, name string) string {
	above, last := path.Split(name)
	dir, err := root.Dir().OpenDirAt(path.Clean("./" + above))
	if err != nil {
		return ""
	}
	defer dir.Close()
	if near := nearEntry(dir, last); near != "" {
		return above + near
	}
	return ""
}

// nearEntry returns the name in a directory that was probably meant.
func nearEntry(dir *fsys.Dir, name string) string {
	list, err := dir.ReadDir()
	if err != nil {
		return ""
	}
	var names []string
	for _, e := range list {
		if !strings.HasPrefix(e.Name, ".") || strings.HasPrefix(name, ".") {
			names = append(names, e.Name)
		}
	}
	return suggest.Nearest(name, names)
}

// notInSnapshot completes the error of a path that a snapshot does not hold:
// with the name that may have been meant, in the deepest directory there is.
func notInSnapshot(root *snapshot.Root, place snapshot.Place, err error) error {
	var missing *restore.MissingError
	if !errors.As(err, &missing) {
		return err
	}
	at := filepath.Join(root.Path(), filepath.FromSlash(place.ID.String()))
	snap, openErr := root.OpenSnapshot(place.ID)
	if openErr != nil {
		return err
	}
	defer snap.Close()
	hint := ""
	above := "."
	for name := range strings.SplitSeq(missing.Path, "/") {
		dir, openErr := snap.OpenDirAt(above)
		if openErr != nil {
			break
		}
		_, statErr := dir.Lstat(name)
		if statErr != nil {
			if near := nearEntry(dir, name); near != "" {
				hint = "did you mean " + shellQuote(filepath.Join(at, filepath.FromSlash(path.Join(above, near)))) + "?\n"
			}
		}
		dir.Close()
		if statErr != nil {
			break
		}
		above = path.Join(above, name)
	}
	hint += "look what there is: ls " + shellQuote(filepath.Join(at, filepath.FromSlash(above)))
	hint += "; other snapshots may hold it: phlb history " + shellQuote(root.Path()) + " " + shellQuote(place.ID.Name+"/"+missing.Path)
	return advise(err, report.CodePathMissing, place.Rel, hint)
}
