package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
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
	maxBytes         int
	detailedExitCode bool
}

func showFormats() []string {
	return []string{string(report.Table), string(report.JSON), string(report.Markdown), string(report.HTML)}
}

func (a *app) newShowCommand() *cobra.Command {
	var o showOptions
	c := &cobra.Command{
		Use:   "show PLAN|REPORT",
		Short: "Render a plan for review, or a report after a run",
		Example: `  phlb show plan.json
  phlb show plan.json --entries --action copy --path 'docs/**'
  phlb show plan.json --format markdown > comment.md
  phlb show plan.json --format html > review.html
  phlb show /mnt/backup/home/2026-11-27-180000-report.json`,
		Long: `Shows what a plan will do: a summary, and with --entries every file. The filters
--action, --change and --path select entries; an entry must pass all of them.

A report (…-report.json beside a snapshot, or what apply --json printed) is
shown in the same formats; it has no entries to select from.

  table     for the terminal
  json      for programs
  markdown  for a comment on a pull request: at most --max-bytes long
  html      one page that needs nothing else, with all entries to search in

Exit codes: 0 done; 2 with --detailed-exitcode: the plan contains changes;
5 the plan is damaged, edited or of an unknown format.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile(planEndings()...),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := a.checkShow(cmd, &o); err != nil {
				return err
			}
			return a.runShow(cmd.Context(), args[0], o)
		},
	}
	f := c.Flags()
	f.StringVar(&o.format, "format", "table", wordList(showFormats()))
	f.StringSliceVar(&o.filter.Actions, "action", nil, "only entries with this `ACTION`: "+wordList(report.FilterActions())+" (repeatable)")
	f.StringSliceVar(&o.filter.Changes, "change", nil, "only entries with this `CHANGE`: "+wordList(report.FilterChanges())+" (repeatable)")
	f.StringVar(&o.filter.PathGlob, "path", "", "only entries whose path matches this `PATTERN`; ** crosses directories")
	f.BoolVar(&o.entries, "entries", false, "list the files (html always does)")
	f.IntVar(&o.maxBytes, "max-bytes", report.DefaultMarkdownBytes, "with --format markdown: the most `BYTES` to write")
	f.BoolVar(&o.detailedExitCode, "detailed-exitcode", false, "end with 2 if the plan contains changes")
	a.jsonFlag(c)
	completeWords(c, "format", showFormats()...)
	completeWords(c, "action", report.FilterActions()...)
	completeWords(c, "change", report.FilterChanges()...)
	completeNothing(c, "path")
	return c
}

func wordList(words []string) string {
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// checkShow refuses flags that do not go together and settles the format.
func (a *app) checkShow(cmd *cobra.Command, o *showOptions) error {
	changed := cmd.Flags().Changed
	if a.json {
		if changed("format") && o.format != string(report.JSON) {
			return usagef("--json and --format %s exclude each other", o.format)
		}
		o.format = string(report.JSON)
	}
	a.json = o.format == string(report.JSON)
	switch {
	case !slices.Contains(showFormats(), o.format):
		return usagef("--format %q: choose %s%s", o.format, wordList(showFormats()), didYouMean(o.format, showFormats()))
	case !changed("max-bytes"):
	case o.format != string(report.Markdown):
		return usagef("--max-bytes is for --format markdown")
	case o.maxBytes < report.MinMarkdownBytes || o.maxBytes > report.MaxMarkdownBytes:
		return usagef("--max-bytes %d: from %d to %d", o.maxBytes, report.MinMarkdownBytes, report.MaxMarkdownBytes)
	}
	return nil
}

// planReport makes the view that the flags ask for. Reread reads the plan a
// second time.
func (a *app) planReport(o showOptions, reread func(plan.Visitor) error) (*report.PlanReport, error) {
	po := report.PlanOptions{
		Format: report.Format(o.format), Style: a.style(a.out), Filter: o.filter, MaxBytes: o.maxBytes, Reread: reread,
	}
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
	f, err := openFile(path)
	if err != nil {
		return err
	}
	defer f.Close()
	in, err := rereadable(f)
	if err != nil {
		return fmt.Errorf("show %s: %w", path, err)
	}
	defer in.discard()
	applied, err := isApplied(in)
	if err != nil {
		return fmt.Errorf("show %s: %w", path, err)
	}
	if applied {
		return a.showApplied(in, path, o)
	}
	return manifestForPlan(a.showPlan(ctx, in, path, o), path)
}

// manifestForPlan completes the error of a file that is no plan and has a
// manifest's name.
func manifestForPlan(err error, path string) error {
	if err == nil || !isManifest(path) || !errors.Is(err, plan.ErrFormat) {
		return err
	}
	return advise(err, report.CodePlanNone, path, "by its name it is a manifest: phlb plan "+shellQuote(path)+" writes the plan to look at")
}

func (a *app) showPlan(ctx context.Context, in *planInput, path string, o showOptions) error {
	r, err := a.planReport(o, func(v plan.Visitor) error {
		_, _, err := in.read(ctx, v)
		return err
	})
	if err != nil {
		return err
	}
	if o.entries && o.format != string(report.HTML) {
		// Entries are shown as they are read, the digest stands at the end:
		// nothing of a damaged plan is to be mistaken for a plan.
		if _, _, err := in.read(ctx, plan.Visitor{}); err != nil {
			return fmt.Errorf("show %s: %w", path, err)
		}
	}
	info, sum, err := in.read(ctx, r.Visitor())
	if err != nil {
		return fmt.Errorf("show %s: %w", path, err)
	}
	r.File(path, sum)
	if err := r.Finish(info); err != nil {
		return err
	}
	if o.detailedExitCode && r.HasChanges() {
		return resultError(codeDifferent)
	}
	return nil
}

// showApplied shows a report.
func (a *app) showApplied(in *planInput, path string, o showOptions) error {
	if o.entries || !o.filter.Empty() || o.detailedExitCode {
		return usagef("%s is a report: --entries, --action, --change, --path and --detailed-exitcode are for plans", path)
	}
	result, err := report.ReadApplied(in.file)
	if err != nil {
		return fmt.Errorf("show %s: %w", path, err)
	}
	return result.Write(a.out, report.Format(o.format), a.style(a.out), o.maxBytes)
}

// planInput is a file that can be read more than once.
type planInput struct {
	file  *os.File
	start int64
	temp  bool
}

// rereadable returns f as one, from where it stands. What can be read only
// once, such as a pipe, is kept in a temporary file.
func rereadable(f *os.File) (*planInput, error) {
	if start, err := f.Seek(0, io.SeekCurrent); err == nil {
		return &planInput{file: f, start: start}, nil
	}
	t, err := os.CreateTemp("", "phlb-show-*")
	if err != nil {
		return nil, noTemporary(err)
	}
	in := &planInput{file: t, temp: true}
	if _, err := io.Copy(t, f); err != nil {
		in.discard()
		return nil, noTemporary(err)
	}
	return in, in.rewind()
}

func (in *planInput) rewind() error {
	_, err := in.file.Seek(in.start, io.SeekStart)
	return err
}

// discard removes the temporary file, if there is one.
func (in *planInput) discard() {
	if in.temp {
		in.file.Close()
		_ = os.Remove(in.file.Name()) // a leftover in the temporary directory
	}
}

// read reads the plan from its beginning, and returns the SHA-256 of all its
// bytes.
func (in *planInput) read(ctx context.Context, v plan.Visitor) (*plan.Info, string, error) {
	if err := in.rewind(); err != nil {
		return nil, "", err
	}
	hash := sha256.New()
	tee := io.TeeReader(in.file, hash)
	info, err := plan.Read(ctx, tee, v)
	if err == nil {
		_, err = io.Copy(io.Discard, tee)
	}
	return info, hex.EncodeToString(hash.Sum(nil)), err
}

// isApplied looks at the beginning of a file and goes back there.
func isApplied(in *planInput) (bool, error) {
	head := make([]byte, 4096)
	n, err := io.ReadFull(in.file, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, err
	}
	return report.IsApplied(bytes.TrimSpace(head[:n])), in.rewind()
}
