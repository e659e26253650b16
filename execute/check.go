package execute

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"phlb/internal/lookup"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
	"phlb/plan"
)

// checked is what the first reading of a plan yields: everything that must
// be known, and everything that must hold, before anything is written.
type checked struct {
	header  plan.Header
	sources []*checkedSource
	// inPlan holds the stored paths (name/time/…) of this plan's files that
	// later links of the plan point to.
	inPlan map[string]bool
	// targets are the published snapshots that links point into.
	targets map[snapshot.ID]struct{}
	// targetDirs are the directories that published link targets lie in. Those
	// of files that are unchanged in the parent are left out: what happened
	// to them since is looked at when it comes to them.
	targetDirs map[string]struct{}
	pruned     map[snapshot.ID]struct{}
	inodes     int64             // to be made, but for the directories of lookups
	sha256     [sha256.Size]byte // of the file
}

type checkedSource struct {
	plan.Source
	id         snapshot.ID
	parent     snapshot.ID   // zero: there is none
	files      int64         // to copy and link
	links      int64         // of these, to link
	small      int64         // of these, to copy in one piece
	smallBytes int64         // of these
	bytes      int64         // to copy
	unreadable int64         // skips of paths that exist but could not be read or held
	prune      []snapshot.ID // to be removed, in this order
	published  bool          // by an earlier, interrupted run of this plan
	report     *Report       // if published, what that run left
	entries    entryList     // if they fit
}

// threshold is the size in bytes from which on the source's files are in the
// lookups.
func (s *checkedSource) threshold() int64 {
	return max(s.Settings.SmallFileThreshold, lookup.MinSize)
}

// run is what the root remembers of the plan until it is finished.
func (c *checked) run() snapshot.Run {
	run := snapshot.Run{PlanID: c.header.PlanID}
	for _, src := range c.sources {
		run.Names = append(run.Names, src.Name)
		if src.Snapshot != "" {
			run.Snapshots = append(run.Snapshots, src.Snapshot)
		}
	}
	return run
}

// stores reports whether any snapshot is to be made.
func (c *checked) stores() bool {
	return slices.ContainsFunc(c.sources, func(s *checkedSource) bool { return s.Snapshot != "" })
}

// rootless refuses a plan that begins a new root and yet knows snapshots.
func (c *checked) rootless() error {
	for _, src := range c.sources {
		if src.Parent != nil {
			return refuse(OtherRoot, "the root does not exist, but the plan knows %s: is the right disk mounted?", src.parent)
		}
	}
	for id := range c.targets {
		return refuse(OtherRoot, "the root does not exist, but the plan links to %s: is the right disk mounted?", id)
	}
	return nil
}

// inParent reports whether a link's target is the parent's file of the same
// path.
func (s *checkedSource) inParent(target, p string) bool {
	if s.Parent == nil {
		return false
	}
	rest, ok := strings.CutPrefix(target, *s.Parent)
	return ok && strings.HasPrefix(rest, "/") && rest[1:] == sums.StoredPath(p)
}

// check reads the whole plan and refuses it unless every part is safe. Up to
// room bytes of its entries are kept.
func check(ctx context.Context, f PlanFile, expect string, room int64) (*checked, error) {
	c := &checker{
		checked: checked{
			inPlan: map[string]bool{}, targets: map[snapshot.ID]struct{}{}, targetDirs: map[string]struct{}{},
			pruned: map[snapshot.ID]struct{}{},
		},
		names: map[string]bool{},
		room:  room,
	}
	err := read(ctx, f, c.visitor(), func(sum [sha256.Size]byte) error {
		c.sha256 = sum
		if got := hex.EncodeToString(sum[:]); expect != "" && !strings.EqualFold(got, expect) {
			return refuse(Other, "the file's SHA-256 is %s, not the expected %s: this is not the plan that was reviewed", got, expect)
		}
		return c.assignPrunes()
	})
	if err != nil {
		return nil, c.of(err)
	}
	done := c.checked // without what only checking needs: it grows with the plan
	return &done, nil
}

// checker judges a plan while it streams by. The digest is only known to be
// right at the end, so nothing may be acted on before.
type checker struct {
	checked
	cur     *checkedSource
	dirs    []string // open directories on the way to the current path
	names   map[string]bool
	prune   []snapshot.ID
	earlier files
	room    int64 // bytes left for entries that are kept
}

func (c *checker) visitor() plan.Visitor {
	return plan.Visitor{
		Header:  func(h *plan.Header) error { c.header = *h; return checkHeader(h) },
		Source:  c.source,
		Entry:   c.entry,
		Deleted: func(p string) error { return checkPath(p) },
		EndSource: func(s *plan.Source) error {
			c.cur.Totals = s.Totals
			if len(c.dirs) == 0 && c.cur.Snapshot != "" && c.checked.applyable() == nil {
				return fmt.Errorf("%q has no entries, not even the source directory itself", s.Name)
			}
			return nil
		},
		Prune: func(p *plan.Prune) error {
			id, err := snapshot.ParseID(p.Snapshot)
			c.prune = append(c.prune, id)
			return err
		},
	}
}

// maxPlanID bounds a plan's id, in bytes: it becomes part of a file name.
const maxPlanID = 64

func checkHeader(h *plan.Header) error {
	strange := func(c rune) bool {
		return c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	}
	if h.PlanID == "" || len(h.PlanID) > maxPlanID || strings.ContainsFunc(h.PlanID, strange) {
		return fmt.Errorf("plan_id %q is not an id", h.PlanID)
	}
	if !filepath.IsAbs(h.Destination.Path) {
		return fmt.Errorf("destination %q is not an absolute path", h.Destination.Path)
	}
	return nil
}

func (c *checker) source(s *plan.Source) error {
	src := &checkedSource{Source: *s}
	src.entries.whole = s.Snapshot != ""
	if err := src.identify(); err != nil {
		return err
	}
	if !filepath.IsAbs(s.Path) {
		return fmt.Errorf("source path %q is not absolute", s.Path)
	}
	if c.names[s.Name] {
		return fmt.Errorf("two sources are called %q", s.Name)
	}
	c.names[s.Name] = true
	c.cur, c.dirs = src, nil
	c.sources = append(c.sources, src)
	return nil
}

// identify checks that snapshot and parent are the name's own.
func (s *checkedSource) identify() error {
	if err := snapshot.CheckName(s.Name); err != nil {
		return err
	}
	var err error
	if s.Parent != nil {
		if s.parent, err = snapshot.ParseID(*s.Parent); err != nil {
			return err
		}
		if s.parent.Name != s.Name {
			return fmt.Errorf("parent %q is not a snapshot of the source %q", *s.Parent, s.Name)
		}
	}
	if s.Snapshot == "" {
		return nil // nothing has changed, and none is to be made
	}
	if s.id, err = snapshot.ParseID(s.Snapshot); err != nil {
		return err
	}
	if s.id.Name != s.Name {
		return fmt.Errorf("snapshot %q is not one of the source %q", s.Snapshot, s.Name)
	}
	if s.parent.Time >= s.id.Time {
		return fmt.Errorf("snapshot %q is not later than its parent %q", s.Snapshot, *s.Parent)
	}
	return nil
}

func (c *checker) entry(e *plan.Entry) error {
	if err := c.place(e); err != nil {
		return err
	}
	if e.Action == plan.ActionMkdir {
		c.dirs = append(c.dirs, e.Path)
	}
	if c.cur.Snapshot == "" {
		return nil // nothing is done with it
	}
	c.cur.entries.add(e, &c.room)
	switch e.Action {
	case plan.ActionMkdir:
		c.inodes += 2 // itself and its SHA256SUMS
	case plan.ActionSymlink:
		c.inodes++
	case plan.ActionCopy:
		c.inodes += 3 // itself and its two lookup entries
		c.count(e)
		c.cur.bytes += e.Size
		if e.Size <= bufferSize {
			c.cur.small++
			c.cur.smallBytes += e.Size
		}
	case plan.ActionLink:
		if err := c.target(e); err != nil {
			return fmt.Errorf("link %q: %w", e.Path, err)
		}
		c.count(e)
		c.cur.links++
	case plan.ActionSkip:
		if leftOut(e.Reason) {
			c.cur.unreadable++
		}
	}
	return nil
}

// leftOut reports whether a skip's reason says that an existing path could
// not be stored, rather than that nobody wanted it.
func leftOut(reason string) bool {
	return strings.HasPrefix(reason, "unreadable") || strings.HasPrefix(reason, "name")
}

func (c *checker) count(e *plan.Entry) {
	c.cur.files++
	c.earlier.add(c.cur.Snapshot, e.Path)
}

// place checks an entry's path: safe by itself, and below a directory that
// this plan makes, so that it can pass no symbolic link.
func (c *checker) place(e *plan.Entry) error {
	if err := checkPath(e.Path); err != nil {
		return err
	}
	if len(c.dirs) == 0 {
		if e.Path != "." || e.Action != plan.ActionMkdir {
			return fmt.Errorf("the first entry of %q is not the source directory itself", c.cur.Name)
		}
		return nil
	}
	if e.Path == "." {
		return fmt.Errorf("the source directory stands twice in %q", c.cur.Name)
	}
	parent := dirOf(e.Path)
	for len(c.dirs) > 0 && c.dirs[len(c.dirs)-1] != parent {
		c.dirs = c.dirs[:len(c.dirs)-1]
	}
	if len(c.dirs) == 0 {
		return fmt.Errorf("%q is not in a directory that the plan makes", e.Path)
	}
	return nil
}

func checkPath(p string) error {
	if p == "." {
		return nil
	}
	if p == "" || strings.IndexByte(p, 0) >= 0 {
		return fmt.Errorf("%q is not a path", p)
	}
	for name := range strings.SplitSeq(p, "/") {
		if name == "" || name == "." || name == ".." {
			return fmt.Errorf("path %q could lead outside its directory", p)
		}
	}
	return nil
}

// target checks that a link's target is a published file of this root or an
// earlier file of this plan. That a published one exists, is regular and has
// the right content is looked at when it is linked.
func (c *checker) target(e *plan.Entry) error {
	if c.cur.inParent(e.Target, e.Path) {
		// Both halves of the path have been checked already.
		return c.published(c.cur.parent, e)
	}
	if err := checkPath(e.Target); err != nil || e.Target == "." {
		return fmt.Errorf("target %q: not a path below the root", e.Target)
	}
	id, _, ok := snapshot.Published(e.Target)
	if !ok {
		return fmt.Errorf("target %q is not in a snapshot", e.Target)
	}
	for _, s := range c.sources {
		if s.id != id {
			continue
		}
		if !c.earlier.has(e.Target) {
			return fmt.Errorf("target %q is not an earlier file of this plan", e.Target)
		}
		c.inPlan[e.Target] = true
		return nil
	}
	c.targetDirs[path.Dir(e.Target)] = struct{}{}
	return c.published(id, e)
}

func (c *checker) published(id snapshot.ID, e *plan.Entry) error {
	if e.SHA256.IsZero() {
		return fmt.Errorf("target %q: the entry has no sha256 to check it by", e.Target)
	}
	c.targets[id] = struct{}{}
	return nil
}
