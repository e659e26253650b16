package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// completer proposes arguments to the shell.
type completer = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// noProposal is the answer where nothing can be proposed, files neither.
func noProposal(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// completeFlag proposes a flag's values.
func completeFlag(c *cobra.Command, flag string, values completer) {
	// It fails only for a flag that does not exist, which a test would see.
	_ = c.RegisterFlagCompletionFunc(flag, values)
}

// completeWords proposes a flag's values that are always the same.
func completeWords(c *cobra.Command, flag string, words ...string) {
	completeFlag(c, flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// completeNothing keeps files from being proposed for flags that take none.
func completeNothing(c *cobra.Command, flags ...string) {
	for _, flag := range flags {
		completeFlag(c, flag, noProposal)
	}
}

// completeNumbers does the same for all flags below a command that take a
// number or a time.
func completeNumbers(c *cobra.Command) {
	quiet := func(f *pflag.Flag) {
		if _, has := c.GetFlagCompletionFunc(f.Name); !has && !strings.HasPrefix(f.Value.Type(), "string") {
			completeFlag(c, f.Name, noProposal)
		}
	}
	c.LocalFlags().VisitAll(quiet)
	for _, sub := range c.Commands() {
		completeNumbers(sub)
	}
}

// completeFile proposes files with one of the endings for the only argument.
func completeFile(endings ...string) completer {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return endings, cobra.ShellCompDirectiveFilterFileExt
	}
}

// completeFileFlag proposes files with one of the endings for a flag.
func completeFileFlag(c *cobra.Command, flag string, endings ...string) {
	completeFlag(c, flag, cobra.FixedCompletions(endings, cobra.ShellCompDirectiveFilterFileExt))
}

// completeDirectories proposes directories for the first n arguments.
func completeDirectories(n int) completer {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= n {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
}

// completeHelp proposes commands and topics.
func completeHelp(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var names []string
	if found, rest, err := cmd.Root().Find(args); err == nil && len(rest) == 0 {
		for _, sub := range documented(found) {
			names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeSources proposes the names of the sources of the manifest that the
// first argument is, but for those that were given already.
func completeSources(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 || !isManifest(args[0]) {
		return noProposal(cmd, args, "")
	}
	m, err := loadManifest(args[0])
	if err != nil {
		return noProposal(cmd, args, "")
	}
	given, _ := cmd.Flags().GetStringArray("source") // fails only for a flag of another type
	var names []string
	for i := range m.Sources {
		if s := &m.Sources[i]; !slices.Contains(given, s.Name) {
			names = append(names, cobra.CompletionWithDesc(s.Name, s.Path))
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func manifestEndings() []string { return []string{"yaml", "yml"} }

// planEndings are those of plans: plan.json, plan.zst, plan.json.zst.
func planEndings() []string { return []string{"json", "zst"} }
