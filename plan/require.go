package plan

import (
	"fmt"

	"phlb/internal/fsys"
)

// This file holds what is asked of a source or destination when planning, and
// asked again when applying: whether the right disk is mounted there. Each
// check returns what to tell people, and whether it passed. A directory that
// is nil does not exist.

// Mounted checks that a directory is a mount point; what is "source" or
// "destination".
func Mounted(what, path string, dir *fsys.Dir) (detail string, ok bool) {
	if dir == nil {
		return missing(what, path), false
	}
	is, err := dir.MountPoint()
	switch {
	case err != nil:
		return fmt.Sprintf("whether the %s %s is a mount point cannot be told: %v", what, path, err), false
	case !is:
		return fmt.Sprintf("the %s %s is not a mount point: is its disk mounted?", what, path), false
	}
	return fmt.Sprintf("the %s is a mount point", what), true
}

// HasSentinel checks that a directory holds the path that tells it from an
// empty mount point, or from another disk.
func HasSentinel(what, path string, dir *fsys.Dir, sentinel string) (detail string, ok bool) {
	if dir == nil {
		return missing(what, path), false
	}
	_, err := dir.LstatAt(sentinel)
	switch {
	case err == nil:
		return fmt.Sprintf("the %s has its sentinel", what), true
	case fsys.ClassOf(err) == fsys.ClassVanished:
		return fmt.Sprintf("the %s %s has no %s: is the right disk mounted?", what, path, sentinel), false
	}
	return fmt.Sprintf("the sentinel of the %s cannot be looked at: %v", what, err), false
}

func missing(what, path string) string {
	return fmt.Sprintf("the %s %s does not exist: is its disk mounted?", what, path)
}

// TooMany reports whether count is more than limit percent of all.
func TooMany(count, all int64, limit float64) bool {
	return float64(count)*100 > limit*float64(all)
}
