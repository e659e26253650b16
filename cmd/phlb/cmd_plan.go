package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"phlb/execute"
	"phlb/internal/report"
	"phlb/internal/snapshot"
	"phlb/manifest"
	"phlb/plan"
)

type planOptions struct {
	output           string
	sources          []string
	rehash           bool
	detailedExitCode bool
	overrides        []string
	hooks            bool
	pruneOnly        bool
}

func (a *app) newPlanCommand() *cobra.Command {
	var o planOptions
	c := &cobra.Command{
		Use:   "plan MANIFEST",
		Short: "Scan, decide, and write a plan for review; nothing else is written",
		Example: `  phlb plan manifest.yaml
  phlb plan manifest.yaml -o home.json.zst --source home
  phlb plan manifest.yaml --prune-only -o prune.json`,
		Long: `Scans the manifest's sources, decides what becomes of every file and writes
that as a plan, and which old snapshots the retention rules keep and which go.
Only the plan is written. Review it with "phlb show", carry it out with
"phlb apply".

Exit codes: 0 done; 2 with --detailed-exitcode: the plan contains changes;
4 a guard tripped, the plan is for inspection only; 64 invalid manifest; 1 failed,
or a before hook did.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile(manifestEndings()...),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runPlan(cmd.Context(), args[0], o)
		},
	}
	f := c.Flags()
	f.StringVarP(&o.output, "output", "o", "plan.json", "the `FILE` to write the plan to; - is standard output; a name ending in .zst is compressed")
	f.BoolVar(&o.pruneOnly, "prune-only", false, "plan no snapshots, only which old ones go: sources are not looked at, so that a full disk can be emptied")
	f.BoolVar(&o.detailedExitCode, "detailed-exitcode", false, "end with 2 if the plan contains changes")
	f.BoolVar(&o.hooks, "hooks", false, "run the manifest's before hooks first")
	completeFileFlag(c, "output", planEndings()...)
	addPlanFlags(c, &o)
	a.jsonFlag(c)
	return c
}

// addPlanFlags adds the flags that say how to plan, which apply MANIFEST has,
// too.
func addPlanFlags(c *cobra.Command, o *planOptions) {
	f := c.Flags()
	f.StringArrayVar(&o.sources, "source", nil, "plan only the source of this `NAME` (repeatable)")
	f.BoolVar(&o.rehash, "rehash", false, "read every file, trust no metadata")
	f.StringArrayVar(&o.overrides, "override-guard", nil, "let the guard of this `NAME` trip without consequence; recorded in the plan (repeatable)")
	completeFlag(c, "source", completeSources)
	completeWords(c, "override-guard", plan.GuardNames()...)
}

func (a *app) runPlan(ctx context.Context, path string, o planOptions) error {
	if o.pruneOnly && o.rehash {
		return usagef("--prune-only reads no sources, so there is nothing to --rehash")
	}
	m, err := a.usableManifest(path, o)
	if err != nil {
		return err
	}
	if err := outputApart(m, o.output); err != nil {
		return err
	}
	if !o.hooks {
		return a.planManifest(ctx, m, o)
	}
	h := a.hooksOf(m, o.sources)
	if o.sources, err = h.before(ctx); err == nil && len(o.sources) > 0 {
		err = a.planManifest(ctx, m, o)
	}
	return h.verdict(err)
}

func (a *app) planManifest(ctx context.Context, m *manifest.Manifest, o planOptions) error {
	out, err := createOutput(o.output, a.out)
	if err != nil {
		return err
	}
	defer out.discard()
	summary, record, err := a.planSummary(o)
	if err != nil {
		return err
	}
	p, err := a.makePlan(ctx, m, o, out, summary)
	if err != nil {
		return err
	}
	a.progress.Close()
	if err := summary.Planned(p); err != nil {
		return err
	}
	if record != nil {
		a.voice().Info("planned", "summary", json.RawMessage(record.Bytes()))
	}
	if err := out.commit(); err != nil {
		return err
	}
	if len(p.Tripped) > 0 {
		return notApplicable(p, o.output)
	}
	if o.output != "-" && !a.json {
		fmt.Fprintf(a.out, "\nWrote %s. To carry out exactly this: phlb apply %s\n", o.output, o.output)
	}
	if o.detailedExitCode && summary.HasChanges() {
		return resultError(codeDifferent)
	}
	return nil
}

// planSummary returns what prints the summary where the plan itself is not. A
// record is what of it is to be logged.
func (a *app) planSummary(o planOptions) (summary *report.PlanReport, record *bytes.Buffer, err error) {
	w, format := a.out, report.Table
	if a.json {
		format = report.JSON
	}
	if o.output == "-" {
		w = a.err
		if a.logsJSON() {
			record, format = &bytes.Buffer{}, report.JSON
			w = record
		}
	}
	summary, err = report.NewPlanReport(w, report.PlanOptions{Format: format, Style: a.style(w)})
	return summary, record, err
}

// tripped says which guards make a plan not applicable.
func tripped(p *plan.Plan) error {
	var why []string // what sources share is told once
	of := map[string][]string{}
	for i := range p.Sources {
		s := &p.Sources[i]
		for _, g := range s.Guards {
			if g.Status != plan.GuardTripped {
				continue
			}
			text := g.Name + ": " + g.Detail
			if of[text] == nil {
				why = append(why, text)
			}
			of[text] = append(of[text], fmt.Sprintf("%s (%s)", s.Name, s.Path))
		}
	}
	var lines []string
	for _, text := range why {
		lines = append(lines, strings.Join(of[text], ", ")+": "+text)
	}
	return fmt.Errorf("%w:\n  %s", execute.ErrGuard, strings.Join(lines, "\n  "))
}

// overrideFlags are what lets the guards that tripped trip.
func overrideFlags(p *plan.Plan) string {
	var names []string
	for _, g := range p.Tripped {
		names = append(names, "--override-guard "+g.Name)
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), " ")
}

// usableManifest loads a manifest and refuses what cannot be planned with it.
func (a *app) usableManifest(path string, o planOptions) (*manifest.Manifest, error) {
	m, err := loadManifest(path)
	if err != nil {
		return nil, err
	}
	for _, name := range o.sources {
		if !slices.ContainsFunc(m.Sources, func(s manifest.Source) bool { return s.Name == name }) {
			return nil, usagef("--source %q: the manifest has no source of this name, but %s%s",
				name, strings.Join(sourceNames(m), ", "), didYouMean(name, sourceNames(m)))
		}
	}
	for _, name := range o.overrides {
		if !slices.Contains(plan.GuardNames(), name) {
			return nil, usagef("--override-guard %q: the guards are %s%s",
				name, strings.Join(plan.GuardNames(), ", "), didYouMean(name, plan.GuardNames()))
		}
	}
	return m, nil
}

func sourceNames(m *manifest.Manifest) []string {
	var names []string
	for _, s := range m.Sources {
		names = append(names, s.Name)
	}
	return names
}

// makePlan scans, decides and writes the plan to out, not yet under its name.
func (a *app) makePlan(
	ctx context.Context, m *manifest.Manifest, o planOptions, out *planOutput, summary *report.PlanReport,
) (*plan.Plan, error) {
	root, err := openDestination(m)
	if err != nil {
		return nil, err
	}
	if root != nil {
		defer root.Close()
	}
	p, err := plan.Build(ctx, m, root, plan.Options{
		Now: a.now(), NewID: newID, Version: version(), Sources: o.sources, Rehash: o.rehash, PruneOnly: o.pruneOnly, Overrides: o.overrides,
		Avoid: out.avoid, Drop: out.own, Workers: a.workerCount(m.Workers), UID: os.Geteuid(), GID: os.Getegid(), Events: a.progress, Observer: summary.Observer(),
	})
	if err != nil {
		return nil, err
	}
	return p, out.write(&p.Document)
}

// openDestination opens the manifest's destination; nil: it is to be made.
func openDestination(m *manifest.Manifest) (*snapshot.Root, error) {
	root, err := snapshot.Open(m.Destination)
	if err == nil {
		return root, nil
	}
	a, ok := destinationAdvice("the destination", m.Destination, err)
	if !ok {
		return nil, err
	}
	if a.code == report.CodeDestinationMissing {
		if m.CreateDestination {
			return nil, nil
		}
		a.hint = "mount it, and try again; if it is really to be new: mkdir " + shellQuote(m.Destination)
		if m.Path != "" {
			a.hint += ", or create_destination: true in the manifest"
		}
	}
	return nil, &advised{err, a}
}
