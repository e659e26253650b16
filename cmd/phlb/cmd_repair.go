package main

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/repair"
	"phlb/internal/report"
	"phlb/internal/snapshot"
)

type repairOptions struct {
	from      []string
	snapshots []string
	dryRun    bool
}

func (a *app) newRepairCommand() *cobra.Command {
	var o repairOptions
	c := &cobra.Command{
		Use:   "repair ROOT|MANIFEST [--from SOURCE]",
		Short: "Replace damaged files by good copies with the same hash",
		Example: `  phlb repair /mnt/backup --from /home/me --dry-run
  phlb repair /mnt/backup --from /home/me`,
		Long: `Reads every stored file once, as verify does. What is proven damaged, or is
missing although SHA256SUMS lists it, is replaced by a good copy: another file of
the root, or one below a SOURCE, wherever it lies on that file system, that has
the recorded SHA-256. The copy becomes a new file with the metadata of the old
one, and every link to the damaged one, in all snapshots, is moved to it one by
one. What SHA256SUMS does not list, and what the records disagree about, is not
touched.

Interrupted at any moment no snapshot lacks a file or holds half of one; the
next run finishes. Each run that repairs something leaves a record in
ROOT/.phlb/repair.

Exit codes: 0 nothing is damaged, or all of it was repaired (with --dry-run: can
be); 6 damage remains; 11 another run holds the root's lock.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile(manifestEndings()...),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runRepair(cmd.Context(), args[0], o)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&o.from, "from", nil, "also look for good copies in this `DIR` (repeatable)")
	f.StringArrayVar(&o.snapshots, "snapshot", nil, "check only this snapshot, written `NAME/TIME` (repeatable)")
	f.BoolVar(&o.dryRun, "dry-run", false, "tell what would be done and write nothing")
	_ = c.MarkFlagDirname("from") // it fails only for a flag that does not exist
	completeFlag(c, "snapshot", completeSnapshotIDs)
	a.jsonFlag(c)
	return c
}

func (a *app) runRepair(ctx context.Context, arg string, o repairOptions) error {
	root, err := openRoot(ctx, arg)
	if err != nil {
		return err
	}
	defer root.Close()
	ids, err := snapshotIDs(root, o.snapshots)
	if err != nil {
		return err
	}
	sources, err := openSources(root, o.from)
	defer closeAll(sources)
	if err != nil {
		return err
	}
	mode := fsys.Exclusive
	if o.dryRun {
		mode = fsys.Shared // it only reads
	}
	lock, err := a.lock(ctx, root, mode)
	if err != nil {
		return err
	}
	defer lock.Release()
	res, err := repair.Run(ctx, root, repair.Options{
		Sources: sources, Snapshots: ids, DryRun: o.dryRun, Workers: a.workerCount(0), UID: os.Geteuid(),
		Now: a.now, Events: a.progress, Log: a.log,
	})
	if err != nil {
		return err
	}
	err = a.print(res, func(w io.Writer, s report.Style) error { return report.Repair(w, s, res) })
	if err == nil && res.IsDamaged() {
		err = resultError(codeDamage)
	}
	return err
}

// openSources opens the directories of --from. What was opened before an
// error is returned, too.
func openSources(root *snapshot.Root, paths []string) (dirs []*fsys.Dir, err error) {
	for _, path := range paths {
		if path == "" { // it would be the working directory
			return dirs, usagef("--from %q: the DIR is missing", path)
		}
		inside, err := liesIn(root, path)
		if err != nil {
			return dirs, notThere("the source", path, err)
		}
		if inside {
			return dirs, usagef("--from %s: it lies in the backup root, where good copies are looked for anyway", path)
		}
		// The record is to name it whatever the working directory was.
		full, err := filepath.Abs(path)
		if err != nil {
			return dirs, err
		}
		dir, err := fsys.Open(full)
		if err != nil {
			return dirs, notThere("the source", path, err)
		}
		dirs = append(dirs, dir)
	}
	return dirs, nil
}

// liesIn reports whether a directory is the root or below it, seen by device
// and inode.
func liesIn(root *snapshot.Root, path string) (bool, error) {
	top, err := root.Dir().Stat()
	if err != nil {
		return false, err
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return false, err
	}
	if real, err = filepath.Abs(real); err != nil {
		return false, err
	}
	for dir := real; ; dir = filepath.Dir(dir) {
		info, err := statDirectory(dir)
		switch {
		case err != nil && dir == real:
			return false, err
		case err == nil && info.SameFile(&top): // those above may be closed to this user
			return true, nil
		case dir == filepath.Dir(dir):
			return false, nil
		}
	}
}

func statDirectory(path string) (meta.Info, error) {
	d, err := fsys.Open(path)
	if err != nil {
		return meta.Info{}, err
	}
	defer d.Close()
	return d.Stat()
}

func closeAll(dirs []*fsys.Dir) {
	for _, d := range dirs {
		d.Close()
	}
}
