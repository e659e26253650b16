package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"phlb/internal/report"
	"phlb/internal/retain"
	"phlb/internal/snapshot"
	"phlb/internal/survey"
	"phlb/manifest"
)

func (a *app) newSnapshotsCommand() *cobra.Command {
	var names []string
	c := &cobra.Command{
		Use:   "snapshots ROOT|MANIFEST",
		Short: "List snapshots: time, files, size, what only they hold, status, pinned",
		Example: `  phlb snapshots /mnt/backup
  phlb snapshots manifest.yaml --name home`,
		Long: `Lists every snapshot with its files, their size, and the bytes that only it
holds: what removing it alone would free. Links are followed by inode number
across all names of the root; SHA256SUMS files and directories do not count.

With a manifest it also tells why its policy would keep each snapshot if it were
asked now, without the next one.

It reads catalogues, and the files themselves where there is no catalogue that
can be believed, as in a root that was copied. It waits for no other run.

Exit codes: 0 done.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile(manifestEndings()...),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runSnapshots(cmd.Context(), args[0], names)
		},
	}
	c.Flags().StringArrayVar(&names, "name", nil, "list only the snapshots of this `NAME` (repeatable)")
	completeFlag(c, "name", completeNames)
	a.jsonFlag(c)
	return c
}

func (a *app) runSnapshots(ctx context.Context, arg string, names []string) error {
	root, m, err := openRootOf(ctx, arg)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := haveNames(ctx, root, names); err != nil {
		return err
	}
	o := survey.Options{Workers: a.workerCount(0), Location: time.Local}
	if m != nil {
		o.Workers, o.Location = a.workerCount(m.Workers), m.Location
	}
	if len(names) > 0 {
		o.Name = func(name string) bool { return slices.Contains(names, name) }
	}
	res, err := survey.Survey(ctx, root, o)
	if err != nil {
		return err
	}
	if err := a.warnClosed(ctx, root); err != nil {
		return err
	}
	if m != nil {
		addReasons(res.Snapshots, m)
	}
	return a.print(res, func(w io.Writer, s report.Style) error { return report.Snapshots(w, s, res) })
}

// reasonUnlisted is why snapshots of a name that the manifest does not list are
// kept.
const reasonUnlisted = "not in the manifest"

// addReasons asks a manifest's policies which snapshots they would keep. The
// snapshots of a name stand together, the oldest first.
func addReasons(list []survey.Snapshot, m *manifest.Manifest) {
	for len(list) > 0 {
		n := 1
		for n < len(list) && list[n].Name == list[0].Name {
			n++
		}
		policy, listed := policyOf(m, list[0].Name)
		reasons := decide(policy, list[:n], m.Location)
		for i := range n {
			if list[i].Reasons = reasons[n-1-i]; !listed {
				list[i].Reasons = []string{reasonUnlisted}
			}
			if list[i].Reasons == nil {
				list[i].Reasons = []string{} // asked, and none
			}
		}
		list = list[n:]
	}
}

// policyOf returns the policy of a name; none keeps everything.
func policyOf(m *manifest.Manifest, name string) (policy retain.Policy, listed bool) {
	for i := range m.Sources {
		if s := &m.Sources[i]; s.Name == name {
			if s.Settings.Retention != nil {
				policy = *s.Settings.Retention
			}
			return policy, true
		}
	}
	return policy, false
}

// decide asks a policy; the answers are about the newest first.
func decide(p retain.Policy, list []survey.Snapshot, loc *time.Location) [][]string {
	var newestFirst []retain.Snapshot
	for i := range slices.Backward(list) {
		s := &list[i]
		newestFirst = append(newestFirst, retain.Snapshot{Time: s.Time, Partial: !s.IsComplete(), Pinned: s.Pinned})
	}
	return retain.Decide(p, newestFirst, loc)
}

// noSuchName is the error that a root has no snapshots of what was asked for,
// but of those names.
func noSuchName(ctx context.Context, root *snapshot.Root, what string, names []string) error {
	why, err := closedTo(ctx, root)
	switch {
	case err != nil:
		return err
	case why == "":
		why = "phlb snapshots " + shellQuote(root.Path()) + " lists what it has"
	}
	there := "there are those of " + strings.Join(names, ", ") + didYouMean(what, names)
	if len(names) == 0 {
		there = "there are none at all"
	}
	return advise(fmt.Errorf("%s has no snapshots of %s; %s", root.Path(), what, there), report.CodeNameMissing, root.Path(), why)
}

// haveNames makes sure that the names have snapshots, so that a misspelt one
// does not look like one without.
func haveNames(ctx context.Context, root *snapshot.Root, names []string) error {
	if len(names) == 0 {
		return nil
	}
	all, err := root.Names(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if name == "" {
			return usagef("--name: the name is empty")
		}
		if !slices.Contains(all, name) {
			return noSuchName(ctx, root, name, all)
		}
	}
	return nil
}
