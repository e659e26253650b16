package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/scan"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
	"phlb/manifest"
)

// Question is what is to be explained.
type Question struct {
	Source string // its name
	Path   string // relative to the source, slash-separated and clean; "." is the source
	// Directory says what a path that does not exist is meant to be.
	Directory bool
}

// Explanation tells what a plan would do with one path, and why.
type Explanation struct {
	Source    manifest.Source
	Path      string
	Exists    bool
	Kind      meta.Kind // meta.Unknown if it does not exist
	Size      int64     // bytes, of files
	Links     uint64    // names of its inode; more than one: it is a hard link
	Steps     []Step    // from the source's top to what decides
	Snapshot  string    // name/time that would be made
	Parent    *string   // what it was compared with
	Entry     *Entry    // in the plan; nil: the path has none of its own
	Gone      bool      // the parent has it, so that a plan tells of its deletion
	Unplanned []Guard   // guards that tripped, so that nothing was planned
	// Open: other files of the plan could make a link of this copy, or
	// another path the moved one.
	Open bool
}

// Decider returns the step that decides, nil if the path is in the plan.
func (x *Explanation) Decider() *Step {
	if n := len(x.Steps); n > 0 && x.Steps[n-1].Skipped {
		return &x.Steps[n-1]
	}
	return nil
}

// Step is one path on the way, and the rules that apply to it.
type Step struct {
	Path string
	Kind meta.Kind
	// Pattern is the last exclude that matches, nil if none does. One that
	// begins with ! includes.
	Pattern  *manifest.Pattern
	Skipped  bool // nothing of it, or below it, is stored
	Excluded bool // by the pattern
	Reason   string
	Rule     scan.Rule          // why it is skipped
	Origin   *manifest.Position // of the rule's key; nil: it is always on, or by default
}

// probe narrows planning down to one path.
type probe struct {
	path string
	seen map[string]scan.Entry
	gone meta.Kind // of the parent's record, if the source has nothing there
}

func (p *probe) only() string {
	if p == nil {
		return ""
	}
	return p.path
}

// stored is only in the names of a snapshot.
func (p *probe) stored(native bool) string {
	if p == nil || !native {
		return p.only()
	}
	return sums.StoredPath(p.path)
}

func (p *probe) saw(e *scan.Entry) {
	if p != nil {
		p.seen[strings.Clone(e.Path)] = *e
	}
}

// Explain finds out what Build would decide about one path. It looks at this
// path and those above it alone, so that it is quick, and says where the other
// files of a plan matter, too.
func Explain(ctx context.Context, m *manifest.Manifest, root *snapshot.Root, o Options, q Question) (*Explanation, error) {
	at := slices.IndexFunc(m.Sources, func(s manifest.Source) bool { return s.Name == q.Source })
	if at < 0 {
		return nil, fmt.Errorf("explain %s: the manifest has no source %q", q.Path, q.Source)
	}
	entries := map[string]Entry{}
	o.Sources, o.probe = []string{q.Source}, &probe{path: q.Path, seen: map[string]scan.Entry{}}
	o.Observer = Observer{
		Source: func(string) { clear(entries); clear(o.probe.seen) },
		Entry:  func(e *Entry) { entries[e.Path] = *e },
	}
	p, err := Build(ctx, m, root, o)
	if err != nil {
		return nil, err
	}
	x := &Explanation{
		Source: m.Sources[at], Path: q.Path, Snapshot: p.Sources[0].Snapshot, Parent: p.Sources[0].Parent, Gone: o.probe.gone != meta.Unknown,
	}
	if _, planned := entries["."]; !planned {
		x.Unplanned = p.Tripped
	}
	x.look(o.probe)
	if err := x.steps(q, o.probe, entries); err != nil {
		return nil, err
	}
	x.planned(entries)
	return x, nil
}

// look finds out what the path is, also where the walk did not get to it.
func (x *Explanation) look(p *probe) {
	if _, seen := p.seen[x.Path]; !seen {
		dir, err := fsys.Open(x.Source.Path)
		if err != nil {
			return
		}
		defer dir.Close()
		info, err := dir.LstatAt(x.Path)
		if err != nil {
			return
		}
		p.seen[x.Path] = scan.Entry{Path: x.Path, Info: info}
	}
	seen := p.seen[x.Path]
	x.Exists, x.Kind, x.Size, x.Links = true, seen.Kind, seen.Size, seen.Nlink
}

// steps follows the path from the top until something is skipped.
func (x *Explanation) steps(q Question, p *probe, entries map[string]Entry) error {
	matcher, err := matcherOf(x.Source.Excludes)
	if err != nil {
		return err
	}
	for _, path := range ways(q.Path) {
		s := Step{Path: path}
		seen, found := p.seen[path]
		isDir := path != q.Path || q.Directory
		if found {
			s.Kind = seen.Kind
			isDir = seen.Kind == meta.Dir
		}
		if i, excluded := matcher.Match(path, isDir); i >= 0 {
			s.Pattern = &x.Source.Excludes[i]
			s.Skipped, s.Excluded = excluded, excluded
		}
		x.judge(&s, entries)
		x.Steps = append(x.Steps, s)
		if s.Skipped || found && s.Kind != meta.Dir {
			break
		}
	}
	return nil
}

// judge adds what the plan says.
func (x *Explanation) judge(s *Step, entries map[string]Entry) {
	if e, ok := entries[s.Path]; ok && e.Action == ActionSkip {
		s.Skipped, s.Reason = true, e.Reason
	}
	switch {
	case !s.Skipped:
		return
	case s.Excluded:
		s.Rule = scan.RuleExcludes
		if s.Pattern.Pos.Line > 0 {
			s.Origin = &s.Pattern.Pos
		}
		if s.Reason == "" {
			s.Reason = "excluded: " + s.Pattern.Text // it does not exist
		}
		return
	}
	s.Rule = scan.RuleOf(s.Reason)
	if strings.HasPrefix(s.Reason, "name") {
		s.Rule = "name"
	}
	if pos, ok := x.Source.Origins[string(s.Rule)]; ok {
		s.Origin = &pos
	}
}

// planned fills in what becomes of the path.
func (x *Explanation) planned(entries map[string]Entry) {
	e, ok := entries[x.Path]
	if !ok {
		return
	}
	x.Entry = &e
	threshold := max(x.Source.SmallFileThreshold, manifest.MinSmallFileThreshold)
	x.Open = e.Action == ActionCopy && e.Size >= threshold || e.Change == ChangeMoved
}

// ways returns a path and all above it, from the top.
func ways(path string) []string {
	list := []string{"."}
	if path == "." {
		return list
	}
	for i := range len(path) {
		if path[i] == '/' {
			list = append(list, path[:i])
		}
	}
	return append(list, path)
}
