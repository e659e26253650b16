package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"phlb/internal/fsys"
	"phlb/internal/report"
	"phlb/verify"
)

func (a *app) newRebuildCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "rebuild ROOT|MANIFEST",
		Short:   "Rebuild the lookups and missing catalogues from the snapshots",
		Example: `  phlb rebuild /mnt/backup`,
		Long: `Reads every stored file once, verifies SHA256SUMS on the way, recreates both
lookups and missing catalogues, and adds missing SHA256SUMS lines. Content that
contradicts a record is reported as damage and never blessed.

Exit codes: 0 done; 6 damage was found; 11 another run holds the root's lock.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile(manifestEndings()...),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runRebuild(cmd.Context(), args[0])
		},
	}
	a.jsonFlag(c)
	return c
}

func (a *app) runRebuild(ctx context.Context, arg string) error {
	root, err := openRoot(ctx, arg)
	if err != nil {
		return err
	}
	defer root.Close()
	lock, err := a.lock(ctx, root, fsys.Exclusive)
	if err != nil {
		return err
	}
	defer lock.Release()
	res, err := verify.Rebuild(ctx, root, verify.RebuildOptions{
		Workers: a.workerCount(0), Now: a.now, NewID: newID, Events: a.progress,
	})
	if err != nil {
		return err
	}
	err = a.print(res, func(w io.Writer, s report.Style) error { return report.Rebuild(w, s, res) })
	switch failed := int64(len(res.Errors)) + res.ErrorsOmitted; {
	case err != nil:
		return err
	case res.Damaged():
		return resultError(codeDamage)
	case failed > 0:
		return fmt.Errorf("rebuild %s: %s could not be written", root.Path(), plural(int(failed), "file"))
	}
	return nil
}
