package report

import (
	"bufio"
	"crypto/sha256"
	_ "embed" // the page's parts
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"
	"sync"
	"time"

	"phlb/plan"
)

//go:embed html/page.tmpl
var pageTemplate string

//go:embed html/page.css
var pageStyle string

//go:embed html/page.js
var pageScript string

// frame is what every page has. It loads nothing and sends nothing: the policy
// forbids all but its own style and script, so that even a hole in the escaping
// of names could do no harm.
type frame struct {
	Title, CSP string
	Style      template.CSS
	Script     template.JS
	List       string // heading of the list
	ListNote   string // what it leaves out
	Elsewhere  string // where the list is, too
	Setup      listSetup
}

// listSetup is what the list's script needs to know.
type listSetup struct {
	Sources []string `json:"sources"`
	Parents []string `json:"parents"` // snapshot that unchanged files are linked to
	Actions []string `json:"actions"` // at most 8
	Changes []string `json:"changes"` // at most 7
}

func newFrame(title string) frame {
	return frame{
		Title: title, Style: template.CSS(pageStyle), Script: template.JS(pageScript),
		CSP: fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'",
			contentHash(pageStyle), contentHash(pageScript)),
	}
}

// contentHash is how a policy names an inline style or script.
func contentHash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// pages returns the templates. They never change, and making them takes longer
// than most pages.
var pages = sync.OnceValues(func() (*template.Template, error) {
	return template.New("").Funcs(template.FuncMap{
		"bytes": Bytes, "count": anyCount, "files": files, "name": Name, "text": text, "oneline": oneLine, "percent": percent,
		"size": sizeOrNone, "directory": directoryName, "changes": changeWords, "limit": limitOrNone,
		"when":      func(t time.Time) string { return t.UTC().Format(time.DateTime) + " UTC" },
		"deref":     func(s *string) string { return *s },
		"snapshots": func(n any) string { return nouned(n, "snapshot", "snapshots") },
	}).Parse(pageTemplate)
})

func anyCount(n any) string { return nouned(n, "", "") }

// nouned counts what templates hand over as one or the other kind of integer.
func nouned(n any, one, many string) string {
	var v int64
	switch n := n.(type) {
	case int:
		v = int64(n)
	case int64:
		v = n
	}
	if one == "" {
		return Count(v)
	}
	return counted(v, one, many)
}

// pageWriter streams a page: a template, rows, the end.
type pageWriter struct {
	w     *bufio.Writer
	pages *template.Template
	frame frame
}

func (p *pageWriter) part(name string, data any) error {
	if err := p.pages.ExecuteTemplate(p.w, name, data); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

// planPage is the data of a plan's page.
type planPage struct {
	frame
	Plan          *PlanSummary
	Verdict       string
	Tripped       string
	Filter        string
	Command       string
	Alarms        bool
	Sources       []sourceSection
	Lines         []timeline
	MoreSnapshots int
}

// sourceSection is a source with its map.
type sourceSection struct {
	*SourceSummary
	Copied plan.Count
	Cells  []mapCell
}

// maxListed bounds the entries that a page carries; browsers hold a few
// hundred thousand with ease.
const maxListed = 200_000

// writeHTML writes a plan's page. The entries come from reading it once more:
// what stands above them is known only when all have been read.
func (r *PlanReport) writeHTML() error {
	s := &r.summary
	tmpl, err := pages()
	if err != nil {
		return err
	}
	p := &pageWriter{w: r.w, pages: tmpl, frame: newFrame("phlb plan for " + Name(s.Destination.Raw()))}
	rows := newRowList(r.w, r.selected)
	rows.budget(s)
	p.frame.List, p.frame.ListNote, p.frame.Elsewhere = "Entries", rows.note, "phlb show --entries"
	if r.o.Reread == nil {
		p.frame.ListNote = "The entries were not read."
	}
	p.frame.Setup = planSetup(s)
	if err := p.part("plan", r.planPage(p.frame)); err != nil {
		return err
	}
	if r.o.Reread != nil {
		if err := r.o.Reread(rows.visitor()); err != nil {
			return err
		}
	}
	if err := rows.end(); err != nil {
		return err
	}
	return p.part("foot", p.frame)
}

func planSetup(s *PlanSummary) listSetup {
	setup := listSetup{Sources: []string{}, Parents: []string{}, Actions: FilterActions(), Changes: []string{""}}
	for _, c := range FilterChanges() {
		if c != Deleted {
			setup.Changes = append(setup.Changes, c)
		}
	}
	for i := range s.Sources {
		setup.Sources = append(setup.Sources, Name(s.Sources[i].Name))
		parent := ""
		if s.Sources[i].Parent != nil {
			parent = *s.Sources[i].Parent
		}
		setup.Parents = append(setup.Parents, parent)
	}
	return setup
}

func (r *PlanReport) planPage(f frame) *planPage {
	s := &r.summary
	p := &planPage{frame: f, Plan: s, Verdict: upperFirst(planVerdict(s)), Tripped: trippedWords(s)}
	if s.Filter != nil {
		p.Filter = filterWords(s.Filter)
	}
	if s.File != nil {
		p.Command = "phlb apply " + commandPath(s.File) + " --expect-sha256 " + Name(s.File.SHA256)
	}
	for i := range s.Sources {
		src := &s.Sources[i]
		p.Alarms = p.Alarms || len(src.Alarms) > 0
		section := sourceSection{SourceSummary: src, Copied: copied(src)}
		if src.copied != nil && section.Copied.Files > 1 {
			section.Cells = treemap(src.copied)
		}
		p.Sources = append(p.Sources, section)
	}
	p.Lines, p.MoreSnapshots = timelines(s)
	return p
}

func upperFirst(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
