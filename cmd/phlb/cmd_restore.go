package main

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"phlb/internal/fsys"
	"phlb/internal/report"
	"phlb/internal/restore"
)

type restoreOptions struct {
	overwrite    bool
	allowDamaged bool
	dryRun       bool
}

func (a *app) newRestoreCommand() *cobra.Command {
	var o restoreOptions
	c := &cobra.Command{
		Use:   "restore SNAPSHOT[/PATH] TARGET",
		Short: "Copy a snapshot, a directory or a file of it back, exactly as it was",
		Example: `  phlb restore /mnt/backup/home/2026-11-27-180000 /tmp/home
  phlb restore /mnt/backup/home/2026-11-27-180000/docs/letter.txt .`,
		Long: `Copies from a snapshot, which is written as a path, to TARGET: content, and the
metadata that the catalogue has for each path (owner, mode, times, extended
attributes, ACLs), hard links of the source among themselves, and holes. Nothing
is ever linked to the snapshot. Without a catalogue the metadata is what the
stored files carry; the result says so.

A directory becomes TARGET itself, which is made if it is missing, and otherwise
must be empty. A single file is copied as cp does: into TARGET if that is a
directory or ends in a slash, else under the name TARGET.

With --overwrite TARGET may hold something. Files that are the same already are
left as they are, others that the snapshot has are replaced by rename, files that
it does not have are left alone. Symbolic links in TARGET are never followed, and
no directory is replaced by a file or a file by a directory: such a path fails.
This also finishes what was interrupted.

Content is compared with SHA256SUMS and the catalogue while it is copied. What is
damaged is left out, unless --allow-damaged asks for it; a file of the same name
in TARGET then stays.

Exit codes: 0 done; 3 done, but some paths could not be restored, or nothing on
record confirms their content; 6 damage was found, restored or not; 11 another
run holds the root's lock.`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: completeRestore,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runRestore(cmd.Context(), args[0], args[1], o)
		},
	}
	f := c.Flags()
	f.BoolVar(&o.overwrite, "overwrite", false, "restore into a directory that is not empty, and replace files there")
	f.BoolVar(&o.allowDamaged, "allow-damaged", false, "restore damaged files, too, and say which they are")
	f.BoolVar(&o.dryRun, "dry-run", false, "only tell what would be restored; no content is read")
	a.jsonFlag(c)
	return c
}

// completeRestore proposes snapshots and what is in them, and directories for
// the target.
func completeRestore(cmd *cobra.Command, args []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 1 {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return completeSnapshotPlaces(1)(cmd, args, begun)
}

func (a *app) runRestore(ctx context.Context, from, target string, o restoreOptions) error {
	if target == "" {
		return usagef("restore: the target is empty")
	}
	root, place, err := openPlace(from)
	if err != nil {
		return err
	}
	defer root.Close()
	lock, err := a.lock(ctx, root, fsys.Shared)
	if err != nil {
		return err
	}
	defer lock.Release()
	res, err := restore.Restore(ctx, root, restore.Source{ID: place.ID, Path: place.Rel}, target, restore.Options{
		Overwrite: o.overwrite, AllowDamaged: o.allowDamaged, DryRun: o.dryRun,
		Workers: a.workerCount(0), UID: os.Geteuid(), Now: a.now, Events: a.progress,
	})
	err = notInSnapshot(root, place, err)
	if res != nil {
		printErr := a.print(res, func(w io.Writer, s report.Style) error { return report.Restore(w, s, res) })
		if err != nil {
			return unfinishedRestore{err}
		}
		err = printErr
	}
	switch {
	case err != nil:
		return err
	case res.IsDamaged():
		return resultError(codeDamage)
	case res.IsIncomplete():
		return resultError(codeIncomplete)
	}
	return nil
}
