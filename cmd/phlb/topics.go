package main

import (
	"embed"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

//go:embed help/*.txt
var topicTexts embed.FS

// topic is something to know that belongs to more than one command.
type topic struct{ name, short string }

func topics() []topic {
	return []topic{
		{"manifest", "What is backed up, where to, and by which rules"},
		{"excludes", "Leaving things out"},
		{"decisions", "How a file becomes copy, link or skip"},
		{"guards", "What stops a run that is probably a mistake"},
		{"retention", "Which old snapshots are kept"},
		{"restoring", "Getting files back, with phlb and without"},
		{"exit-codes", "What a command ends with"},
		{"variables", "Environment variables that phlb reads"},
	}
}

// text is the whole topic. Examples are indented by four blanks.
func (t topic) text() (string, error) {
	if t.name == "exit-codes" {
		return exitCodesText(), nil
	}
	text, err := topicTexts.ReadFile("help/" + t.name + ".txt")
	return string(text), err
}

// helpWidth is how wide help may be, in columns.
const helpWidth = 80

func exitCodesText() string {
	var b strings.Builder
	b.WriteString("Every command ends with one of these codes:\n\n")
	for _, e := range exitMeanings() {
		fmt.Fprintf(&b, "%3d ", e.code)
		at := 4
		for word := range strings.FieldsSeq(e.meaning) {
			if at+1+len(word) > helpWidth {
				b.WriteString("\n    ")
				at = 4
			}
			b.WriteString(" " + word)
			at += 1 + len(word)
		}
		b.WriteString("\n")
	}
	b.WriteString("\nThe help of each command tells what they mean for it.\n")
	return b.String()
}

// withTopics makes the help command know topics, too. A command that does
// nothing is a topic for cobra.
func withTopics(c, help *cobra.Command) *cobra.Command {
	help.Use, help.Short = "help [COMMAND|TOPIC]", "Help about a command or a topic"
	help.Example = "  phlb help plan\n  phlb help retention"
	for _, t := range topics() {
		sub := &cobra.Command{Use: t.name, Short: t.short}
		sub.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
			text, err := t.text()
			if err != nil {
				text = err.Error() + "\n" // it is embedded, and a test reads all
			}
			fmt.Fprint(cmd.OutOrStdout(), text)
		})
		c.AddCommand(sub)
	}
	return help
}
