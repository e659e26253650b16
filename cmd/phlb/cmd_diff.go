package main

import (
	"context"

	"github.com/spf13/cobra"

	"phlb/internal/fsys"
	"phlb/internal/report"
	"phlb/internal/restore"
	"phlb/internal/snapdiff"
	"phlb/internal/snapshot"
)

func (a *app) newDiffCommand() *cobra.Command {
	var pattern string
	c := &cobra.Command{
		Use:   "diff SNAPSHOT[/PATH] SNAPSHOT[/PATH]",
		Short: "What changed between two snapshots",
		Example: `  phlb diff /mnt/backup/home/2026-11-27-180000 /mnt/backup/home/2026-11-27-190000
  phlb diff /mnt/backup/home/2026-11-27-180000/docs /mnt/backup/home/2026-11-27-190000/docs --path '*.txt'`,
		Long: `Tells what changed from the first snapshot to the second:

  added, removed   the path is only in the second, only in the first
  changed          the content of a file, or where a symbolic link leads
  metadata         mode, owner, extended attributes, or the time of a file
  moved            a file's content is at another path, and gone from the first
  type             the path is another kind of thing

A snapshot is written as its path; with /PATH a directory or file in it is
compared. It compares catalogues, and walks the snapshots where there is none
that can be believed. Then what is stored is compared, not what the source had.
Times of directories do not count. It waits for no other run.

Exit codes: 0 no differences; 2 differences found; 3 no differences found, but
some paths could not be read.`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: completeSnapshotPlaces(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runDiff(cmd.Context(), args[0], args[1], pattern)
		},
	}
	c.Flags().StringVar(&pattern, "path", "", "tell only paths that match this `PATTERN`, such as '*.txt' or '/docs/**'")
	completeNothing(c, "path")
	a.jsonFlag(c)
	return c
}

// bothThere makes sure that a misspelt path does not look as if all of it had
// been added or removed. One path that only one of two snapshots has was; where
// neither has it comparing tells.
func bothThere(a, b snapdiff.Side) error {
	missingA, missingB := missingIn(a), missingIn(b)
	switch {
	case a.Path == b.Path, missingA != nil && missingB != nil:
		return nil
	case missingA != nil:
		return missingA
	}
	return missingB
}

// missingIn is the error of a path that a snapshot does not hold; nil: it does,
// or that cannot be told.
func missingIn(s snapdiff.Side) error {
	dir, err := s.Root.OpenSnapshot(s.ID)
	if err != nil {
		return err
	}
	defer dir.Close()
	switch _, err := dir.LstatAt(s.Path); fsys.ClassOf(err) {
	case fsys.ClassVanished, fsys.ClassType:
		return notInSnapshot(s.Root, snapshot.Place{ID: s.ID, Rel: s.Path}, &restore.MissingError{ID: s.ID, Path: s.Path})
	}
	return nil
}

func (a *app) runDiff(ctx context.Context, first, second, pattern string) error {
	filter, err := report.NewPathFilter(pattern)
	if err != nil {
		return usagef("--path: %w", err)
	}
	sides := make([]snapdiff.Side, 2)
	for i, arg := range []string{first, second} {
		root, place, err := openPlace(arg)
		if err != nil {
			return err
		}
		defer root.Close()
		sides[i] = snapdiff.Side{Root: root, ID: place.ID, Path: place.Rel}
	}
	if err := bothThere(sides[0], sides[1]); err != nil {
		return err
	}
	d, err := snapdiff.Compare(ctx, sides[0], sides[1], snapdiff.Options{Select: filter.Match})
	if err != nil {
		return err
	}
	a.progress.Close()
	if a.json {
		err = report.DiffJSON(a.out, d)
	} else {
		err = report.Diff(a.out, a.style(a.out), d)
	}
	switch {
	case err != nil:
		return err
	case d.Summary.Different():
		return resultError(codeDifferent)
	case d.Summary.Unreadable > 0:
		return resultError(codeIncomplete)
	}
	return nil
}
