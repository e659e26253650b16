package main

import (
	"github.com/spf13/cobra"

	"phlb/manifest"
)

// sourceFlags are PHLB's flags of the commands that take a source directory.
type sourceFlags struct {
	name               string
	excludes           []string
	oneFileSystem      bool
	crossesFileSystems bool
}

func (o *sourceFlags) add(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&o.name, "name", "", "`NAME` below the destination (default: the source's last path element)")
	f.StringArrayVar(&o.excludes, "excludes", nil, "directory `NAMES` to leave out, separated by commas, in place of the defaults (repeatable)")
	f.BoolVar(&o.oneFileSystem, "one-file-system", true, "stay on the source's file system")
	f.BoolVar(&o.crossesFileSystems, "no-one-file-system", false, "enter mounted file systems, too")
	completeFlag(c, "name", completeDestinationNames)
	completeNothing(c, "excludes")
}

// manifest makes a manifest of one source out of the flags.
func (o *sourceFlags) manifest(c *cobra.Command, source, destination string) (*manifest.Manifest, error) {
	if c.Flags().Changed("one-file-system") && o.oneFileSystem && o.crossesFileSystems {
		return nil, usagef("--one-file-system and --no-one-file-system exclude each other")
	}
	so := manifest.SingleOptions{Name: o.name, OneFileSystem: o.oneFileSystem && !o.crossesFileSystems}
	if c.Flags().Changed("excludes") {
		so.Excludes = append([]string{}, o.excludes...) // not nil: an empty list excludes nothing
	}
	return manifest.Single(source, destination, so, manifestOptions())
}

func (a *app) newBackupCommand() *cobra.Command {
	var so sourceFlags
	var metrics string
	c := &cobra.Command{
		Use:     "backup SOURCE DESTINATION",
		Short:   "Back up one directory: plan and apply in one go",
		Example: `  phlb backup /home/me /mnt/backup --name home`,
		Long: `PyHardLinkBackup's command: makes a snapshot of SOURCE below DESTINATION, which
must exist, without manifest, question or saved plan.

Exit codes: 0 done; 3 done, but some files could not be read, vanished or
changed meanwhile; 4 a guard tripped; 11 another run holds the root's lock.`,
		Args:              cobra.ExactArgs(2),
		ValidArgsFunction: completeDirectories(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.measured(cmd.Context(), "backup", metrics, func(meter *meter) error {
				m, err := so.manifest(cmd, args[0], args[1])
				if err != nil {
					return err
				}
				meter.manifest(m, nil)
				return a.planAndApply(cmd.Context(), m, applyOptions{yes: true, meter: meter})
			})
		},
	}
	so.add(c)
	metricsFlag(c, &metrics)
	a.jsonFlag(c)
	return c
}
