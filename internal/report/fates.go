package report

import (
	"slices"
	"strings"

	"phlb/internal/retain"
)

// fate is what becomes of a snapshot, or of several together.
type fate uint8

const (
	fateKept fate = 1 << iota
	fatePruned
	fateNew
)

// fated is one snapshot and what becomes of it.
type fated struct {
	Snapshot string
	Time     string // as it names the snapshot; plans from elsewhere may have something else there
	Why      string
	name     string
	fate     fate
	frees    int64 // bytes; of pruned ones
	ruled    bool  // a retention has decided
}

func newFated(snapshot string, f fate, why string) fated {
	i := strings.LastIndexByte(snapshot, '/')
	return fated{Snapshot: snapshot, Time: snapshot[i+1:], name: snapshot[:max(i, 0)], fate: f, Why: why}
}

// fates lists the planned, the pruned and the kept snapshots, in this order:
// where there is no room for all, those that stay as they are can be missed
// best.
func fates(s *PlanSummary) []fated {
	kept := make([]fated, 0, len(s.Keep))
	planned := map[string]string{} // why they are to be kept, if the plan tells that, too
	for i := range s.Sources {
		if p := s.Sources[i].Snapshot; p != nil {
			planned[*p] = ""
		}
	}
	for _, k := range s.Keep {
		f := newFated(k.Snapshot, fateKept, strings.Join(k.Reasons, ", "))
		if _, ok := planned[k.Snapshot]; ok {
			planned[k.Snapshot] = f.Why
			continue
		}
		f.ruled = !slices.Contains(k.Reasons, retain.ReasonNoRetention)
		kept = append(kept, f)
	}
	var all []fated
	for i := range s.Sources {
		if p := s.Sources[i].Snapshot; p != nil {
			all = append(all, newFated(*p, fateNew, planned[*p]))
		}
	}
	for _, p := range s.Prune {
		f := newFated(p.Snapshot, fatePruned, p.Reason)
		f.frees, f.ruled = p.FreesBytes, true
		all = append(all, f)
	}
	return append(all, kept...)
}

// lineage is the snapshots of one name.
type lineage struct {
	name  string
	list  []fated
	old   bool // some exist already
	ruled bool // a retention has decided about them
}

// lineages groups snapshots by their names. A name that is new has no past to
// show, and is left out.
func lineages(list []fated) []*lineage {
	var all []*lineage
	named := map[string]*lineage{}
	for _, f := range list {
		l := named[f.name]
		if l == nil {
			l = &lineage{name: f.name}
			named[f.name], all = l, append(all, l)
		}
		l.list = append(l.list, f)
		l.old, l.ruled = l.old || f.fate != fateNew, l.ruled || f.ruled
	}
	return slices.DeleteFunc(all, func(l *lineage) bool { return !l.old })
}
