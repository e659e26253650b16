package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"phlb/internal/report"
	"phlb/plan"
)

type showOptions struct {
	format           string
	filter           report.Filter
	entries          bool
	detailedExitCode bool
}

func showFormats() []string { return []string{string(report.Table), string(report.JSON)} }

func (a *app) newShowCommand() *cobra.Command {
	var o showOptions
	c := &cobra.Command{
		Use:   "show PLAN",
		Short: "Render a plan for review",
		Long: `Shows what a plan will do: a summary, and with --entries every file. The filters
--action, --change and --path select entries; an entry must pass all of them.

Exit codes: 0 done; 2 with --detailed-exitcode: the plan contains changes;
5 the plan is damaged, edited or of an unknown format.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile(planEndings()...),
		RunE: func(cmd *cobra.Command, args []string) error {
			if a.json && cmd.Flags().Changed("format") && o.format != string(report.JSON) {
				return usagef("--json and --format %s exclude each other", o.format)
			}
			return a.runShow(cmd.Context(), args[0], o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.format, "format", "table", "table or json")
	f.StringSliceVar(&o.filter.Actions, "action", nil, "only entries with this action: "+wordList(report.FilterActions())+" (repeatable)")
	f.StringSliceVar(&o.filter.Changes, "change", nil, "only entries with this change: "+wordList(report.FilterChanges())+" (repeatable)")
	f.StringVar(&o.filter.PathGlob, "path", "", "only entries whose path matches this pattern; ** crosses directories")
	f.BoolVar(&o.entries, "entries", false, "list the files")
	f.BoolVar(&o.detailedExitCode, "detailed-exitcode", false, "end with 2 if the plan contains changes")
	a.jsonFlag(c)
	completeWords(c, "format", showFormats()...)
	completeWords(c, "action", report.FilterActions()...)
	completeWords(c, "change", report.FilterChanges()...)
	return c
}

func wordList(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// planReport makes the view that the flags ask for.
func (a *app) planReport(o showOptions) (*report.PlanReport, error) {
	if a.json {
		o.format = string(report.JSON)
	}
	if !slices.Contains(showFormats(), o.format) {
		return nil, usagef("--format %q: choose %s", o.format, wordList(showFormats()))
	}
	po := report.PlanOptions{Format: report.Format(o.format), Style: a.style(a.out), Filter: o.filter}
	if o.entries {
		po.Listing = report.WithEntries
	}
	r, err := report.NewPlanReport(a.out, po)
	if err != nil {
		return nil, usageError{err}
	}
	return r, nil
}

func (a *app) runShow(ctx context.Context, path string, o showOptions) error {
	r, err := a.planReport(o)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("read plan: %w", err)
	}
	defer f.Close()
	if o.entries {
		// Entries are shown as they are read, the digest stands at the end:
		// nothing of a damaged plan is to be mistaken for a plan.
		if err := checkPlan(ctx, f); err != nil {
			return fmt.Errorf("show %s: %w", path, err)
		}
	}
	info, err := plan.Read(ctx, f, r.Visitor())
	if err != nil {
		return fmt.Errorf("show %s: %w", path, err)
	}
	if err := r.Finish(info); err != nil {
		return err
	}
	if o.detailedExitCode && r.HasChanges() {
		return resultError(codeDifferent)
	}
	return nil
}

// checkPlan reads a plan to its end and goes back to its beginning. What can
// be read only once, such as a pipe, is not checked ahead.
func checkPlan(ctx context.Context, f io.ReadSeeker) error {
	start, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return nil //nolint:nilerr // not seekable
	}
	if _, err := plan.Read(ctx, f, plan.Visitor{}); err != nil {
		return err
	}
	_, err = f.Seek(start, io.SeekStart)
	return err
}
