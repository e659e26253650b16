package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// Groups of commands, in the order in which help lists them.
const (
	groupMain    = "main"
	groupRoot    = "root"
	groupSimple  = "simple"
	groupSupport = "support"
)

func (a *app) newRootCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "phlb",
		Short: "Snapshot backups of plain files: planned, reviewed, applied, verified",
		Long: `phlb makes snapshot backups that are ordinary directory trees. Identical
content is stored once and hard-linked across all snapshots, sources and paths.

  phlb plan manifest.yaml    scan, decide, and write plan.json: it only reads
  phlb show plan.json        review it
  phlb apply plan.json       do exactly that
  phlb verify ROOT           prove the result`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
		RunE:                  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		DisableFlagsInUseLine: true,
		SilenceErrors:         true,
		SilenceUsage:          true,
		PersistentPreRunE:     func(*cobra.Command, []string) error { return a.prepare() },
	}
	c.SetFlagErrorFunc(flagError)
	// Cobra would list a command that has others twice.
	template := strings.Replace(c.UsageTemplate(), "{{if .Runnable}}", "{{if and .Runnable (not .HasAvailableSubCommands)}}", 1)
	template = strings.Replace(template, "Additional help topics:", "Topics (phlb help TOPIC):", 1)
	template = strings.Replace(template, "{{rpad .CommandPath .CommandPathPadding}} {{.Short}}", "{{rpad .Name .NamePadding}} {{.Short}}", 1)
	c.SetUsageTemplate(strings.ReplaceAll(template, "[command]", "COMMAND"))
	cobra.EnableCommandSorting = false // they stand in the order in which they are used
	a.commonFlags(c)
	versionFlag(c)
	a.addCommands(c)
	completeNumbers(c)
	return c
}

func (a *app) addCommands(c *cobra.Command) {
	add := func(id, title string, commands ...*cobra.Command) {
		c.AddGroup(&cobra.Group{ID: id, Title: title})
		for _, sub := range commands {
			sub.GroupID = id
			c.AddCommand(sub)
		}
	}
	add(groupMain, "With a manifest:",
		a.newInitCommand(), a.newValidateCommand(), a.newPlanCommand(), a.newShowCommand(),
		a.newReviewCommand(), a.newExplainCommand(), a.newApplyCommand())
	add(groupSimple, "Without a manifest:", a.newBackupCommand(), a.newCompareCommand())
	add(groupRoot, "On a backup root:",
		a.newVerifyCommand(), a.newRebuildCommand(), a.newRepairCommand(), a.newRestoreCommand(),
		a.newSnapshotsCommand(), a.newDiffCommand(), a.newHistoryCommand(), a.newPinCommand(), a.newUnpinCommand())
	add(groupSupport, "Support:",
		a.newDoctorCommand(), a.newBenchmarkCommand(), a.newSchemaCommand(), a.newVersionCommand(), a.newGenerateCommand())
	c.SetCompletionCommandGroupID(groupSupport)
	c.SetHelpCommand(withTopics(c, newHelpCommand()))
	c.InitDefaultCompletionCmd()
	for _, sub := range c.Commands() {
		if sub.Name() == "completion" {
			needShell(sub)
		}
		usageErrors(sub)
	}
}

// needShell makes naming no shell, or an unknown one, wrong usage of cobra's
// completion command.
func needShell(c *cobra.Command) {
	c.Use = "completion SHELL"
	c.Args = nil // what stands there is no shell: RunE tells
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			return noneOf(args[0], subcommands(cmd))
		}
		return usagef("completion for which shell? bash, zsh, fish or powershell")
	}
	c.Example = `  phlb completion bash > phlb.bash
  phlb completion fish > phlb.fish`
}

// newHelpCommand replaces cobra's, which takes an unknown command for no
// error.
func newHelpCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "help [COMMAND]",
		Short:             "Help about a command",
		GroupID:           groupSupport,
		ValidArgsFunction: completeHelp,
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(cmd.Root(), strings.Join(args, " "))
			}
			return found.Help()
		},
	}
}
