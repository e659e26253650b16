package main

import (
	"github.com/spf13/cobra"

	"phlb/execute"
	"phlb/internal/report"
	"phlb/manifest"
	"phlb/plan"
)

// schemas are the JSON Schemas that are published, here and under docs/schema.
func schemas() map[string]func() []byte {
	return map[string]func() []byte{
		"manifest": manifest.Schema, "plan": plan.Schema, "report": execute.Schema, "progress": report.ProgressSchema,
	}
}

func (a *app) newSchemaCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "schema manifest|plan|report|progress",
		Short:   "Print a JSON Schema",
		Example: `  phlb schema manifest > manifest.schema.json`,
		Long: `Prints the JSON Schema (draft 2020-12) of a manifest, of a plan, of the report
that apply leaves beside each snapshot (<time>-report.json), or of a line that
--progress json writes.`,
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"manifest", "plan", "report", "progress"},
		RunE: func(_ *cobra.Command, args []string) error {
			_, err := a.out.Write(schemas()[args[0]]())
			return err
		},
	}
}
