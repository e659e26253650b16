package main

import (
	"context"

	"github.com/spf13/cobra"
)

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

// completeHistory proposes roots or manifests, then the names in that root.
func (a *app) completeHistory(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return manifestEndings(), cobra.ShellCompDirectiveFilterFileExt
	}
	names, directive := completeNames(cmd, args, begun)
	for i := range names {
		names[i] += "/"
	}
	return names, directive | cobra.ShellCompDirectiveNoSpace
}

// completeNames proposes the names of the root that the first argument tells.
func completeNames(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) != 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx := cmd.Context()
	if ctx == nil {
		ctx = context.Background()
	}
	root, err := openRoot(ctx, args[0])
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer root.Close()
	names, err := root.Names(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func manifestEndings() []string { return []string{"yaml", "yml"} }

func planEndings() []string { return []string{"json", "zst"} }
