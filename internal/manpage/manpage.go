// Package manpage writes man pages: roff with the macros of man(7), which
// groff and mandoc both read.
//
// It is given texts as "phlb help" prints them, plain and laid out for a
// terminal, and must never take them for markup: what is written there is what
// is read here. It asks for no time, so that the same input always makes the
// same bytes.
package manpage

import (
	"bytes"
	"strings"
	"time"
)

// paragraph is the request that begins one.
const paragraph = ".PP\n"

// Page is one man page.
type Page struct {
	Name     string // such as phlb-plan
	Section  string // "1" for commands, "5" for files, "7" for the rest
	Short    string // one line
	Date     time.Time
	Source   string // the program and its version
	Manual   string // the title of all pages together
	Sections []Section
}

// Section is a part of a page under a heading.
type Section struct {
	Title string
	parts []part
}

// part is a piece of roff that is complete in itself.
type part string

// Ref is a page that another one mentions.
type Ref struct{ Name, Section string }

// File is the name of the page's file.
func (p *Page) File() string { return p.Name + "." + p.Section }

// Bytes returns the page as roff.
func (p *Page) Bytes() []byte {
	var b bytes.Buffer
	date := ""
	if !p.Date.IsZero() {
		date = p.Date.UTC().Format(time.DateOnly)
	}
	// The date is parsed by mandoc, so its hyphens stay what they are.
	b.WriteString(".TH " + quoted(strings.ToUpper(p.Name)) + " " + quoted(p.Section) + ` "` + date + `" ` +
		quoted(p.Source) + " " + quoted(p.Manual) + "\n")
	b.WriteString(".SH NAME\n" + escape(p.Name) + ` \- ` + escape(p.Short) + "\n")
	for _, s := range p.Sections {
		b.WriteString(".SH " + quoted(s.Title) + "\n")
		for _, part := range s.parts {
			b.WriteString(string(part))
		}
	}
	return b.Bytes()
}

// Add appends a section unless it is empty.
func (p *Page) Add(s Section) {
	if len(s.parts) > 0 {
		p.Sections = append(p.Sections, s)
	}
}

// Command adds a command line, set in bold: a synopsis.
func (s *Section) Command(line string) {
	s.parts = append(s.parts, part(".B "+quoted(line)+"\n"))
}

// Text adds text as it is laid out for a terminal: paragraphs with empty lines
// between, filled anew, and indented lines, which are kept as they are.
func (s *Section) Text(text string) {
	var b strings.Builder
	for i, block := range blocks(text) {
		switch {
		case block.verbatim:
			b.WriteString(literal(block.lines))
		case i > 0:
			b.WriteString(paragraph + filled(block.lines))
		default:
			b.WriteString(filled(block.lines))
		}
	}
	s.add(b.String())
}

// Literal adds lines that are kept as they are, such as examples.
func (s *Section) Literal(text string) {
	if lines := strings.Split(strings.Trim(text, "\n"), "\n"); lines[0] != "" {
		s.add(literal(unindented(lines)))
	}
}

// Item adds a term and what it means.
func (s *Section) Item(term Term, text string) {
	s.add(".TP\n" + string(term) + "\n" + filled(strings.Split(text, "\n")))
}

// Heading adds a heading within the section.
func (s *Section) Heading(title string) { s.add(".SS " + quoted(title) + "\n") }

// Refs adds other pages.
func (s *Section) Refs(refs ...Ref) {
	for i, r := range refs {
		end := " ,"
		if i == len(refs)-1 {
			end = ""
		}
		s.add(".BR " + escape(r.Name) + " (" + r.Section + ")" + end + "\n")
	}
}

func (s *Section) add(roff string) {
	if len(s.parts) == 0 {
		roff = strings.TrimPrefix(roff, paragraph) // a heading has begun one
	}
	if roff != "" {
		s.parts = append(s.parts, part(roff))
	}
}

// Term is what an item explains, as roff.
type Term string

// Bold is a word that is typed as it stands.
func Bold(word string) Term { return Term(`\fB` + escape(word) + `\fR`) }

// Variable is a word that stands for another.
func Variable(word string) Term { return Term(`\fI` + escape(word) + `\fR`) }

// Plain is what stands between.
func Plain(word string) Term { return Term(escape(word)) }

// quoted is an argument of a macro.
func quoted(s string) string {
	return `"` + strings.ReplaceAll(escape(s), `"`, `\(dq`) + `"`
}
