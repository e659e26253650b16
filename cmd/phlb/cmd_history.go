package main

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/spf13/cobra"

	"phlb/internal/history"
	"phlb/internal/report"
	"phlb/internal/snapshot"
)

func (a *app) newHistoryCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "history ROOT|MANIFEST NAME/PATH",
		Short: "The versions of one path over all snapshots of a name",
		Example: `  phlb history /mnt/backup home/docs/letter.txt
  phlb history manifest.yaml 'home/docs/*.txt'`,
		Long: `Tells the versions of a file, of everything below a directory, or of what matches
a pattern ('home/docs/*.odt', 'home/**/Makefile'), and which snapshots hold each.
A version is a content: times, modes and owners are those of the first snapshot
that holds it. Names may have several elements; the longest that exists counts.

It reads catalogues, and walks the snapshots where there is none that can be
believed. It waits for no other run.

Exit codes: 0 done; 1 no snapshot has such a path; 3 done, but some snapshots or
files could not be read.`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: a.completeHistory,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runHistory(cmd.Context(), args[0], args[1])
		},
	}
	a.jsonFlag(c)
	return c
}

func (a *app) runHistory(ctx context.Context, arg, what string) error {
	if strings.Trim(what, "/") == "" {
		return usagef("history of what? it is written NAME/PATH, such as home/docs/letter.txt")
	}
	root, _, err := openRootOf(ctx, arg)
	if err != nil {
		return err
	}
	defer root.Close()
	name, rel, err := splitName(ctx, root, what)
	if err != nil {
		return err
	}
	o := history.Options{Path: rel, Workers: a.workerCount(0)}
	if o.Match, err = matchOf(rel); err != nil {
		return usageHint(err, `a pattern's own characters in a name are escaped by a backslash: \* \? \[ \{`)
	}
	res, err := history.Of(ctx, root, name, o)
	if err != nil {
		return err
	}
	if len(res.Paths) == 0 && res.Unreadable == 0 {
		return advise(fmt.Errorf("no snapshot of %s has %s", name, rel), report.CodePathMissing, rel,
			"a pattern finds what is spelt otherwise or lies elsewhere: phlb history "+shellQuote(arg)+" "+shellQuote(name+"/**/"+path.Base(rel)))
	}
	a.progress.Close()
	if a.json {
		err = report.HistoryJSON(a.out, res)
	} else {
		err = report.History(a.out, a.style(a.out), res)
	}
	if err == nil && res.Unreadable > 0 {
		err = resultError(codeIncomplete)
	}
	return err
}

// matchOf returns what matches a pattern; nil if the path is none.
func matchOf(rel string) (func() func(string) bool, error) {
	if !strings.ContainsAny(rel, `*?[{\`) {
		return nil, nil
	}
	pattern := "/" + rel // it begins at the top, as a path does
	if _, err := report.NewPathFilter(pattern); err != nil {
		return nil, err
	}
	return func() func(string) bool {
		f, err := report.NewPathFilter(pattern)
		if err != nil {
			return func(string) bool { return false }
		}
		return f.Match
	}, nil
}

func firstElement(p string) string {
	first, _, _ := strings.Cut(p, "/")
	return first
}

// splitName splits NAME/PATH behind the longest name that exists. NAME/TIME/PATH
// will do, too, as that is how the path of a stored file looks.
func splitName(ctx context.Context, root *snapshot.Root, what string) (name, rel string, err error) {
	names, err := root.Names(ctx)
	if err != nil {
		return "", "", err
	}
	what = strings.TrimPrefix(path.Clean("/"+what), "/")
	for _, n := range names {
		if (what == n || strings.HasPrefix(what, n+"/")) && len(n) > len(name) {
			name = n
		}
	}
	if name == "" {
		return "", "", noSuchName(ctx, root, firstElement(what), names)
	}
	rel = strings.TrimPrefix(what[len(name):], "/")
	if first, rest, _ := strings.Cut(rel, "/"); snapshot.IsTime(first) {
		if dir, err := root.OpenSnapshot(snapshot.ID{Name: name, Time: first}); err == nil {
			dir.Close()
			rel = rest
		}
	}
	return name, path.Clean("./" + rel), nil
}
