package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"phlb/internal/fsys"
	"phlb/internal/report"
	"phlb/internal/scan"
	"phlb/internal/snapshot"
	"phlb/manifest"
	"phlb/verify"
)

func (a *app) newCompareCommand() *cobra.Command {
	var so sourceFlags
	c := &cobra.Command{
		Use:     "compare SOURCE DESTINATION",
		Short:   "Compare a directory with its newest snapshot, by content",
		Example: `  phlb compare /home/me /mnt/backup --name home`,
		Long: `PyHardLinkBackup's command: reads every file of SOURCE and of its newest
snapshot below DESTINATION and compares them. Nothing is written.

Exit codes: 0 no differences; 2 differences found; 3 no differences found, but
some files could not be read; 11 another run holds the root's lock.`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: completeDirectories(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			m, err := so.manifest(cmd, args[0], args[1])
			if err != nil {
				return err
			}
			return a.runCompare(cmd.Context(), &m.Sources[0], m.Destination)
		},
	}
	so.add(c)
	a.jsonFlag(c)
	return c
}

func (a *app) runCompare(ctx context.Context, src *manifest.Source, destination string) error {
	source, err := fsys.Open(src.Path)
	if err != nil {
		return notThere("the source", src.Path, err)
	}
	defer source.Close()
	root, err := openRoot(ctx, destination)
	if err != nil {
		return err
	}
	defer root.Close()
	lock, err := a.lock(ctx, root, fsys.Shared)
	if err != nil {
		return err
	}
	defer lock.Release()
	newest, exists, err := root.Newest(src.Name)
	if err != nil {
		return err
	}
	if !exists {
		names, err := root.Names(ctx)
		if err != nil {
			return err
		}
		return noSuchName(ctx, root, src.Name, names)
	}
	res, err := a.compare(ctx, source, root, src, snapshot.ID{Name: src.Name, Time: newest})
	if err != nil {
		return err
	}
	err = a.print(res, func(w io.Writer, s report.Style) error { return report.Compare(w, s, res) })
	switch {
	case err != nil:
		return err
	case res.Different():
		return resultError(codeDifferent)
	case res.Errors > 0:
		return resultError(codeIncomplete)
	}
	return nil
}

func (a *app) compare(ctx context.Context, source *fsys.Dir, root *snapshot.Root, src *manifest.Source, id snapshot.ID) (*verify.CompareResult, error) {
	matcher, err := matcherOf(src.Excludes)
	if err != nil {
		return nil, err
	}
	info, err := root.Dir().Stat()
	if err != nil {
		return nil, err
	}
	return verify.Compare(ctx, source, root, id, verify.CompareOptions{
		Scan: scan.Options{
			Excludes: matcher, CrossFileSystems: !src.OneFileSystem,
			Avoid: []scan.Identity{{Dev: info.Dev, Ino: info.Ino}}, UID: os.Geteuid(),
		},
		Workers: a.workerCount(0), Now: a.now, Events: a.progress,
	})
}
