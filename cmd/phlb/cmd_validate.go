package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"phlb/internal/report"
	"phlb/manifest"
)

func (a *app) newValidateCommand() *cobra.Command {
	var show bool
	c := &cobra.Command{
		Use:   "validate MANIFEST",
		Short: "Check a manifest and touch nothing else",
		Example: `  phlb validate manifest.yaml
  phlb validate manifest.yaml --show`,
		Long: `Checks a manifest and shows all that is wrong with it at once, each with file,
line and column. With --show, prints it with all defaults filled in.

Exit codes: 0 it is valid; 64 it is not.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeFile(manifestEndings()...),
		RunE: func(_ *cobra.Command, args []string) error {
			if show && a.json {
				return usagef("--show and --json exclude each other: a manifest is YAML")
			}
			return a.runValidate(args[0], show)
		},
	}
	c.Flags().BoolVar(&show, "show", false, "print it with all defaults filled in")
	a.jsonFlag(c)
	return c
}

func (a *app) runValidate(path string, show bool) error {
	m, err := loadManifest(path)
	if a.json {
		return a.validity(err)
	}
	if err != nil {
		return err
	}
	if !show {
		fmt.Fprintf(a.out, "%s is valid: %s\n", path, plural(len(m.Sources), "source"))
		return nil
	}
	text, err := m.YAML()
	if err != nil {
		return fmt.Errorf("show %s: %w", path, err)
	}
	_, err = a.out.Write(text)
	return err
}

// validity prints what loading a manifest came to as JSON.
func (a *app) validity(err error) error {
	var problems manifest.Problems
	if err != nil && !errors.As(err, &problems) {
		return err
	}
	if err := report.ProblemsJSON(a.out, problems); err != nil {
		return err
	}
	if len(problems) > 0 {
		return resultError(codeUsage)
	}
	return nil
}
