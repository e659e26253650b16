package main

import (
	"github.com/spf13/cobra"

	"phlb/manifest"
	"phlb/plan"
)

func (a *app) newSchemaCommand() *cobra.Command {
	schemas := map[string]func() []byte{"manifest": manifest.Schema, "plan": plan.Schema}
	return &cobra.Command{
		Use:       "schema manifest|plan",
		Short:     "Print a JSON Schema",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"manifest", "plan"},
		RunE: func(_ *cobra.Command, args []string) error {
			_, err := a.out.Write(schemas[args[0]]())
			return err
		},
	}
}
