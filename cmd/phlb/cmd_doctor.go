package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"phlb/internal/doctor"
	"phlb/internal/report"
)

func (a *app) newDoctorCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "doctor PATH",
		Short:   "What the file system at a path can do",
		Example: `  phlb doctor /mnt/backup`,
		Long: `Tries what matters for backups on the file system that holds PATH: hard links
and their limit, reflinks, extended attributes, time resolution, case folding,
names, free space and inodes. It works in a directory of its own inside PATH,
which it removes; where PATH is not writable it tells what can be read.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeDirectories(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := doctor.Probe(cmd.Context(), args[0], doctor.Options{})
			if err != nil {
				return notThere("the directory", args[0], fmt.Errorf("examine %s: %w", args[0], err))
			}
			return a.print(r, func(w io.Writer, s report.Style) error { return report.Doctor(w, s, r) })
		},
	}
	a.jsonFlag(c)
	return c
}
