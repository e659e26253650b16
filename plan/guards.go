package plan

import (
	"errors"
	"io/fs"
	"slices"
	"time"

	"phlb/internal/fsys"
	"phlb/internal/snapshot"
)

// Names of the guards, by which they are overridden.
const (
	guardSource = "source"
	guardSpace  = "space"
	guardRootID = "root_id"
	guardClock  = "clock"
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

// guardAll records the outcome of a guard that all sources share.
func (b *build) guardAll(p *Plan, g Guard, passed bool) {
	g = b.outcome(g, passed)
	for i := range p.Sources {
		p.Sources[i].Guards = append(p.Sources[i].Guards, g)
	}
}

// open opens the source and checks the guard that is always on: a source
// that is missing or empty looks like "everything was deleted", and mostly is
// a disk that is not mounted. One that is empty can be meant so; where there
// is no directory to read there is nothing to plan, overridden or not.
func (s *sourceBuild) open() bool {
	names, err := s.openDir()
	if err != nil {
		s.Guards = append(s.Guards, Guard{Name: guardSource, Status: GuardTripped, Detail: sourceFault(err)})
		return false
	}
	return s.guard(Guard{Name: guardSource, Detail: emptyOr(names)}, names > 0)
}

func (s *sourceBuild) openDir() (names int, err error) {
	if s.dir, err = fsys.Open(s.Path); err != nil {
		return 0, err
	}
	list, err := s.dir.ReadDir()
	return len(list), err
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

// checkRootID compares the root's id with the one the manifest asks for.
func (b *build) checkRootID(p *Plan) {
	want := b.manifest.RootID
	if want == "" {
		return
	}
	have := "none"
	if id := b.header.Destination.ID; id != nil {
		have = *id
	}
	b.guardAll(p, Guard{Name: guardRootID, Limit: want, Detail: "the root's id is " + have}, have == want)
}

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
	s.guard(Guard{Name: guardClock, Detail: "the newest snapshot is " + newest}, t.Sub(s.opts.Now) <= clockTolerance)
}
