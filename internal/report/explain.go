package report

import (
	"fmt"
	"io"
	"path"
	"strings"

	"phlb/internal/meta"
	"phlb/internal/scan"
	"phlb/manifest"
	"phlb/plan"
)

// What the JSON result of an explanation says of itself.
const (
	ExplainFormat        = "phlb-explain"
	ExplainFormatVersion = "1.0"
)

// Explained is what is known about one path, in each source that it is in.
type Explained struct {
	Manifest string
	Asked    string // the path as it was given
	Sources  []*plan.Explanation
	// NoRoot is why what is stored is not known, empty if it is.
	NoRoot string
	// Below says that a relative path was looked for below the sources, as
	// nothing of that name is there, nor in the working directory.
	Below bool
	// Output is set if the path is the file that the plan is written to.
	Output bool
}

type explainedJSON struct {
	Format        string            `json:"format"`
	FormatVersion string            `json:"format_version"`
	Manifest      string            `json:"manifest"`
	Asked         Path              `json:"asked"`
	NoRoot        string            `json:"destination_error,omitempty"`
	Sources       []explanationJSON `json:"sources"`
}

// explanationJSON is one Explanation. Action is that of the plan's entry, or
// "none" where the plan has none: for what does not exist, and what lies below
// something skipped.
type explanationJSON struct {
	Source     string `json:"source"`
	SourcePath Path   `json:"source_path"`
	Path
	Exists   bool        `json:"exists"`
	Kind     string      `json:"kind,omitempty"`
	Size     int64       `json:"size,omitempty"`
	Stored   bool        `json:"stored"` // the plan would store it
	Action   string      `json:"action"`
	Change   plan.Change `json:"change,omitempty"`
	Reason   string      `json:"reason,omitempty"`
	Target   *Path       `json:"target,omitempty"`
	Snapshot string      `json:"snapshot,omitempty"`
	Parent   *string     `json:"parent"`
	Steps    []stepJSON  `json:"steps"`
	Notes    []string    `json:"notes,omitempty"`
}

type stepJSON struct {
	Path
	Skipped bool         `json:"skipped"`
	Rule    scan.Rule    `json:"rule,omitempty"` // what skips it
	Reason  string       `json:"reason,omitempty"`
	Pattern *patternJSON `json:"pattern,omitempty"` // the last that matches
	Origin  *originJSON  `json:"origin,omitempty"`  // of the rule's key or pattern
}

type patternJSON struct {
	Text    string `json:"text"`
	Builtin bool   `json:"builtin"`
	*originJSON
}

type originJSON struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

func newOrigin(p *manifest.Position) *originJSON {
	if p == nil || p.Line == 0 {
		return nil
	}
	return &originJSON{p.File, p.Line, p.Column}
}

// ExplainJSON writes an explanation as one JSON document.
func ExplainJSON(w io.Writer, e *Explained) error {
	doc := explainedJSON{
		Format: ExplainFormat, FormatVersion: ExplainFormatVersion, Manifest: e.Manifest, Asked: NewPath(e.Asked), NoRoot: e.NoRoot,
		Sources: []explanationJSON{},
	}
	for _, x := range e.Sources {
		doc.Sources = append(doc.Sources, newExplanation(e, x))
	}
	return WriteJSON(w, doc)
}

func newExplanation(e *Explained, x *plan.Explanation) explanationJSON {
	j := explanationJSON{
		Source: x.Source.Name, SourcePath: NewPath(x.Source.Path), Path: NewPath(x.Path), Exists: x.Exists,
		Snapshot: x.Snapshot, Parent: x.Parent, Action: "none", Notes: explainNotes(e, x), Steps: []stepJSON{},
	}
	if x.Kind != meta.Unknown {
		j.Kind = x.Kind.String()
	}
	if x.Kind == meta.File {
		j.Size = x.Size
	}
	if s := x.Decider(); s != nil {
		j.Reason = s.Reason
	}
	if en := x.Entry; en != nil {
		j.Action, j.Change, j.Reason, j.Stored = string(en.Action), en.Change, en.Reason, en.Action != plan.ActionSkip
		if en.Target != "" {
			target := NewPath(en.Target)
			j.Target = &target
		}
	}
	for i := range x.Steps {
		s := &x.Steps[i]
		step := stepJSON{Path: NewPath(s.Path), Skipped: s.Skipped, Rule: s.Rule, Reason: s.Reason, Origin: newOrigin(s.Origin)}
		if s.Pattern != nil {
			step.Pattern = &patternJSON{s.Pattern.Text, s.Pattern.Builtin, newOrigin(&s.Pattern.Pos)}
		}
		j.Steps = append(j.Steps, step)
	}
	return j
}

// Explain writes an explanation for people.
func Explain(w io.Writer, s Style, e *Explained) error {
	p := newPage(w, s)
	for _, x := range e.Sources {
		explainPage(p, e, x)
	}
	return p.flush()
}

func explainPage(p *page, e *Explained, x *plan.Explanation) {
	what := "does not exist"
	switch {
	case x.Exists && x.Kind == meta.File:
		what = "a file of " + Bytes(x.Size)
	case x.Exists:
		what = kindWords(x.Kind)
	}
	p.section("%s in source %s (%s): %s", Name(x.Path), Name(x.Source.Name), Name(x.Source.Path), what)
	var rows [][]string
	for i := range x.Steps {
		rows = append(rows, stepRow(&x.Steps[i]))
	}
	p.table([]column{name("path"), left(""), name("because"), name("where")}, rows)
	p.gap()
	explainOutcome(p, x)
	for _, note := range explainNotes(e, x) {
		p.line("%s%s", tableIndent, note)
	}
}

func kindWords(k meta.Kind) string {
	switch k {
	case meta.Dir:
		return "a directory"
	case meta.Symlink:
		return "a symbolic link"
	case meta.Socket, meta.Fifo, meta.Device:
		return "a " + k.String()
	}
	return "a " + k.String()
}

// stepRow tells what applies to one path on the way.
func stepRow(s *plan.Step) []string {
	verdict := "included"
	if s.Skipped {
		verdict = "skipped"
	}
	because, where := "no exclude matches", ""
	if s.Path == "." {
		because = "the source itself is never excluded"
	}
	if pt := s.Pattern; pt != nil {
		because = "matches " + Name(pt.Text)
		if !s.Excluded {
			because += ", which includes it"
		}
		if where = text(pt.Pos.String()); pt.Builtin {
			where = "built in"
		}
	}
	if s.Skipped && !s.Excluded {
		because = text(s.Reason)
		where = string(s.Rule)
		switch {
		case s.Origin != nil:
			where += " at " + text(s.Origin.String())
		case s.Rule == scan.RuleOneFileSystem:
			where += ", by default"
		default:
			where = "always"
		}
	}
	return []string{Name(s.Path), verdict, because, where}
}

// explainOutcome tells what a plan would do.
func explainOutcome(p *page, x *plan.Explanation) {
	e := x.Entry
	switch s := x.Decider(); {
	case len(x.Unplanned) > 0:
		p.line("%s", p.paint(red, "A plan would store nothing of this source: "+unplannedWords(x.Unplanned)+"."))
	case s != nil && s.Path != x.Path:
		p.line("%s", p.paint(bold, "Not stored, since "+Name(s.Path)+" is skipped with all below it: "+text(s.Reason)+"."))
	case s != nil && !x.Exists:
		p.line("%s", p.paint(bold, "It does not exist; if it did it would be skipped: "+text(s.Reason)+"."))
	case s != nil:
		p.line("%s", p.paint(bold, "Not stored. A plan would skip it: "+text(s.Reason)+"."))
	case e == nil:
		p.line("%s", p.paint(bold, missingWords(x)))
	default:
		line := "A plan would " + actionWords(e)
		if e.Change != "" {
			line += "; compared with the parent: " + string(e.Change)
		}
		if e.Reason != "" && e.Reason != string(e.Change) {
			line += "; " + text(e.Reason)
		}
		p.line("%s", p.paint(bold, line+"."))
	}
}

func unplannedWords(guards []plan.Guard) string {
	var words []string
	for _, g := range guards {
		words = append(words, "guard "+Name(g.Name)+" trips: it "+text(g.Detail))
	}
	return strings.Join(words, "; ")
}

func missingWords(x *plan.Explanation) string {
	last := &x.Steps[len(x.Steps)-1]
	if last.Path != x.Path && last.Kind == meta.Symlink {
		return "Not stored by this path: " + Name(last.Path) + " is a symbolic link, which is stored as one and not followed."
	}
	if last.Path != x.Path && last.Kind != meta.Unknown && last.Kind != meta.Dir {
		return "It does not exist: " + Name(last.Path) + " is " + kindWords(last.Kind) + "."
	}
	return "It does not exist; if it did no exclude would skip it."
}

func actionWords(e *plan.Entry) string {
	switch e.Action {
	case plan.ActionLink:
		return "link it to " + Name(e.Target)
	case plan.ActionMkdir:
		return "make this directory"
	case plan.ActionSymlink:
		return "make this symbolic link to " + Name(e.Target)
	}
	return string(e.Action) + " it"
}

// explainNotes tell what the decision does not.
func explainNotes(e *Explained, x *plan.Explanation) []string {
	var notes []string
	note := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	if e.Below && !x.Exists {
		note("%s is relative and does not exist here, so it was taken as a path below the source: %s.", Name(e.Asked), Name(path.Join(x.Source.Path, x.Path)))
	}
	if e.Output {
		note("It is what phlb plan writes: the file that a plan is written to is left out of that plan.")
	}
	if x.Gone {
		note("The parent snapshot has it: a plan lists it as deleted, or the files below it.")
	}
	if x.Entry != nil && x.Entry.Quiet {
		note("Its content changed although size and modification time did not: look for damage or tampering.")
	}
	if x.Links > 1 && x.Kind == meta.File {
		note("It is one of %s of the same file in the source or elsewhere: the first that a plan comes to decides, the others are linked to that.", counted(int64(x.Links), "name", "names"))
	}
	if x.Open {
		note("Only this path was looked at. In a whole plan other files count, too:")
		if x.Entry.Change == plan.ChangeMoved {
			note("of several new paths with the content of one that is gone, only the first counts as moved.")
		} else {
			note("where an earlier file of the plan has the same content, this one becomes a link to it.")
		}
	}
	if e.NoRoot != "" {
		note("The destination cannot be looked at, so everything counts as new: %s", text(e.NoRoot))
	}
	return notes
}
