package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// repository is where the pages are, seen from this package.
const repository = "../.."

// page is a Markdown file: README.md, or one below docs.
type page struct {
	path  string // relative to the repository, with slashes
	lines []string
	items []item
}

// item is what a test can do something with: a fenced block, or a comment that
// speaks to the test:
//
//	<!-- setup: COMMANDS -->  runs the commands, which readers do not see
//	<!-- check: COMMANDS -->  the same, to look at what came of it
//	<!-- file: PATH -->       writes the next block to the file
//	<!-- exits: CODE -->      what the next block's last command ends with
//	<!-- needs: PROGRAM -->   leaves out the page where there is no such program
//	<!-- times: literal -->   times of snapshots mean themselves on this page
type item struct {
	kind string // one of these words, or "block"
	line int
	text []string // without indentation
	lang string   // of a block: sh, console, yaml, …; empty: none
}

func (it item) String() string { return strings.Join(it.text, "\n") }

var (
	fence   = regexp.MustCompile("^( *)```([a-z]*)\\s*$")
	comment = regexp.MustCompile(`(?s)^ *<!-- (setup|check|file|exits|times|needs):\s*(.*?)\s*-->$`)
)

func atoi(t *testing.T, text string) int {
	t.Helper()
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func parsePage(t *testing.T, path, text string) page {
	t.Helper()
	p := page{path: path, lines: strings.Split(text, "\n")}
	for i := 0; i < len(p.lines); i++ {
		line := p.lines[i]
		if m := fence.FindStringSubmatch(line); m != nil {
			it := item{kind: "block", line: i + 1, lang: m[2]}
			for i++; i < len(p.lines) && strings.TrimSpace(p.lines[i]) != "```"; i++ {
				it.text = append(it.text, strings.TrimPrefix(p.lines[i], m[1]))
			}
			if i == len(p.lines) {
				t.Fatalf("%s:%d: a block without end", path, it.line)
			}
			p.items = append(p.items, it)
			continue
		}
		if start := strings.TrimSpace(line); strings.HasPrefix(start, "```") || strings.HasPrefix(start, "~~~") {
			t.Errorf("%s:%d: a block that would not be executed, as its beginning is unusual", path, i+1)
		}
		if !strings.HasPrefix(strings.TrimSpace(line), "<!--") || strings.HasPrefix(line, "<!-- Made") {
			continue
		}
		it := item{line: i + 1}
		for !strings.Contains(line, "-->") && i+1 < len(p.lines) {
			i++
			line += "\n" + p.lines[i]
		}
		if m := comment.FindStringSubmatch(line); m != nil {
			it.kind, it.text = m[1], strings.Split(m[2], "\n")
			p.items = append(p.items, it)
		} else {
			t.Errorf("%s:%d: a comment that says nothing to the test", path, it.line)
		}
	}
	return p
}

// pages reads README.md and everything below docs.
func pages(t *testing.T) []page {
	t.Helper()
	paths := []string{"README.md"}
	err := filepath.WalkDir(filepath.Join(repository, "docs"), func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.HasSuffix(path, ".md") {
			rel, err := filepath.Rel(repository, path)
			paths = append(paths, filepath.ToSlash(rel))
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var list []page
	for _, path := range paths {
		text, err := os.ReadFile(filepath.Join(repository, path))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, parsePage(t, path, string(text)))
	}
	if len(list) < 10 {
		t.Fatalf("only %d pages", len(list))
	}
	return list
}

// TestDocsFences: a block is executed, or is data of a known kind. No command
// hides in a block that nobody executes.
func TestDocsFences(t *testing.T) {
	command := regexp.MustCompile(`^\s*(\$ |phlb [a-z])`)
	for _, p := range pages(t) {
		for _, it := range p.items {
			if it.kind != "block" {
				continue
			}
			switch it.lang {
			case "sh", "console":
				continue
			case "", "text", "yaml", "json", "ini", "c":
			default:
				t.Errorf("%s:%d: a block of kind %q", p.path, it.line, it.lang)
			}
			for i, line := range it.text {
				if command.MatchString(line) {
					t.Errorf("%s:%d: a command that is not executed: %s", p.path, it.line+1+i, line)
				}
			}
		}
	}
}

// prose returns the page's lines with those of blocks and comments emptied.
func (p page) prose() []string {
	lines := append([]string{}, p.lines...)
	for _, it := range p.items {
		for i := range it.text {
			at := it.line + i // the line after the fence; of a comment its first is the next
			if it.kind != "block" {
				at--
			}
			lines[at] = ""
		}
	}
	return lines
}

var (
	link    = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`^#+ +(.*?) *$`)
	inline  = regexp.MustCompile("`([^`]+)`")
)

// anchors returns what links can lead to in a page, as GitHub makes them.
func (p page) anchors() map[string]bool {
	found := map[string]bool{}
	for _, line := range p.prose() {
		m := heading.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		var b strings.Builder
		for _, r := range strings.ToLower(m[1]) {
			switch {
			case r == ' ' || r == '-':
				b.WriteRune('-')
			case r == '_' || r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 127:
				b.WriteRune(r)
			}
		}
		found[b.String()] = true
	}
	return found
}

// TestDocsLinks: relative links lead to files that exist, and to headings that
// they have.
func TestDocsLinks(t *testing.T) {
	all := map[string]page{}
	for _, p := range pages(t) {
		all[p.path] = p
	}
	count := 0
	for _, p := range all {
		for i, line := range p.prose() {
			for _, m := range link.FindAllStringSubmatch(inline.ReplaceAllString(line, ""), -1) {
				count++
				if why := broken(all, p, m[1]); why != "" {
					t.Errorf("%s:%d: %s: %s", p.path, i+1, m[1], why)
				}
			}
		}
	}
	if count < 30 {
		t.Errorf("only %d links", count)
	}
}

// broken says what is wrong with a link; empty: nothing.
func broken(all map[string]page, from page, target string) string {
	if strings.Contains(target, "://") {
		return ""
	}
	file, anchor, _ := strings.Cut(target, "#")
	path := from.path
	if file != "" {
		path = filepath.ToSlash(filepath.Join(filepath.Dir(from.path), file))
	}
	if _, err := os.Stat(filepath.Join(repository, path)); err != nil {
		return "there is no such file"
	}
	if p, ok := all[path]; anchor != "" && (!ok || !p.anchors()[anchor]) {
		return "there is no such heading"
	}
	return ""
}

// TestDocsIndex: whoever starts at docs/README.md finds every page.
func TestDocsIndex(t *testing.T) {
	var index page
	list := pages(t)
	for _, p := range list {
		if p.path == "docs/README.md" {
			index = p
		}
	}
	for _, p := range list {
		rel, err := filepath.Rel("docs", p.path)
		if err != nil {
			t.Fatal(err)
		}
		if p.path != index.path && !strings.Contains(strings.Join(index.lines, "\n"), "]("+filepath.ToSlash(rel)+")") {
			t.Errorf("docs/README.md has no link to %s", p.path)
		}
	}
}

// TestDocsInlineCommands: commands and flags that the text names exist.
func TestDocsInlineCommands(t *testing.T) {
	count := 0
	for _, p := range pages(t) {
		for i, line := range p.prose() {
			for _, m := range inline.FindAllStringSubmatch(line, -1) {
				rest, ok := strings.CutPrefix(m[1], "phlb ")
				if !ok {
					continue
				}
				count++
				if why := misspelt(rest); why != "" {
					t.Errorf("%s:%d: %s: %s", p.path, i+1, m[1], why)
				}
			}
		}
	}
	if count < 30 {
		t.Errorf("only %d commands", count)
	}
}

// misspelt says what is wrong with a command line; empty: nothing.
func misspelt(line string) string {
	line, _, _ = strings.Cut(regexp.MustCompile(` (&&|\|\||[|>]) `).ReplaceAllString(line, "\n"), "\n")
	words := strings.Fields(strings.NewReplacer("[", " ", "]", " ", "|", " ").Replace(line))
	root := (&app{}).newRootCommand()
	c, _, err := root.Find(words[:1])
	if strings.ToUpper(words[0]) == words[0] {
		return "" // COMMAND, and flags without a command
	}
	if err != nil {
		return err.Error()
	}
	if len(words) > 1 {
		if sub, _, err := c.Find(words[1:2]); err == nil {
			c = sub
		}
	}
	c.InitDefaultHelpFlag()
	for _, word := range words {
		name, long := strings.CutPrefix(word, "--")
		name, _, _ = strings.Cut(strings.TrimRight(name, ",.;"), "=")
		short := !long && len(word) == 2 && word[0] == '-'
		if long && c.Flag(name) == nil || short && c.Flags().ShorthandLookup(word[1:]) == nil {
			return "there is no flag " + word
		}
	}
	return ""
}
