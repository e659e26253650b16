package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"phlb/internal/fsys"
	"phlb/internal/report"
	"phlb/internal/snapshot"
)

// pinning is what pin and unpin do to a snapshot.
type pinning int

const (
	pinOn pinning = iota
	pinOff
)

func (a *app) newPinCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "pin SNAPSHOT",
		Short:   "Keep a snapshot from ever being pruned",
		Example: `  phlb pin /mnt/backup/home/2026-11-27-180000`,
		Long: `Puts an empty file <time>.pinned beside the snapshot, which is written as its
path. It stays whatever becomes of .phlb. A snapshot that is pinned already is
left as it is.

Exit codes: 0 the snapshot is pinned; 1 there is no such snapshot; 11 another run
holds the root's lock.`,
	}
	return a.pinCommand(c, pinOn)
}

func (a *app) newUnpinCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "unpin SNAPSHOT",
		Short:   "Let a pinned snapshot be pruned again",
		Example: `  phlb unpin /mnt/backup/home/2026-11-27-180000`,
		Long: `Removes the file <time>.pinned beside the snapshot, which is written as its path.
One that is not pinned is left as it is.

Exit codes: 0 the snapshot is not pinned; 1 there is no such snapshot; 11 another
run holds the root's lock.`,
	}
	return a.pinCommand(c, pinOff)
}

func (a *app) pinCommand(c *cobra.Command, what pinning) *cobra.Command {
	c.Args = cobra.ExactArgs(1)
	c.ValidArgsFunction = completeSnapshots(1)
	c.RunE = func(cmd *cobra.Command, args []string) error {
		return a.runPin(cmd.Context(), args[0], what)
	}
	a.jsonFlag(c)
	return c
}

func (a *app) runPin(ctx context.Context, arg string, what pinning) error {
	root, place, err := openPlace(arg)
	if what == pinOff && errors.Is(err, errNoSnapshot) {
		// The pin of a snapshot that somebody removed by hand can go, too.
		root, place, err = openPinned(arg, err)
	}
	if err != nil {
		return err
	}
	defer root.Close()
	if place.Rel != "." {
		return usagef("%s lies within a snapshot; only whole ones are pinned: %s", arg, filepath.Join(root.Path(), filepath.FromSlash(place.ID.String())))
	}
	unlock, err := a.lockPlace(ctx, root, place)
	if err != nil {
		return err
	}
	defer unlock()
	res, err := setPin(root, place.ID, what)
	if err != nil {
		return err
	}
	return a.print(res, func(w io.Writer, s report.Style) error { return report.Pin(w, s, res) })
}

// openPinned opens the root of a pin without a snapshot.
func openPinned(arg string, missing error) (*snapshot.Root, snapshot.Place, error) {
	place, err := snapshot.Locate(arg)
	if err != nil {
		return nil, place, err
	}
	root, err := snapshot.Open(place.Root)
	if err != nil {
		return nil, place, err
	}
	if pinned, err := root.Pinned(place.ID); err != nil || !pinned {
		root.Close()
		return nil, place, missing
	}
	return root, place, nil
}

// lockPlace locks a root exclusively. Where .phlb is missing nothing can prune,
// and where the root begins is a guess: there nothing is locked, or made.
func (a *app) lockPlace(ctx context.Context, root *snapshot.Root, place snapshot.Place) (unlock func(), err error) {
	if !place.Private {
		return func() {}, nil
	}
	lock, err := a.lock(ctx, root, fsys.Exclusive)
	if err != nil {
		return nil, err
	}
	return func() { lock.Release() }, nil
}

func setPin(root *snapshot.Root, id snapshot.ID, what pinning) (*report.PinResult, error) {
	before, err := root.Pinned(id)
	if err != nil {
		return nil, err
	}
	if what == pinOn {
		err = root.Pin(id)
	} else {
		err = root.Unpin(id)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: it was removed meanwhile", err)
	}
	pinned := what == pinOn
	return &report.PinResult{Snapshot: id.String(), Pinned: pinned, Changed: before != pinned}, err
}
