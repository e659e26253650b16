package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"phlb/internal/manpage"
	"phlb/manifest"
)

// The manifest has a page of its own, which begins with the help topic.
const (
	manifestPage  = "phlb-manifest"
	manifestTopic = "manifest"
)

// manual makes man pages out of the commands and the manifest's schema.
type manual struct {
	source string
	date   time.Time
}

func (m *manual) page(name, section, short string) manpage.Page {
	return manpage.Page{Name: name, Section: section, Short: short, Date: m.date, Source: m.source, Manual: "phlb manual"}
}

// pages are those of a command and of all below it, and what the manifest is.
func (m *manual) pages(root *cobra.Command) ([]manpage.Page, error) {
	about, err := m.manifest()
	if err != nil {
		return nil, err
	}
	all, err := m.commands(root)
	return append(all, about), err
}

func (m *manual) commands(c *cobra.Command) ([]manpage.Page, error) {
	all := []manpage.Page{m.command(c)}
	for _, sub := range documented(c) {
		var pages []manpage.Page
		var err error
		if sub.IsAdditionalHelpTopicCommand() {
			pages, err = m.topic(sub)
		} else {
			pages, err = m.commands(sub)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, pages...)
	}
	return all, nil
}

// documented are the commands and topics below one that help lists.
func documented(c *cobra.Command) []*cobra.Command {
	return slices.DeleteFunc(slices.Clone(c.Commands()), func(sub *cobra.Command) bool {
		return !sub.IsAvailableCommand() && !sub.IsAdditionalHelpTopicCommand()
	})
}

func pageName(c *cobra.Command) string { return strings.ReplaceAll(c.CommandPath(), " ", "-") }

func pageRef(c *cobra.Command) manpage.Ref {
	switch {
	case !c.IsAdditionalHelpTopicCommand():
		return manpage.Ref{Name: pageName(c), Section: "1"}
	case c.Name() == manifestTopic:
		return manpage.Ref{Name: manifestPage, Section: "5"}
	}
	return manpage.Ref{Name: pageName(c), Section: "7"}
}

func (m *manual) command(c *cobra.Command) manpage.Page {
	c.InitDefaultHelpFlag()
	p := m.page(pageName(c), "1", c.Short)
	p.Add(synopsis(c))
	about, exit := cutExitCodes(c.Long)
	if about == "" {
		about = c.Short + "."
	}
	p.Add(text("DESCRIPTION", about))
	p.Add(commandsSection(c))
	p.Add(flags("OPTIONS", c.NonInheritedFlags()))
	p.Add(flags("COMMON OPTIONS", c.InheritedFlags()))
	if !c.HasParent() {
		p.Add(exitStatus())
	}
	p.Add(text("EXIT STATUS", exit))
	examples := manpage.Section{Title: "EXAMPLES"}
	examples.Literal(c.Example)
	p.Add(examples)
	p.Add(seeAlso(c))
	return p
}

// exitStatus lists all codes, on the page of the program.
func exitStatus() manpage.Section {
	s := manpage.Section{Title: "EXIT STATUS"}
	for _, e := range exitMeanings() {
		s.Item(manpage.Bold(strconv.Itoa(e.code)), e.meaning)
	}
	return s
}

// topic is the page of a help topic; none for the manifest's, which stands on
// its own page.
func (m *manual) topic(c *cobra.Command) ([]manpage.Page, error) {
	if c.Name() == manifestTopic {
		return nil, nil
	}
	about, err := topicText(c.Name())
	if err != nil {
		return nil, err
	}
	p := m.page(pageName(c), "7", c.Short)
	p.Add(text("DESCRIPTION", about))
	p.Add(seeAlso(c))
	return []manpage.Page{p}, nil
}

// topicText is what help tells of a topic.
func topicText(name string) (string, error) {
	i := slices.IndexFunc(topics(), func(t topic) bool { return t.name == name })
	if i < 0 {
		return "", fmt.Errorf("there is no text about %s", name)
	}
	return topics()[i].text()
}

func synopsis(c *cobra.Command) manpage.Section {
	s := manpage.Section{Title: "SYNOPSIS"}
	line := c.UseLine()
	if c.HasAvailableSubCommands() && c.Name() == c.Use {
		line = c.CommandPath() + " COMMAND [flags]"
	}
	s.Command(line)
	return s
}

func text(title, body string) manpage.Section {
	s := manpage.Section{Title: title}
	if body != "" {
		s.Text(body)
	}
	return s
}

// cutExitCodes cuts the paragraph of the exit codes out of a command's text.
func cutExitCodes(long string) (about, exit string) {
	const begin = "Exit codes: "
	var rest []string
	for _, paragraph := range strings.Split(long, "\n\n") {
		if after, ok := strings.CutPrefix(paragraph, begin); ok && exit == "" {
			exit = after
			continue
		}
		rest = append(rest, paragraph)
	}
	return strings.Join(rest, "\n\n"), exit
}

// commandsSection lists the commands below one, under the headings that help has.
func commandsSection(c *cobra.Command) manpage.Section {
	s := manpage.Section{Title: "COMMANDS"}
	list := func(group string) {
		for _, sub := range documented(c) {
			if sub.GroupID == group {
				s.Item(manpage.Bold(strings.TrimPrefix(sub.CommandPath(), c.Root().Name()+" ")), sub.Short)
			}
		}
	}
	for _, g := range c.Groups() {
		s.Heading(strings.TrimSuffix(g.Title, ":"))
		list(g.ID)
	}
	if c.HasAvailableSubCommands() && len(c.Groups()) > 0 {
		s.Heading("Help topics")
	}
	list("")
	return s
}

func flags(title string, set *pflag.FlagSet) manpage.Section {
	s := manpage.Section{Title: title}
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		value = strings.TrimSuffix(strings.TrimSuffix(value, "Array"), "Slice")
		term := manpage.Bold("--" + f.Name)
		if f.Shorthand != "" {
			term = manpage.Bold("-"+f.Shorthand) + manpage.Plain(", ") + term
		}
		if value != "" {
			term += manpage.Plain(" ") + manpage.Variable(value)
		}
		if hasDefault(f) && !strings.Contains(usage, "(default") {
			usage += " (default: " + strings.Trim(f.DefValue, "[]") + ")"
		}
		s.Item(term, usage)
	})
	return s
}

// hasDefault reports whether a flag's default says anything.
func hasDefault(f *pflag.Flag) bool {
	return !slices.Contains([]string{"", "false", "0", "0s", "[]"}, f.DefValue)
}

func seeAlso(c *cobra.Command) manpage.Section {
	s := manpage.Section{Title: "SEE ALSO"}
	var refs []manpage.Ref
	if c.HasParent() {
		refs = append(refs, pageRef(c.Parent()))
	}
	for _, sub := range documented(c) {
		refs = append(refs, pageRef(sub))
	}
	if about := (manpage.Ref{Name: manifestPage, Section: "5"}); !slices.Contains(refs, about) {
		refs = append(refs, about)
	}
	s.Refs(refs...)
	return s
}

// manifest is the page of the manifest, by its schema.
func (m *manual) manifest() (manpage.Page, error) {
	p := m.page(manifestPage, "5", "what phlb backs up, where to, and by which rules")
	about, err := topicText(manifestTopic)
	if err != nil {
		return p, err
	}
	p.Add(text("DESCRIPTION", about+`
A size is a number of bytes, or has a unit: KiB, MiB, GiB (powers of 1024), kB,
MB, GB (powers of 1000). A span is written with y, m (months), d and h, such as
2d12h. What a variable expands to is read as the key's type.`))
	keys, err := manpage.Keys(manifest.Schema())
	if err != nil {
		return p, err
	}
	for _, s := range keys {
		p.Add(s)
	}
	example := manpage.Section{Title: "EXAMPLE"}
	example.Literal(string(manifest.Starter()))
	p.Add(example)
	also := manpage.Section{Title: "SEE ALSO"}
	also.Refs(manpage.Ref{Name: "phlb", Section: "1"}, manpage.Ref{Name: "phlb-plan", Section: "1"}, manpage.Ref{Name: "gitignore", Section: "5"})
	p.Add(also)
	return p, nil
}
