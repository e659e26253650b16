package main

import "github.com/spf13/cobra"

// completer proposes arguments to the shell.
type completer = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective)

// completeWords proposes a flag's values.
func completeWords(c *cobra.Command, flag string, words ...string) {
	// It fails only for a flag that does not exist, which a test would see.
	_ = c.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
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

// completeDirectories proposes directories for the first n arguments.
func completeDirectories(n int) completer {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= n {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
}

func manifestEndings() []string { return []string{"yaml", "yml"} }

func planEndings() []string { return []string{"json", "zst"} }
