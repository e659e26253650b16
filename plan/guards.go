package plan

import (
	"errors"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"phlb/internal/fsys"
	"phlb/internal/scan"
	"phlb/internal/snapshot"
)

// Names of the guards, by which they are overridden.
const (
	guardSource     = "source"
	guardMinFiles   = "min_files"
	guardMountpoint = "mountpoint"
	guardSentinel   = "sentinel"
	guardMaxDeleted = "max_deleted_percent"
	guardMaxChanged = "max_changed_percent"
	guardSpace      = "space"
	guardMinFree    = "min_free"
	guardRootID     = "root_id"
	guardClock      = "clock"
)

// GuardNames are the guards that can be overridden.
func GuardNames() []string {
	return []string{
		guardSource, guardMinFiles, guardMountpoint, guardSentinel, guardMaxDeleted, guardMaxChanged,
		guardSpace, guardMinFree, guardRootID, guardClock,
	}
}

// What Mounted and HasSentinel look at.
const (
	whatSource      = "source"
	whatDestination = "destination"
)

// clockTolerance is how far in the future the newest snapshot may lie.
const clockTolerance = 24 * time.Hour

// outcome settles what becomes of a guard.
func (b *build) outcome(g Guard, passed bool) Guard {
	switch {
	case passed:
		g.Status = GuardPassed
	case slices.Contains(b.opts.Overrides, g.Name):
		g.Status = GuardOverridden
	default:
		g.Status = GuardTripped
	}
	return g
}

// guard records a guard's outcome and returns whether planning goes on.
func (s *sourceBuild) guard(g Guard, passed bool) bool {
	g = s.outcome(g, passed)
	s.Guards = append(s.Guards, g)
	return g.Status != GuardTripped
}

// tripped reports whether a guard of the source has tripped so far.
func (s *sourceBuild) tripped() bool {
	return slices.ContainsFunc(s.Guards, func(g Guard) bool { return g.Status == GuardTripped })
}

// open opens the source and checks the guard that is always on: a source
// that is missing or empty looks like "everything was deleted", and mostly is
// a disk that is not mounted. One that is empty can be meant so. Where there
// is no directory to read there is nothing to store: overridden, the plan is
// about the other sources, and this one keeps what it has.
func (s *sourceBuild) open() bool {
	names, err := s.openDir()
	if err != nil {
		if s.guard(Guard{Name: guardSource, Detail: sourceFault(err)}, false) {
			s.Snapshot, s.missing = "", true
		}
		return false
	}
	return s.guard(Guard{Name: guardSource, Detail: emptyOr(names)}, names > 0)
}

func (s *sourceBuild) openDir() (names int, err error) {
	if s.dir, err = fsys.Open(s.Path); err != nil {
		return 0, err
	}
	list, err := s.dir.ReadDir()
	return len(list) - s.dropped(list), err
}

// dropped counts what does not make a source one with content: on an empty
// mount point there may be just what has been made to plan it.
func (s *sourceBuild) dropped(list []fsys.DirEntry) (n int) {
	if len(list) > len(s.opts.Drop) {
		return 0
	}
	for _, e := range list {
		if info, err := s.dir.Lstat(e.Name); err == nil && slices.Contains(s.opts.Drop, scan.Identity{Dev: info.Dev, Ino: info.Ino}) {
			n++
		}
	}
	return n
}

func sourceFault(err error) string {
	switch fsys.ClassOf(err) {
	case fsys.ClassVanished:
		return "does not exist: is something not mounted?"
	case fsys.ClassType:
		return "is not a directory"
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return "cannot be read: " + err.Error()
}

func emptyOr(n int) string {
	if n == 0 {
		return "is empty: is something not mounted?"
	}
	return "is a directory with content"
}

// required checks what the manifest asks of the source before it is scanned:
// where the wrong disk or none is mounted, what is there is of no interest.
func (s *sourceBuild) required() bool {
	r, goOn := s.Settings.Require, true
	if r.Mountpoint {
		detail, ok := Mounted(whatSource, s.Path, s.dir)
		goOn = s.guard(Guard{Name: guardMountpoint, Limit: true, Detail: detail}, ok)
	}
	if r.Sentinel != "" {
		detail, ok := HasSentinel(whatSource, s.Path, s.dir, r.Sentinel)
		goOn = s.guard(Guard{Name: guardSentinel, Limit: r.Sentinel, Detail: detail}, ok) && goOn
	}
	return goOn
}

// checkDestination checks whether this is the root that the manifest means.
// If it is not, no source is scanned: nothing that would be planned is right.
func (b *build) checkDestination() {
	check := func(g Guard, ok bool) {
		g = b.outcome(g, ok)
		b.shared = append(b.shared, g)
		b.elsewhere = b.elsewhere || g.Status == GuardTripped
	}
	var dir *fsys.Dir
	if b.root != nil {
		dir = b.root.Dir()
	}
	r, path := b.header.Destination.Require, b.manifest.Destination
	if r.Mountpoint {
		detail, ok := Mounted(whatDestination, path, dir)
		check(Guard{Name: guardMountpoint, Limit: true, Detail: detail}, ok)
	}
	if r.Sentinel != "" {
		detail, ok := HasSentinel(whatDestination, path, dir, r.Sentinel)
		check(Guard{Name: guardSentinel, Limit: r.Sentinel, Detail: detail}, ok)
	}
	if want := b.manifest.RootID; want != "" {
		have := "none"
		if id := b.header.Destination.ID; id != nil {
			have = *id
		}
		detail, ok := "the root's id is "+have, strings.EqualFold(have, want)
		if !ok {
			detail += ", not " + want + ": is the right disk mounted?"
			if !looksLikeID(want) {
				detail += " (root_id in the manifest does not have the form of an id, a UUID)"
			}
		}
		check(Guard{Name: guardRootID, Limit: want, Detail: detail}, ok)
	}
}

// looksLikeID reports whether a text has the form of the ids that phlb gives.
// One of another form is an id all the same, if the root has it.
func looksLikeID(id string) bool { return uuidForm.MatchString(id) }

var uuidForm = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// clock trips when the newest snapshot lies far in the future: the clock was
// set back, and retention and "newest" would go wrong.
func (s *sourceBuild) clock(newest string) {
	if newest == "" {
		return
	}
	t, err := snapshot.ParseTime(newest, s.manifest.Location)
	if err != nil {
		return
	}
	passed, detail := t.Sub(s.opts.Now) <= clockTolerance, "the newest snapshot is "+newest
	if !passed {
		detail += ", in the future: is the clock right?"
	}
	s.guard(Guard{Name: guardClock, Detail: detail}, passed)
}
