package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"

	"phlb/internal/fsys"
	"phlb/plan"
)

// Format is the form of a result.
type Format string

// The forms.
const (
	Table    Format = "table" // for people
	JSON     Format = "json"
	Markdown Format = "markdown" // for a comment on a pull request
	HTML     Format = "html"     // one page that needs nothing else
)

// Listing says whether the single entries of a plan are listed.
type Listing int

// The listings.
const (
	SummaryOnly Listing = iota
	WithEntries         // before the summary
)

// PlanOptions say how a plan is shown.
type PlanOptions struct {
	Format  Format
	Style   Style // of Table
	Filter  Filter
	Listing Listing
	// Top is the length of the lists of copies, directories and snapshots;
	// 0: 10.
	Top int
	// MaxBytes bounds Markdown; 0: DefaultMarkdownBytes.
	MaxBytes int
	// Reread reads the plan once more, for HTML: the list of its entries stands
	// below the summary. Nil: there is none.
	Reread func(plan.Visitor) error
	// Unlisted are names in the root that the manifest does not list. A plan
	// does not carry them, so they are told only right after planning.
	Unlisted []string
	// Strangers are what lies in a directory that is to become a root, likewise.
	Strangers []string
	// Limits are what the destination is known not to hold, likewise.
	Limits []fsys.Limit
}

const defaultTop = 10

// PlanReport shows a plan while it is read: feed Visitor to plan.Read, then
// call Finish. Or it shows a summary of one that is just being made: feed
// Observer to plan.Build, then call Planned. It is not safe for concurrent use.
type PlanReport struct {
	o        PlanOptions
	w        *bufio.Writer
	selected *selector
	list     entryList
	summary  PlanSummary
	tally    *sourceTally            // of the source being read or made
	observed map[string]*sourceTally // by source; while a plan is made
}

// NewPlanReport returns a report that writes to w. The error wraps ErrFilter
// if the filter is wrong.
func NewPlanReport(w io.Writer, o PlanOptions) (*PlanReport, error) {
	s, err := newSelector(o.Filter)
	if err != nil {
		return nil, err
	}
	if o.Top <= 0 {
		o.Top = defaultTop
	}
	r := &PlanReport{o: o, w: bufio.NewWriter(w), selected: s, list: noList{}}
	if r.o.MaxBytes <= 0 {
		r.o.MaxBytes = DefaultMarkdownBytes
	}
	switch {
	case !slices.Contains([]Format{Table, JSON, Markdown, HTML}, o.Format):
		return nil, fmt.Errorf("unknown format %q", o.Format)
	case o.Listing == SummaryOnly, o.Format == HTML:
	case o.Format == JSON:
		r.list = &jsonList{w: r.w}
	case o.Format == Markdown:
		r.list = &markdownList{room: r.o.MaxBytes}
	default:
		r.list = &textList{w: r.w, style: o.Style}
	}
	return r, nil
}

// File tells which file the plan is read from. It is to be called before
// Finish.
func (r *PlanReport) File(path, sha256 string) {
	r.summary.File = &PlanFile{Path: NewPath(path), SHA256: sha256}
}

// Visitor returns the callbacks to read a plan with.
func (r *PlanReport) Visitor() plan.Visitor {
	return plan.Visitor{
		Header:    r.header,
		Source:    r.source,
		Entry:     r.entry,
		Deleted:   r.deleted,
		EndSource: r.endSource,
		Keep:      r.keep,
		Prune:     r.prune,
	}
}

func (r *PlanReport) header(h *plan.Header) error {
	s := &r.summary
	*s = PlanSummary{
		PlanID: h.PlanID, PHLBVersion: h.PHLBVersion, CreatedAt: h.CreatedAt.UTC(),
		Destination: DestinationView{
			Path: NewPath(h.Destination.Path), ID: h.Destination.ID, Generation: h.Destination.Generation,
		},
		Applyable: h.Applyable, Overrides: slices.Clone(h.Overrides), PruneOnly: h.PruneOnly,
		Sources: []SourceSummary{}, Keep: []KeepView{}, Prune: []PruneView{},
		Unlisted: r.o.Unlisted, Strangers: r.o.Strangers, Limits: r.o.Limits,
	}
	if h.Manifest != (plan.ManifestRef{}) {
		s.Manifest = &ManifestView{Path: NewPath(h.Manifest.Path), SHA256: h.Manifest.SHA256}
	}
	if !r.o.Filter.Empty() {
		s.Filter = &r.o.Filter
	}
	return r.list.begin()
}

// Observer returns the callbacks to make a plan with.
func (r *PlanReport) Observer() plan.Observer {
	r.observed = map[string]*sourceTally{}
	return plan.Observer{
		Source: func(name string) {
			r.tally = newSourceTally(r.o.Top)
			r.observed[name] = r.tally
		},
		Entry: func(e *plan.Entry) {
			if r.tally.judge(e); r.selected.entry(e) {
				r.tally.entry(e)
			}
		},
		Deleted: func(path string) {
			if r.tally.judgeDeleted(path); r.selected.deleted(path) {
				r.tally.delete(path)
			}
		},
	}
}

// Planned writes the summary of the plan that was observed and has been
// written. Entries are not listed.
func (r *PlanReport) Planned(p *plan.Plan) error {
	r.o.Unlisted, r.o.Strangers, r.o.Limits = p.Unlisted, p.Strangers, p.Limits
	r.list = noList{}
	totals, err := p.Document.Totals()
	if err == nil {
		err = r.header(&p.Header)
	}
	for i := 0; err == nil && i < len(p.Sources); i++ {
		s := p.Sources[i].Source
		r.begin(&s, r.observed[s.Name])
		err = r.endSource(&s)
	}
	for i := 0; err == nil && i < len(p.Keep); i++ {
		err = r.keep(&p.Keep[i])
	}
	for i := 0; err == nil && i < len(p.Prune); i++ {
		err = r.prune(&p.Prune[i])
	}
	if err != nil {
		return err
	}
	return r.Finish(&plan.Info{Header: p.Header, Totals: totals, Digest: p.Digest})
}

func (r *PlanReport) source(s *plan.Source) error {
	r.begin(s, newSourceTally(r.o.Top))
	return r.list.source(r.current())
}

// begin adds the view of a source whose entries tally has counted, or will.
func (r *PlanReport) begin(s *plan.Source, tally *sourceTally) {
	r.tally = tally
	view := SourceSummary{Name: s.Name, Path: NewPath(s.Path), Guards: guardViews(s.Guards)}
	if s.Snapshot != "" {
		name := s.Snapshot
		view.Snapshot = &name
	}
	if s.Parent != nil {
		name := *s.Parent
		view.Parent = &name
	}
	r.summary.Sources = append(r.summary.Sources, view)
}

// current is the summary of the source being read.
func (r *PlanReport) current() *SourceSummary { return &r.summary.Sources[len(r.summary.Sources)-1] }

func guardViews(guards []plan.Guard) []GuardView {
	views := []GuardView{}
	for _, g := range guards {
		views = append(views, GuardView{Name: g.Name, Limit: g.Limit, Status: g.Status, Detail: g.Detail})
	}
	slices.SortStableFunc(views, func(a, b GuardView) int {
		return cmp.Compare(guardRank(a.Status), guardRank(b.Status))
	})
	return views
}

func guardRank(status string) int {
	// An unknown status gives -1 and comes first: it deserves a look.
	return slices.Index([]string{plan.GuardTripped, plan.GuardOverridden, plan.GuardPassed}, status)
}

func (r *PlanReport) entry(e *plan.Entry) error {
	if r.tally.judge(e); !r.selected.entry(e) {
		return nil
	}
	r.tally.entry(e)
	return r.list.entry(e)
}

func (r *PlanReport) deleted(path string) error {
	if r.tally.judgeDeleted(path); !r.selected.deleted(path) {
		return nil
	}
	r.tally.delete(path)
	return r.list.deleted(path)
}

func (r *PlanReport) endSource(s *plan.Source) error {
	view := r.current()
	view.Totals = s.Totals
	view.WillBePartial = r.tally.partial
	r.summary.HasChanges = r.summary.HasChanges || r.tally.changes
	if !r.o.Filter.Empty() {
		view.Selected = &r.tally.selected
	}
	r.tally.summarize(view, r.o.Top)
	r.tally = nil
	return r.list.endSource(view)
}

func (r *PlanReport) keep(k *plan.Keep) error {
	r.summary.Keep = append(r.summary.Keep, KeepView{Snapshot: k.Snapshot, Reasons: slices.Clone(k.Reasons)})
	return nil
}

func (r *PlanReport) prune(p *plan.Prune) error {
	r.summary.HasChanges = true
	r.summary.Prune = append(r.summary.Prune, PruneView(*p))
	return nil
}

// HasChanges reports whether the plan has an entry that is not unchanged, a
// skip of what the parent has, a deletion or a prune, whatever the filter.
func (r *PlanReport) HasChanges() bool { return r.summary.HasChanges }

// Summary returns what is known; all of it after Finish.
func (r *PlanReport) Summary() *PlanSummary { return &r.summary }
