package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"phlb/internal/snapshot"
)

// completionContext is the command's, which has none while it completes.
func completionContext(cmd *cobra.Command) context.Context {
	if ctx := cmd.Context(); ctx != nil {
		return ctx
	}
	return context.Background()
}

// namesIn lists the names in a root, or in that of a manifest; nil if it
// cannot be read.
func namesIn(cmd *cobra.Command, arg string) []string {
	ctx := completionContext(cmd)
	root, err := openRoot(ctx, arg)
	if err != nil {
		return nil
	}
	defer root.Close()
	names, err := root.Names(ctx)
	if err != nil {
		return nil
	}
	return names
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
	return namesIn(cmd, args[0]), cobra.ShellCompDirectiveNoFileComp
}

// completeDestinationNames proposes the names of the root that the second
// argument is, for commands that take SOURCE and DESTINATION.
func completeDestinationNames(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) != 2 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return namesIn(cmd, args[1]), cobra.ShellCompDirectiveNoFileComp
}

// completeSnapshotIDs proposes the snapshots of the root that the first
// argument tells, written NAME/TIME, the newest of each name first.
func completeSnapshotIDs(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) != 1 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx := completionContext(cmd)
	root, err := openRoot(ctx, args[0])
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer root.Close()
	names, err := root.Names(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var all []string
	for _, name := range names {
		all = append(all, snapshotsOf(root, name, name+"/")...)
	}
	return all, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder
}

// snapshotsOf proposes a name's snapshots, the newest first, with what stands
// before the time.
func snapshotsOf(root *snapshot.Root, name, before string) []string {
	times, err := root.Times(name)
	if err != nil {
		return nil
	}
	var all []string
	for _, time := range slices.Backward(times) {
		id := snapshot.ID{Name: name, Time: time}
		words, _ := root.Status(id) // a snapshot whose report cannot be read is proposed, too
		if pinned, err := root.Pinned(id); err == nil && pinned {
			words = strings.TrimPrefix(words+", pinned", ", ")
		}
		all = append(all, cobra.CompletionWithDesc(before+time, words))
	}
	return all
}

// completeSnapshots proposes snapshots as paths for the first n arguments.
func completeSnapshots(n int) completer {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= n {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		if list, directive, ok := snapshotPaths(cmd, begun); ok {
			return list, directive
		}
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
}

// completeSnapshotPlaces proposes snapshots as paths for the first n
// arguments, and what is in them.
func completeSnapshotPlaces(n int) completer {
	return func(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
		if len(args) >= n {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		if list, directive, ok := snapshotPaths(cmd, begun); ok {
			return list, directive | cobra.ShellCompDirectiveNoSpace
		}
		return nil, cobra.ShellCompDirectiveDefault
	}
}

// snapshotPaths proposes how a path goes on that lies in a backup root and not
// yet in a snapshot: names, then the newest snapshots first. Where nothing
// fits the shell may propose files, as it may spell the path otherwise (~/).
func snapshotPaths(cmd *cobra.Command, begun string) ([]string, cobra.ShellCompDirective, bool) {
	before := begun[:strings.LastIndexByte(begun, '/')+1]
	dir, err := filepath.Abs(filepath.FromSlash(before))
	if err != nil {
		return nil, 0, false
	}
	root, rel := rootOf(dir)
	if root == nil {
		return nil, 0, false
	}
	defer root.Close()
	if slices.ContainsFunc(strings.Split(rel, "/"), snapshot.IsTime) {
		return nil, 0, false
	}
	all, err := root.Names(completionContext(cmd))
	if err != nil {
		return nil, 0, false
	}
	list := nextElements(all, rel, before)
	directive := cobra.ShellCompDirectiveKeepOrder
	if len(list) > 0 {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	if slices.Contains(all, rel) {
		list = append(snapshotsOf(root, rel, before), list...)
	}
	return list, directive, true
}

// nextElements proposes the elements that follow in names that begin with rel.
func nextElements(names []string, rel, before string) []string {
	var list []string
	for _, name := range names {
		if rel != "." {
			var ok bool
			if name, ok = strings.CutPrefix(name, rel+"/"); !ok {
				continue
			}
		}
		element, _, _ := strings.Cut(name, "/")
		list = append(list, before+element+"/")
	}
	slices.Sort(list) // "a", "a-b" and "a/c" are names in this order
	return slices.Compact(list)
}

// rootOf opens the backup root that a directory is, or lies in, and tells
// where in it; nil if there is none.
func rootOf(dir string) (root *snapshot.Root, rel string) {
	top := dir
	if _, err := os.Lstat(filepath.Join(dir, snapshot.PrivateDir)); err != nil {
		if top = rootAbove(dir); top == "" {
			return nil, ""
		}
	}
	rel, err := filepath.Rel(top, dir)
	if err != nil {
		return nil, ""
	}
	if root, err = snapshot.Open(top); err != nil {
		return nil, ""
	}
	return root, filepath.ToSlash(rel)
}
