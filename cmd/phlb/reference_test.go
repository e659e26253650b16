package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write docs/reference anew")

// generated begins every page of the reference that is made from the code.
const generated = "<!-- Made from the code: go test ./cmd/phlb -run '^TestReference$' -update -->\n\n" +
	"[Documentation](../README.md) › [Reference](../README.md#reference)\n\n"

// TestReference: docs/reference says what the code does.
func TestReference(t *testing.T) {
	for name, text := range map[string]string{
		"commands.md":    commandsReference(),
		"exit-codes.md":  exitCodesReference(),
		"help-topics.md": topicsReference(t),
		"manifest.md":    manifestReference(t),
	} {
		path := filepath.Join(repository, "docs/reference", name)
		text = generated + text
		if *update {
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		have, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.Split(string(have), "\n"), strings.Split(text, "\n")); diff != "" {
			t.Errorf("%s is not what the code says; -update writes it anew:\n%s", path, diff)
		}
	}
}

// TestExamples: every command shows how it is used.
func TestExamples(t *testing.T) {
	for _, c := range commands() {
		if c.Example == "" && c.Parent().Name() != "completion" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		for line := range strings.Lines(c.Example) {
			if !strings.HasPrefix(line, "  ") || len(line) > 110 {
				t.Errorf("%s: example %q", c.CommandPath(), line)
			}
		}
	}
}

// TestReadmeExitCodes: README.md has the codes that the code has.
func TestReadmeExitCodes(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join(repository, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (\d+) \| (.*) \|$`).FindAllStringSubmatch(string(readme), -1)
	var have []exitMeaning
	for _, m := range rows {
		have = append(have, exitMeaning{atoi(t, m[1]), strings.ReplaceAll(m[2], "`", "")})
	}
	if diff := cmp.Diff(exitMeanings(), have, cmp.AllowUnexported(exitMeaning{})); diff != "" {
		t.Error(diff)
	}
}

// commands returns all commands that help shows, in its order, each before its
// own.
func commands() []*cobra.Command {
	var list []*cobra.Command
	var add func(*cobra.Command)
	add = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			if sub.Hidden || sub.IsAdditionalHelpTopicCommand() {
				continue
			}
			list = append(list, sub)
			add(sub)
		}
	}
	add((&app{}).newRootCommand())
	return list
}

func commandsReference() string {
	var b strings.Builder
	root := (&app{}).newRootCommand()
	b.WriteString("# Commands\n\n`phlb COMMAND --help` says the same. What an argument or flag means is the same in\n" +
		"all commands; [exit codes](exit-codes.md) have a page of their own.\n")
	for _, g := range root.Groups() {
		fmt.Fprintf(&b, "\n%s\n\n", g.Title)
		for _, c := range commands() {
			if c.GroupID == g.ID {
				fmt.Fprintf(&b, "- [%s](#%s): %s\n", c.Name(), strings.ReplaceAll(c.CommandPath(), " ", "-"), c.Short)
			}
		}
	}
	b.WriteString("\n## Flags of all commands\n\n" + flagTable(root.PersistentFlags()))
	for _, c := range commands() {
		fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n`%s`\n", c.CommandPath(), strings.TrimSuffix(c.Short, "."), usage(c))
		if c.Long != "" && c.Parent().Name() != "completion" {
			b.WriteString("\n" + markdown(c.Long) + "\n")
		}
		if c.Example != "" {
			b.WriteString("\n```sh\n" + regexp.MustCompile(`(?m)^  `).ReplaceAllString(c.Example, "") + "\n```\n")
		}
		if table := flagTable(c.NonInheritedFlags()); table != "" {
			b.WriteString("\n" + table)
		}
	}
	return b.String()
}

// usage is a command's line of usage. Cobra adds [flags] once help was asked for,
// whether there are others or not.
func usage(c *cobra.Command) string {
	line := strings.TrimSuffix(c.UseLine(), " [flags]")
	if flagTable(c.NonInheritedFlags()) != "" {
		line += " [flags]"
	}
	return line
}

// flagTable has one row for each flag that help shows; empty: there is none.
func flagTable(flags *pflag.FlagSet) string {
	var b strings.Builder
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden || f.Name == "help" {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		if kind := map[string]string{"string": "WORD", "stringArray": "WORD", "strings": "WORD", "int": "N", "float": "N", "duration": "DURATION"}[value]; kind != "" {
			value = kind
		}
		name := "`--" + strings.TrimSpace(f.Name+" "+value) + "`"
		if f.Shorthand != "" {
			name += ", `-" + f.Shorthand + "`"
		}
		shown := ""
		if zero := map[string]bool{"": true, "false": true, "0": true, "0s": true, "[]": true}; !zero[f.DefValue] {
			shown = "`" + f.DefValue + "`"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", name, shown, cell(usage))
	})
	if b.Len() == 0 {
		return ""
	}
	return "| flag | default | |\n|---|---|---|\n" + b.String()
}

// cell makes a text fit a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "*", `\*`).Replace(text)
}

var (
	quotedCommand = regexp.MustCompile(`"(phlb [a-z]+)"`)
	flagWord      = regexp.MustCompile(`(^|[ (])(--[a-z][a-z0-9-]*)`)
)

// markdown makes of a help text, whose examples and lists are indented, one
// with blocks. Blocks of commands are executed by TestDocs.
func markdown(text string) string {
	var b strings.Builder
	lines := strings.Split(strings.TrimSpace(text), "\n")
	numbered := regexp.MustCompile(`^\d+\. `)
	for i := 0; i < len(lines); i++ {
		indent := indentOf(lines[i])
		if indent == 0 || indent == 3 && i > 0 && (numbered.MatchString(lines[i-1]) || indentOf(lines[i-1]) == 3) {
			text := strings.NewReplacer("<", "&lt;", "*", `\*`, "__", `\_\_`).Replace(lines[i])
			text = quotedCommand.ReplaceAllString(text, "`$1`")
			b.WriteString(flagWord.ReplaceAllString(text, "$1`$2`") + "\n")
			continue
		}
		block := []string{}
		for ; i < len(lines) && indentOf(lines[i]) > 0; i++ {
			block = append(block, lines[i])
			indent = min(indent, indentOf(lines[i]))
		}
		for j := range block {
			block[j] = block[j][indent:]
		}
		i--
		fmt.Fprintf(&b, "```%s\n%s\n```\n", kindOf(block[0]), strings.Join(block, "\n"))
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// indentOf counts the blanks before a line; a list whose terms stand at its
// beginning counts as indented, too.
func indentOf(line string) int {
	return len(line) - len(strings.TrimLeft(line, " "))
}

func kindOf(line string) string {
	switch {
	case regexp.MustCompile(`^(phlb|cp|cd|ls|sha256sum) `).MatchString(line):
		return "sh"
	case regexp.MustCompile(`^[a-z_]+:`).MatchString(line):
		return "yaml"
	}
	return "text"
}

func exitCodesReference() string {
	var b strings.Builder
	b.WriteString("# Exit codes\n\n`phlb help exit-codes` says the same.\n\n| code | meaning |\n|---|---|\n")
	for _, e := range exitMeanings() {
		fmt.Fprintf(&b, "| %d | %s |\n", e.code, cell(e.meaning))
	}
	b.WriteString(`
The codes are part of what phlb promises: scripts may rely on them. With ` + "`--json`" + ` the result says the
same in words; [the format](../format.md#errors-as-json) has the keys.

In scripts, tell 3 from other failures: the snapshot is there.

` + "```sh" + `
code=0
phlb apply manifest.yaml --yes || code=$?
case $code in
0) echo "done" ;;
3) echo "done, but look at the report" ;;
4) echo "stopped by a guard: look at the plan" ;;
11) echo "another run is at work" ;;
*) echo "failed" ;;
esac
` + "```" + `
`)
	return b.String()
}

func topicsReference(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	b.WriteString("# Help topics\n\nThe essentials, as `phlb help TOPIC` prints them.\n")
	for _, topic := range topics() {
		text, err := topic.text()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", topic.name, markdown(listsIndented(text)))
	}
	return b.String()
}

// listTerm is a line of a list as topics have it: a word or two, two blanks, text.
var listTerm = regexp.MustCompile(`^ {0,4}\S+( \S+)?  +\S`)

// listsIndented indents lists, which stand at the margin in topics, with the
// lines that go on.
func listsIndented(text string) string {
	lines, in := strings.Split(text, "\n"), false
	for i, line := range lines {
		in = listTerm.MatchString(line) && indentOf(line) < 4 || in && indentOf(line) > 4
		if in {
			lines[i] = " " + line
		}
	}
	return strings.Join(lines, "\n")
}
