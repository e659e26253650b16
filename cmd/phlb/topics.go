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

func exitCodesText() string {
	var b strings.Builder
	b.WriteString("Every command ends with one of these codes:\n\n")
	for _, e := range exitMeanings() {
		fmt.Fprintf(&b, "%3d  %s\n", e.code, e.meaning)
	}
	b.WriteString("\nThe help of each command tells what they mean for it.\n")
	return b.String()
}

// addTopics adds what "phlb help TOPIC" tells. A command that does nothing is
// a topic for cobra.
func addTopics(c *cobra.Command) {
	for _, t := range topics() {
		help := &cobra.Command{Use: t.name, Short: t.short}
		help.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
			text, err := t.text()
			if err != nil {
				text = err.Error() + "\n" // it is embedded, and a test reads all
			}
			fmt.Fprint(cmd.OutOrStdout(), text)
		})
		c.AddCommand(help)
	}
}
