package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"phlb/internal/report"
	"phlb/internal/review"
	"phlb/plan"
)

func (a *app) newReviewCommand() *cobra.Command {
	var o applyOptions
	c := &cobra.Command{
		Use:     "review PLAN",
		Short:   "Look through a plan on the whole screen, then apply it or quit",
		Example: `  phlb review plan.json`,
		Long: `Shows a plan as a tree with sizes, filters, search, and the reason for every
entry. It ends with q (nothing is done) or with a, which asks and then carries
out exactly the plan that was looked at. It needs a terminal; ? tells the keys.

Exit codes: 0 quit, or applied; else those of apply; 130 after Ctrl-C.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile(planEndings()...),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runReview(cmd.Context(), args[0], o)
		},
	}
	c.Flags().BoolVar(&o.strict, "strict", false, "when applying: any drift from the plan aborts before the snapshot is published")
	return c
}

func (a *app) runReview(ctx context.Context, path string, o applyOptions) error {
	if !term.IsTerminal(int(a.in.Fd())) || !isTerminal(a.out) {
		return usagef("review needs a terminal: use phlb show, and phlb apply")
	}
	f, err := openFile(path)
	if err != nil {
		return err
	}
	defer f.Close()
	tree := review.NewTree()
	options, err := a.readForReview(ctx, f, tree)
	if err != nil {
		return manifestForPlan(fmt.Errorf("review %s: %w", path, err), path)
	}
	sum := options.sha256
	choice, err := review.Run(ctx, a.in, fileOf(a.out), tree, options.Options)
	if err != nil {
		if errors.Is(err, context.Canceled) {
			return resultError(codeInterrupted)
		}
		return err
	}
	if choice != review.Apply {
		a.say("quit; nothing was done")
		return nil
	}
	o.expectSHA256 = sum // the plan that was looked at, whatever the file holds now
	_, err = a.applyFile(ctx, f, a.workerCount(0), o, nil)
	return err
}

// reviewed are the options of a review, and which file it is of.
type reviewed struct {
	review.Options
	sha256 string
}

// readForReview reads the plan into the tree, and finds out what deserves a
// look.
func (a *app) readForReview(ctx context.Context, f *os.File, tree *review.Tree) (*reviewed, error) {
	r, err := report.NewPlanReport(io.Discard, report.PlanOptions{Format: report.Table})
	if err != nil {
		return nil, err
	}
	in := &planInput{file: f}
	_, sum, err := in.read(ctx, both(r.Visitor(), tree.Visitor()))
	if err != nil {
		return nil, err
	}
	o := &reviewed{sha256: sum, Options: review.Options{Words: a.words(), Question: "Apply this plan?"}}
	s := r.Summary()
	o.Refused = s.Refused()
	for i := range s.Sources {
		for _, alarm := range s.Sources[i].Alarms {
			o.Alarms = append(o.Alarms, report.Name(s.Sources[i].Name)+": "+alarm.Message)
		}
	}
	return o, nil
}

// words are how a review shows names and numbers.
func (a *app) words() review.Words {
	codes := map[review.Paint]string{review.Selected: "7"}
	if a.colors(a.out) == report.ANSIColors {
		codes = map[review.Paint]string{
			review.Strong: "1", review.Good: "32", review.Warning: "33", review.Bad: "31", review.Selected: "7", review.Faint: "2",
		}
	}
	return review.Words{
		Name: report.Name, Text: report.Text, Bytes: report.Bytes, Count: report.Count, Fit: report.Fit, Pad: report.Pad,
		Paint: func(p review.Paint, s string) string {
			if code := codes[p]; code != "" && s != "" {
				return "\x1b[" + code + "m" + s + "\x1b[0m"
			}
			return s
		},
	}
}

// both visits with first and then with second, which has all callbacks, too.
func both(first, second plan.Visitor) plan.Visitor {
	return plan.Visitor{
		Header:    pair(first.Header, second.Header),
		Source:    pair(first.Source, second.Source),
		Entry:     pair(first.Entry, second.Entry),
		Deleted:   pair(first.Deleted, second.Deleted),
		EndSource: pair(first.EndSource, second.EndSource),
		Keep:      pair(first.Keep, second.Keep),
		Prune:     pair(first.Prune, second.Prune),
	}
}

func pair[T any](first, second func(T) error) func(T) error {
	return func(x T) error {
		if err := first(x); err != nil {
			return err
		}
		return second(x)
	}
}
