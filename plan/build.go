package plan

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"slices"
	"sync"
	"time"

	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/lookup"
	"phlb/internal/pool"
	"phlb/internal/scan"
	"phlb/internal/snapshot"
	"phlb/manifest"
)

// Options say how a plan is made.
type Options struct {
	Now     time.Time
	NewID   func() string
	Version string // of phlb
	// Sources are the names to plan; empty: all of the manifest.
	Sources []string
	// Rehash reads every file and trusts no metadata.
	Rehash bool
	// Overrides are names of guards that may trip without consequence.
	Overrides []string
	// PruneOnly plans no snapshots, only what becomes of old ones. Sources are
	// not looked at, so that a full disk can be emptied.
	PruneOnly bool
	// Avoid are files that are never planned: the plan's own output.
	Avoid []scan.Identity
	// Drop are files that do not even stand in the plan as skips: those that
	// are gone when it is made.
	Drop    []scan.Identity
	Workers int
	UID     int // effective user and group
	GID     int
	Events  event.Sink
	// Observer is shown the entries while they are decided.
	Observer Observer

	probe *probe // only one path is planned, to explain it
}

// Observer is shown what a plan will hold, source by source, before it is
// known whether planning succeeds. Nil functions are skipped. When planning
// begins anew, so does what is shown: a second Source of the same name takes
// the place of the first.
type Observer struct {
	Source  func(name string)
	Entry   func(*Entry) // valid during the call
	Deleted func(path string)
}

// Plan is a finished plan and what was noticed on the way.
type Plan struct {
	Document
	// Unlisted are names in the root that the manifest does not list. Their
	// snapshots are never pruned.
	Unlisted []string
	// Strangers are what lies in a directory that is to become a root and holds
	// no snapshot: it may be the wrong one. Hidden names do not count.
	Strangers []string
	// Limits are what the destination is known not to hold.
	Limits []fsys.Limit
	// Tripped are the guards that make the plan not applicable.
	Tripped []Guard
}

// Build scans the manifest's sources and decides. It writes nothing. The root
// is nil when the destination does not exist yet and is to be created.
//
// A catalogue that turns out to be damaged half-way may have made the rest of
// its snapshot look new, so everything is then decided anew without it.
func Build(ctx context.Context, m *manifest.Manifest, root *snapshot.Root, o Options) (*Plan, error) {
	id := o.NewID()
	distrusted := map[snapshot.ID]bool{}
	for {
		p, err := attempt(ctx, m, root, o, id, distrusted)
		damaged := (*damagedCatalog)(nil)
		if !errors.As(err, &damaged) || distrusted[damaged.id] {
			return p, err
		}
		distrusted[damaged.id] = true
	}
}

// damagedCatalog ends an attempt to plan.
type damagedCatalog struct {
	id  snapshot.ID
	err error
}

func (e *damagedCatalog) Error() string { return fmt.Sprintf("catalogue of %s: %v", e.id, e.err) }
func (e *damagedCatalog) Unwrap() error { return e.err }

func attempt(
	ctx context.Context, m *manifest.Manifest, root *snapshot.Root, o Options, id string, distrusted map[snapshot.ID]bool,
) (*Plan, error) {
	ctx, cancel := context.WithCancel(ctx)
	b := &build{manifest: m, root: root, opts: o, id: id, distrusted: distrusted, readers: pool.New(o.Workers)}
	defer b.close()
	defer cancel() // before close: nobody waits any more for what is still being read
	if err := b.begin(); err != nil {
		return nil, err
	}
	b.checkDestination()
	p := &Plan{Document: Document{Header: b.header}, Limits: b.limits}
	for i := range m.Sources {
		src := &m.Sources[i]
		if !b.chosen(src.Name) {
			continue
		}
		doc, err := b.source(ctx, src)
		if err != nil {
			return nil, fmt.Errorf("plan %s: %w", src.Name, err)
		}
		p.Sources = append(p.Sources, *doc)
	}
	if err := b.finish(ctx, p); err != nil {
		return nil, err
	}
	return p, nil
}

// chosen reports whether the source of this name is to be planned.
func (b *build) chosen(name string) bool {
	return len(b.opts.Sources) == 0 || slices.Contains(b.opts.Sources, name)
}

// build is what the sources of one plan share.
type build struct {
	manifest   *manifest.Manifest
	root       *snapshot.Root
	opts       Options
	id         string
	header     Header
	distrusted map[snapshot.ID]bool // snapshots with a damaged catalogue
	gid        uint32               // of what the running user makes in the root
	nameMax    int64                // bytes that a name may have in the root
	limits     []fsys.Limit         // of the destination
	mounts     []mount
	seed       maphash.Seed
	avoid      []scan.Identity // the root, as far as sources can meet it
	planned    *candidates
	stored     *storedFiles
	shared     []Guard // about the destination: outcomes for all sources
	elsewhere  bool    // one of them tripped: this is not the right root
	retention  *retention
	sources    []*sourceBuild
	buffers    sync.Pool
	readers    *pool.Pool // hashes and samples ahead of the decisions
	gathered   *task      // not yet handed to them
}

func (b *build) begin() error {
	o := &b.opts
	b.header = Header{
		PlanID: b.id, PHLBVersion: o.Version, CreatedAt: o.Now.UTC(),
		Manifest:    ManifestRef{Path: b.manifest.Path, SHA256: b.manifest.SHA256},
		Destination: Destination{Path: b.manifest.Destination, Require: Require(b.manifest.DestinationRequire)},
		Applyable:   true, Overrides: o.Overrides, PruneOnly: o.PruneOnly,
	}
	b.gid = uint32(o.GID)
	b.nameMax = usualNameMax
	b.mounts = readMounts()
	b.seed = maphash.MakeSeed()
	b.planned = newCandidates(b.manifest.Sources)
	b.stored = &storedFiles{build: b}
	b.retention = newRetention(b)
	if b.root == nil {
		b.header.Destination.Create = true
		return nil
	}
	info, err := b.root.Dir().Stat()
	if err != nil {
		return err
	}
	b.avoid = []scan.Identity{{Dev: info.Dev, Ino: info.Ino}}
	if info.Mode&0o2000 != 0 {
		b.gid = info.GID // a set-gid directory hands its group down
	}
	state, exists, err := b.root.State()
	if err != nil {
		return err
	}
	if exists {
		b.header.Destination.ID = &state.ID
		b.header.Destination.Generation = state.Generation
	}
	if fs, err := b.root.Dir().FS(); err == nil && fs.NameMax > 0 {
		b.nameMax = fs.NameMax
	}
	b.limits = b.root.Limits()
	if b.stored.lookups, err = lookup.Open(b.root.Dir()); err != nil {
		return err
	}
	return b.retention.begin()
}

// limited reports whether the destination is known to have a limit.
func (b *build) limited(l fsys.Limit) bool { return slices.Contains(b.limits, l) }

// usualNameMax is what nearly every file system holds, where it does not tell.
const usualNameMax = 255

func (b *build) close() {
	_ = b.readers.Wait() // each reading's error went to whoever waited for it
	for _, s := range b.sources {
		s.close()
	}
	b.stored.close()
}

// source plans one source. A guard that trips leaves it without entries.
func (b *build) source(ctx context.Context, src *manifest.Source) (*SourceDoc, error) {
	s := &sourceBuild{build: b, Source: Source{Name: src.Name, Path: src.Path, Settings: src.Settings}, spool: NewSpool()}
	s.rule = LinkRule{
		Match: s.Settings.LinkMatch, UID: uint32(b.opts.UID), GID: b.gid, Exposed: b.root != nil && !b.root.Sealed(),
		NoXattrs: b.limited(fsys.LimitXattrs),
	}
	s.keys = newAttrKeys(b.seed, &s.rule)
	b.sources = append(b.sources, s)
	if show := b.opts.Observer.Source; show != nil {
		show(src.Name)
	}
	if err := s.place(); err != nil {
		return nil, err
	}
	if b.opts.PruneOnly {
		return &SourceDoc{Source: s.Source}, nil
	}
	if s.open() && s.required() && !b.elsewhere {
		if err := s.overlap(); err != nil {
			return nil, err
		}
		if err := s.scan(ctx); err != nil {
			return nil, err
		}
		if s.opts.probe == nil { // one path tells nothing of the whole
			s.measured()
			s.skipUnchanged()
		}
	}
	s.Totals = s.spool.Totals()
	return &SourceDoc{Source: s.Source, Spool: s.spool}, nil
}

// place finds the parent snapshot and the name of the new one, if there is to
// be one.
func (s *sourceBuild) place() error {
	newest := ""
	if s.root != nil {
		var exists bool
		var err error
		if newest, exists, err = s.root.Newest(s.Name); err != nil {
			return err
		}
		if exists {
			s.parentID = snapshot.ID{Name: s.Name, Time: newest}
			id := s.parentID.String()
			s.parentPrefix = []byte(id + "/")
			s.Parent = &id
		}
	}
	defer s.clock(newest)
	if s.opts.PruneOnly {
		return nil
	}
	next := snapshot.NextTime(s.opts.Now, s.manifest.Location, newest)
	if next == "" {
		return fmt.Errorf("the newest snapshot is %s: the calendar has no later time for another one", s.parentID)
	}
	s.Snapshot = snapshot.ID{Name: s.Name, Time: next}.String()
	return nil
}

// finish fills in what is known only when all sources are scanned.
func (b *build) finish(ctx context.Context, p *Plan) error {
	if !b.opts.PruneOnly {
		if err := b.checkSpace(p); err != nil {
			return err
		}
	}
	for i := range p.Sources {
		p.Sources[i].Guards = append(p.Sources[i].Guards, b.shared...)
		for _, g := range p.Sources[i].Guards {
			if g.Status == GuardTripped {
				p.Applyable = false
				p.Tripped = append(p.Tripped, g)
			}
		}
	}
	if b.root == nil {
		return nil
	}
	if err := b.survey(ctx, p); err != nil {
		return err
	}
	return b.retention.finish(ctx, p)
}
