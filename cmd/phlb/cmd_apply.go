package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"phlb/execute"
	"phlb/internal/report"
	"phlb/manifest"
)

type applyOptions struct {
	plan         planOptions
	yes          bool
	strict       bool
	expectSHA256 string
	hooks        string // a manifest, with a saved plan
	maxDuration  time.Duration
	metrics      string // a file
	meter        *meter
}

func (a *app) newApplyCommand() *cobra.Command {
	var o applyOptions
	c := &cobra.Command{
		Use:   "apply PLAN|MANIFEST",
		Short: "Carry out a saved plan, or plan, ask and apply",
		Example: `  phlb apply plan.json --expect-sha256 "$(cat plan.sha256)"
  phlb apply manifest.yaml --yes`,
		Long: `With a plan: carries out exactly that, and never asks: the file is the approval.
With a manifest (its name ends in .yaml or .yml): plans, shows the summary, asks,
and applies. The manifest's hooks run around it; with a saved plan, its after and
on_error hooks only with --hooks MANIFEST.

Exit codes: 0 done; 3 done, but some files could not be read, vanished or
drifted; 4 a guard tripped; 5 the plan is refused; 11 another run holds the
root's lock; 1 failed, or a hook did.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile(append(planEndings(), manifestEndings()...)...),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.maxDuration < 0 {
				return usagef("--max-duration %v: must not be negative", o.maxDuration)
			}
			return a.measured(cmd.Context(), "apply", o.metrics, func(m *meter) error {
				o.meter = m
				if isManifest(args[0]) {
					return a.runApplyManifest(cmd.Context(), args[0], o)
				}
				return a.runApplyPlan(cmd.Context(), args[0], o)
			})
		},
	}
	f := c.Flags()
	f.BoolVar(&o.yes, "yes", false, "with a manifest: do not ask")
	f.BoolVar(&o.strict, "strict", false, "any drift from the plan aborts before the snapshot is published")
	f.StringVar(&o.expectSHA256, "expect-sha256", "", "the SHA-256 (`HEX`) that the plan file must have: that of the file that was reviewed")
	f.StringVar(&o.hooks, "hooks", "", "with a plan: run the after and on_error hooks of the `MANIFEST` it was made from")
	f.DurationVar(&o.maxDuration, "max-duration", 0, "how long pruning may take; the same plan again, or the next run, goes on (default: no limit)")
	needValue(c, "expect-sha256")
	needValue(c, "hooks")
	completeNothing(c, "expect-sha256")
	completeFileFlag(c, "hooks", manifestEndings()...)
	addPlanFlags(c, &o.plan)
	metricsFlag(c, &o.metrics)
	a.jsonFlag(c)
	return c
}

func (a *app) runApplyPlan(ctx context.Context, path string, o applyOptions) error {
	if len(o.plan.sources) > 0 || o.plan.rehash || len(o.plan.overrides) > 0 {
		return usagef("--source, --rehash and --override-guard are for planning: a saved plan is carried out as it is")
	}
	f, err := openPlan(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var h *hookRun
	if o.hooks != "" || o.meter != nil {
		if h, err = a.aroundPlan(ctx, f, o); err != nil {
			return err
		}
	}
	h.begin(ctx)
	res, err := a.applyFile(ctx, f, a.workerCount(0), o, h)
	return h.finish(ctx, res, err)
}

// aroundPlan prepares what goes around applying a plan: hooks, and metrics.
func (a *app) aroundPlan(ctx context.Context, f *os.File, o applyOptions) (*hookRun, error) {
	head, err := readHead(ctx, f)
	if err != nil {
		return nil, err
	}
	o.meter.plan(head)
	if o.hooks == "" {
		return nil, nil
	}
	return a.hooksOfPlan(head, o.hooks)
}

// openPlan opens a plan that is to be read twice: once to check all of it,
// once to carry it out. Opening a pipe that nobody writes to would wait for
// ever.
func openPlan(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() && !info.Mode().IsRegular() {
		return nil, usagef("read plan %s: it is no regular file; a plan is checked before anything is done, and so is read twice: save it to a file first", path)
	}
	return openFile(path)
}

// openFile opens what is to be a plan, or a report.
func openFile(path string) (*os.File, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, advise(usagef("read plan %s: it is a directory", path), report.CodePlanNone, path, "give the name of the plan in it")
	}
	f, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && path == "-":
		return nil, advise(usagef("read plan -: a plan is read from a file"), report.CodePlanMissing, path, "phlb show takes /dev/stdin; apply reads a plan twice, so save it first")
	case errors.Is(err, fs.ErrNotExist):
		return nil, advise(fmt.Errorf("there is no plan %s", path), report.CodePlanMissing, path, "phlb plan MANIFEST -o "+shellQuote(path)+" writes it")
	case err != nil:
		return nil, fmt.Errorf("read plan: %w", err)
	}
	return f, nil
}

func (a *app) runApplyManifest(ctx context.Context, path string, o applyOptions) error {
	if o.expectSHA256 != "" {
		return usagef("--expect-sha256 is for a saved plan, not for a manifest")
	}
	if o.hooks != "" {
		return usagef("--hooks is for a saved plan: the hooks of a manifest run anyhow")
	}
	m, err := a.usableManifest(path, o.plan)
	if err != nil {
		return err
	}
	o.meter.manifest(m, o.plan.sources)
	return a.planAndApply(ctx, m, o)
}

// planAndApply is plan and apply in one go, with hooks around and a question
// between.
func (a *app) planAndApply(ctx context.Context, m *manifest.Manifest, o applyOptions) error {
	if !o.yes && !term.IsTerminal(int(a.in.Fd())) {
		return usagef("standard input is no terminal to ask on: use --yes, or plan, review and apply the plan")
	}
	if !o.yes && a.logsJSON() {
		return usagef("--log-format json asks no questions: use --yes, or plan, review and apply the plan")
	}
	h := a.hooksOf(m, o.plan.sources)
	h.begin(ctx)
	var res *execute.Result
	ready, err := h.before(ctx)
	switch {
	case err != nil:
	case len(ready) == 0:
		err = a.printApplied(h.complete(nil))
	default:
		o.plan.sources = ready
		res, err = a.planAskApply(ctx, m, o, h)
	}
	return h.finish(ctx, res, err)
}

// planAskApply plans, asks and applies.
func (a *app) planAskApply(ctx context.Context, m *manifest.Manifest, o applyOptions, h *hookRun) (*execute.Result, error) {
	out, err := createOutput("-", nil)
	if err != nil {
		return nil, err
	}
	defer out.discard()
	// With --json standard output belongs to the result.
	w := a.out
	if a.json {
		w = a.err
	}
	summary, err := report.NewPlanReport(w, report.PlanOptions{Format: report.Table, Style: a.style(w)})
	if err != nil {
		return nil, err
	}
	planned := o.meter.phase("plan", a.now)
	p, err := a.makePlan(ctx, m, o.plan, out, summary)
	planned()
	if err != nil {
		return nil, err
	}
	if !a.json || !o.yes {
		if err := summary.Planned(p); err != nil {
			return nil, err
		}
	}
	if len(p.Tripped) > 0 {
		return nil, notApplied(p)
	}
	if !o.yes {
		if err := a.ask(ctx, "Apply this plan? Only \"yes\" is taken for yes: "); err != nil {
			return nil, err
		}
	}
	return a.applyFile(ctx, out.file, a.workerCount(m.Workers), o, h)
}

// errDeclined ends a run that nobody approved.
var errDeclined = errors.New("not approved; nothing was done")

func (a *app) ask(ctx context.Context, question string) error {
	fmt.Fprint(a.err, "\n", question)
	answer := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(a.in).ReadString('\n') // an end of input is no yes
		answer <- line
	}()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case line := <-answer:
		if strings.TrimSpace(strings.ToLower(line)) != "yes" {
			return errDeclined
		}
	}
	return nil
}

// applyFile carries out the plan in f and prints what became of it.
func (a *app) applyFile(ctx context.Context, f execute.PlanFile, workers int, o applyOptions, h *hookRun) (*execute.Result, error) {
	res, err := execute.Apply(ctx, f, execute.Options{
		Preamble: h.preamble(), Workers: workers, Strict: o.strict, ExpectSHA256: o.expectSHA256, LockWait: a.lockTimeout, Holder: a.holder(),
		NewID: newID, Now: a.now, Events: a.progress, Log: a.log, LogFileLevel: a.logLevel, Summary: report.ApplySummary,
		MaxDuration: o.maxDuration,
	})
	o.meter.result(res)
	if res != nil {
		if printErr := a.printApplied(h.complete(res)); err == nil {
			err = printErr
		}
	}
	if err == nil && res.Incomplete() {
		err = resultError(codeIncomplete)
	}
	return res, err
}

func (a *app) printApplied(res *execute.Result) error {
	a.progress.Close()
	if a.json {
		return report.ApplyJSON(a.out, res)
	}
	return report.Apply(a.out, a.style(a.out), res)
}
