package plan

import (
	"context"
	"hash/maphash"
	"slices"
	"strings"
	"time"

	"phlb/internal/catalog"
	"phlb/internal/retain"
	"phlb/internal/snapshot"
	"phlb/manifest"
)

// Why a snapshot is pruned, and why one is kept that its rules would not keep.
const (
	reasonNoRule  = "kept by no rule"
	reasonTripped = "guard tripped"
)

// oldSnapshot is one that exists, as retention sees it.
type oldSnapshot struct {
	id snapshot.ID
	retain.Snapshot
}

// retention decides about the existing snapshots of the planned names. What
// goes is known only at the end, but what may go is known before anything is
// scanned, and so which link targets have to be remembered.
type retention struct {
	build *build
	old   map[string][]oldSnapshot // by name, the newest first
	maybe map[snapshot.ID]struct{} // those that may be pruned
	// linked holds a keyed hash of each path in them that this plan links to:
	// its content stays.
	linked map[uint64]struct{}
	// last is the snapshot that a link was to last, with the slash behind it:
	// most links of a plan are to one.
	last    string
	lastMay bool
}

func newRetention(b *build) *retention {
	return &retention{
		build: b, old: map[string][]oldSnapshot{}, maybe: map[snapshot.ID]struct{}{}, linked: map[uint64]struct{}{},
	}
}

// begin reads what there is, and finds out what may go.
func (r *retention) begin() error {
	if r.build.root == nil {
		return nil
	}
	for i := range r.build.manifest.Sources {
		src := &r.build.manifest.Sources[i]
		if !r.build.chosen(src.Name) {
			continue
		}
		old, err := r.build.history(src)
		if err != nil {
			return err
		}
		r.old[src.Name] = old
		// What is to be made can turn out complete or partial, or not to be
		// made at all.
		for _, planned := range []*retain.Snapshot{nil, {}, {Partial: true}} {
			for k, reasons := range r.decide(src.Settings.Retention, old, planned) {
				if len(reasons) == 0 {
					r.maybe[old[k].id] = struct{}{}
				}
			}
		}
	}
	return nil
}

// history lists the snapshots of a name, the newest first. Without rules
// nobody asks when they were made, which costs a look into each catalogue.
func (b *build) history(src *manifest.Source) ([]oldSnapshot, error) {
	times, err := b.root.Times(src.Name)
	if err != nil {
		return nil, err
	}
	var old []oldSnapshot
	for _, t := range slices.Backward(times) {
		s := oldSnapshot{id: snapshot.ID{Name: src.Name, Time: t}}
		if s.Pinned, err = b.root.Pinned(s.id); err != nil {
			return nil, err
		}
		status, err := b.root.Status(s.id)
		if err != nil {
			return nil, err
		}
		s.Partial = status != snapshot.StatusComplete
		if p := src.Settings.Retention; p != nil && !p.IsZero() {
			s.Time = b.madeAt(s.id)
		}
		old = append(old, s)
	}
	return old, nil
}

// madeAt returns when a snapshot was made: its catalogue knows that in UTC,
// else its name is read as local time.
func (b *build) madeAt(id snapshot.ID) time.Time {
	if c := openCatalogOf(b.root, id); c != nil {
		defer c.Close()
		if h := c.reader.Header(); h.Origin == catalog.OriginApply && !h.Started.IsZero() {
			return h.Started
		}
	}
	t, err := snapshot.ParseTime(id.Time, b.manifest.Location)
	if err != nil {
		return time.Time{} // cannot be: only valid times are listed
	}
	return t
}

// decide returns the reasons to keep each of the old snapshots of a name. The
// planned one, if there is to be one, counts in.
func (r *retention) decide(policy *retain.Policy, old []oldSnapshot, planned *retain.Snapshot) [][]string {
	var list []retain.Snapshot
	if planned != nil {
		list = append(list, retain.Snapshot{Time: r.build.opts.Now, Partial: planned.Partial})
	}
	for i := range old {
		list = append(list, old[i].Snapshot)
	}
	var p retain.Policy
	if policy != nil {
		p = *policy
	}
	reasons := retain.Decide(p, list, r.build.manifest.Location)
	return reasons[len(list)-len(old):]
}

// link notes that the plan links to a stored file.
func (r *retention) link(target string) {
	if len(r.maybe) == 0 {
		return
	}
	if r.last == "" || !strings.HasPrefix(target, r.last) {
		id, _, ok := snapshot.Published(target)
		if !ok {
			return
		}
		r.last = id.String() + "/"
		_, r.lastMay = r.maybe[id]
	}
	if r.lastMay {
		r.linked[r.key(target)] = struct{}{}
	}
}

func (r *retention) key(stored string) uint64 { return maphash.String(r.build.seed, stored) }

// isLinked reports whether the plan links to a stored file.
func (r *retention) isLinked(stored string) bool {
	if len(r.linked) == 0 {
		return false
	}
	_, ok := r.linked[r.key(stored)]
	return ok
}

// finish lists what is kept, the newest first, and what is pruned, in the
// order in which that is done: the oldest first.
func (r *retention) finish(ctx context.Context, p *Plan) error {
	var going []goingSnapshot
	for i := range p.Sources {
		doc := &p.Sources[i]
		var planned *retain.Snapshot
		if doc.Snapshot != "" {
			planned = &retain.Snapshot{Partial: r.build.sources[i].partial}
		}
		old := r.old[doc.Name]
		reasons := r.decide(doc.Settings.Retention, old, planned)
		if hasTripped(doc.Guards) || r.build.sources[i].missing {
			keepAll(reasons)
		}
		for k := range old {
			if len(reasons[k]) > 0 {
				p.Keep = append(p.Keep, Keep{Snapshot: old[k].id.String(), Reasons: reasons[k]})
			}
		}
		going = append(going, goingOf(old, reasons)...)
	}
	freed, err := r.frees(ctx, going)
	if err != nil {
		return err
	}
	for i, g := range going {
		p.Prune = append(p.Prune, Prune{Snapshot: g.id.String(), Reason: reasonNoRule, FreesBytes: freed[i]})
	}
	return nil
}

// keepAll keeps what a guarded source would prune.
func keepAll(reasons [][]string) {
	for i := range reasons {
		if len(reasons[i]) == 0 {
			reasons[i] = []string{reasonTripped}
		}
	}
}

func hasTripped(guards []Guard) bool {
	return slices.ContainsFunc(guards, func(g Guard) bool { return g.Status == GuardTripped })
}

// goingSnapshot is one that is to be pruned, and those of its name that stay
// next to it.
type goingSnapshot struct {
	id         snapshot.ID
	neighbours []snapshot.ID
}

// goingOf returns what nothing keeps, the oldest first.
func goingOf(old []oldSnapshot, reasons [][]string) []goingSnapshot {
	var going []goingSnapshot
	for i := len(old) - 1; i >= 0; i-- {
		if len(reasons[i]) > 0 {
			continue
		}
		g := goingSnapshot{id: old[i].id}
		stays := func(r []string) bool { return len(r) > 0 }
		if k := slices.IndexFunc(reasons[i:], stays); k >= 0 {
			g.neighbours = append(g.neighbours, old[i+k].id)
		}
		for k := i - 1; k >= 0; k-- {
			if stays(reasons[k]) {
				g.neighbours = append(g.neighbours, old[k].id)
				break
			}
		}
		going = append(going, g)
	}
	return going
}
