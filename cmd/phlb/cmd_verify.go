package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/spf13/cobra"

	"phlb/internal/fsys"
	"phlb/internal/report"
	"phlb/internal/snapshot"
	"phlb/verify"
)

type verifyOptions struct {
	snapshots   []string
	sample      float64
	maxDuration time.Duration
	metrics     string // a file
}

func (a *app) newVerifyCommand() *cobra.Command {
	var o verifyOptions
	c := &cobra.Command{
		Use:   "verify ROOT|MANIFEST",
		Short: "Check every file of every snapshot against its SHA256SUMS; reads only",
		Example: `  phlb verify /mnt/backup
  phlb verify manifest.yaml --sample 5
  phlb verify manifest.yaml --snapshot home/2026-11-27-180000`,
		Long: `Hashes every stored file once, whatever the number of its links, and names every
path that damage affects. Nothing is written. A catalogue that cannot be used is
told, but is no damage: it is a cache, and "phlb rebuild" makes it anew.

Exit codes: 0 everything is as recorded; 6 damage was found; 11 another run
holds the root's lock.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile(manifestEndings()...),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.measured(cmd.Context(), "verify", o.metrics, func(m *meter) error {
				return a.runVerify(cmd.Context(), args[0], o, m)
			})
		},
	}
	f := c.Flags()
	f.StringArrayVar(&o.snapshots, "snapshot", nil, "check only this snapshot, written `NAME/TIME` (repeatable)")
	f.Float64Var(&o.sample, "sample", 100, "check this `PERCENT` of the files, another one each time")
	f.DurationVar(&o.maxDuration, "max-duration", 0, "stop after this time and say how much was checked")
	completeFlag(c, "snapshot", completeSnapshotIDs)
	metricsFlag(c, &o.metrics)
	a.jsonFlag(c)
	return c
}

func (o *verifyOptions) check() error {
	if !(o.sample > 0 && o.sample <= 100) { // not a number fails, too
		return usagef("--sample %v: must be above 0 and at most 100", o.sample)
	}
	if o.maxDuration < 0 {
		return usagef("--max-duration %v: must not be negative", o.maxDuration)
	}
	return nil
}

func (a *app) runVerify(ctx context.Context, arg string, o verifyOptions, m *meter) error {
	if err := o.check(); err != nil {
		return err
	}
	root, err := openRoot(ctx, arg)
	if err != nil {
		return err
	}
	defer root.Close()
	ids, err := snapshotIDs(root, o.snapshots)
	if err != nil {
		return err
	}
	if _, _, err := root.State(); errors.Is(err, snapshot.ErrDamaged) {
		a.log.Warn("no snapshot is concerned, but no run can begin: phlb rebuild mends that", "error", err)
	}
	lock, err := a.lock(ctx, root, fsys.Shared)
	if err != nil {
		return err
	}
	defer lock.Release()
	res, err := verify.Verify(ctx, root, verify.Options{
		Snapshots: ids, SamplePercent: o.sample, MaxDuration: o.maxDuration,
		Workers: a.workerCount(0), Now: a.now, Seed: uint64(a.now().UnixNano()), Events: a.progress,
	})
	if err != nil {
		return err
	}
	m.verified(res)
	err = a.print(res, func(w io.Writer, s report.Style) error {
		if err := report.Verify(w, s, res); err != nil || !res.Damaged() {
			return err
		}
		return report.Next(w, s, repairLines(arg)...)
	})
	switch {
	case err != nil:
		return err
	case res.Damaged():
		return resultError(codeDamage)
	case len(ids) > 0:
		return nil
	}
	return allSeen(ctx, root)
}

// repairLines are what to do about damage, to be pasted.
func repairLines(root string) []string {
	repair := "phlb repair " + shellQuote(root)
	return []string{
		"Copies elsewhere in the root can mend it:         " + repair,
		"So can copies in the source or in another backup: " + repair + " --from DIRECTORY",
	}
}

// allSeen makes sure that no snapshots were passed over: they are no part of
// what was found to be good.
func allSeen(ctx context.Context, root *snapshot.Root) error {
	why, err := closedTo(ctx, root)
	if err == nil && why != "" {
		err = fmt.Errorf("not all of %s was verified: %s", root.Path(), why)
	}
	return err
}

// snapshotIDs parses --snapshot and makes sure that they exist.
func snapshotIDs(root *snapshot.Root, list []string) ([]snapshot.ID, error) {
	var ids []snapshot.ID
	for _, s := range list {
		id, err := snapshot.ParseID(s)
		if err != nil {
			return nil, usagef("--snapshot %q: it is written NAME/TIME, such as home/2026-11-23-140000", s)
		}
		dir, err := root.OpenSnapshot(id)
		if errors.Is(err, fs.ErrNotExist) {
			err = noSnapshot(root, snapshot.Place{ID: id, Private: true}, s)
		}
		if err != nil {
			return nil, err
		}
		dir.Close()
		ids = append(ids, id)
	}
	return ids, nil
}
