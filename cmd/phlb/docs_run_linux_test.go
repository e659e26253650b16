package main

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDocs executes every sh and console block of README.md and docs, page by
// page, each page in a sandbox of its own and in one shell. Item tells how a
// page speaks to the test, fixtures what pages that cannot speak need.
//
// In console blocks lines that begin with "$ " are commands; what stands below
// must appear in their output, in this order. There … stands for anything, and
// blanks and rules count once. Paths below /home/me, /mnt, /etc and the like
// are in the sandbox. A snapshot's time that is new to the page stands for the
// newest snapshot that had no such name so far.
func TestDocs(t *testing.T) {
	if testing.Short() {
		t.Skip("the pages are executed without -short")
	}
	for _, p := range pages(t) {
		if !p.executable() {
			continue
		}
		t.Run(p.path, func(t *testing.T) {
			t.Parallel()
			runPage(t, p)
		})
	}
}

func (p page) executable() bool {
	return slices.ContainsFunc(p.items, func(it item) bool { return it.lang == "sh" || it.lang == "console" })
}

func runPage(t *testing.T, p page) {
	s := newSandbox(t)
	literal, file, code, executed := false, "", 0, 0
	for _, it := range p.items {
		switch it.kind {
		case "setup", "check":
			s.step(t, p, it.line, step{commands: s.localText(it.String(), literal)})
		case "times":
			literal = true
		case "needs":
			if _, err := exec.LookPath(it.text[0]); err != nil {
				t.Skip(err)
			}
		case "file":
			file = it.text[0]
		case "exits":
			code = atoi(t, it.text[0])
		case "block":
			f := fixtures[p.path][it.first()]
			if f.setup != "" {
				s.step(t, p, it.line, step{commands: s.localText(f.setup, literal)})
			}
			code += f.exits
			if file += f.file; file != "" {
				s.write(t, file, s.localText(it.String(), literal)+"\n")
			}
			executed += s.block(t, p, it, code, literal)
			file, code = "", 0
		}
	}
	s.end(t)
	if n := strings.Count(strings.Join(p.lines, "\n"), "```sh\n") + strings.Count(strings.Join(p.lines, "\n"), "```console\n"); n != executed {
		t.Errorf("%d of %d blocks were executed", executed, n)
	}
}

// first is the first line, by which fixtures know a block.
func (it item) first() string {
	if len(it.text) == 0 {
		return ""
	}
	return it.text[0]
}

// step is what the shell is told at once, and what must come of it.
type step struct {
	commands string
	want     []string // nil: any output will do
	code     int
}

// block executes a block, and returns how many it executed: what is neither sh
// nor console is data.
func (s *sandbox) block(t *testing.T, p page, it item, code int, literal bool) int {
	t.Helper()
	switch it.lang {
	default:
		return 0
	case "sh":
		commands := strings.Join(s.withoutExempt(p.path, it.text), "\n")
		s.step(t, p, it.line, step{commands: s.localText(commands, literal), code: code})
	case "console":
		list := consoleSteps(it.text)
		for i, st := range list {
			st.commands = s.localText(strings.Join(s.withoutExempt(p.path, []string{st.commands}), ""), literal)
			if i == len(list)-1 {
				st.code = code
			}
			s.step(t, p, it.line, st)
		}
	}
	return 1
}

// consoleSteps splits a console block into commands and their outputs.
func consoleSteps(lines []string) []step {
	var list []step
	for _, line := range lines {
		command, ok := strings.CutPrefix(line, "$ ")
		switch {
		case ok:
			list = append(list, step{commands: command})
		case len(list) == 0:
		case strings.HasPrefix(line, "> ") && list[len(list)-1].want == nil:
			list[len(list)-1].commands += "\n" + line[2:]
		default:
			list[len(list)-1].want = append(list[len(list)-1].want, line)
		}
	}
	return list
}

var (
	blanks = regexp.MustCompile(`[\s│|]+`)
	rules  = regexp.MustCompile(`[─┼┬┴├┤-]{3,}`)
)

func squeeze(line string) string {
	return strings.TrimSpace(blanks.ReplaceAllString(rules.ReplaceAllString(line, "---"), " "))
}

// lacking returns the first line that does not stand in the output behind
// those before it; empty: none.
func lacking(want []string, got string) string {
	lines := strings.Split(got, "\n")
	for _, w := range want {
		if w = squeeze(w); w == "" || w == "…" {
			continue
		}
		pattern := regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(w), "…", ".*") + "$")
		i := slices.IndexFunc(lines, func(line string) bool { return pattern.MatchString(squeeze(line)) })
		if i < 0 { // ls puts names into columns on a terminal, and into lines here
			if !strings.Contains(squeeze(strings.Join(lines, " ")), w) {
				return w
			}
			continue
		}
		lines = lines[i+1:]
	}
	return ""
}
