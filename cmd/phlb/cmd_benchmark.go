package main

import (
	"fmt"
	"io"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"phlb/internal/benchmark"
	"phlb/internal/report"
	"phlb/manifest"
)

func (a *app) newBenchmarkCommand() *cobra.Command {
	c := &cobra.Command{
		Use:     "benchmark hashes|scan PATH",
		Short:   "Measure hashing and scanning on your own files",
		Example: `  phlb benchmark scan /home/me`,
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usagef("benchmark what? phlb benchmark hashes PATH, or phlb benchmark scan PATH")
		},
		DisableFlagsInUseLine: true,
	}
	c.AddCommand(a.newBenchmarkHashesCommand(), a.newBenchmarkScanCommand())
	return c
}

// hashFlags are the flags of benchmark hashes.
type hashFlags struct {
	excludes         []string
	maxDuration      time.Duration
	minSize, maxSize string
}

func (a *app) newBenchmarkHashesCommand() *cobra.Command {
	var o hashFlags
	c := &cobra.Command{
		Use:     "hashes PATH",
		Short:   "Compare hash algorithms on the files below a path",
		Example: `  phlb benchmark hashes /home/me --max-duration 5s --min-file-size 0`,
		Long: `Reads files below PATH and hashes them with several algorithms, to see what
hashing costs beside reading here. A second run finds the files in memory and
reads faster. Nothing is written.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeDirectories(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runBenchmarkHashes(cmd, args[0], o)
		},
	}
	f := c.Flags()
	f.DurationVar(&o.maxDuration, "max-duration", benchmark.DefaultDuration, "stop after this time")
	f.StringVar(&o.minSize, "min-file-size", "15KiB", "leave out files below this `SIZE`")
	f.StringVar(&o.maxSize, "max-file-size", "100MiB", "leave out files above this `SIZE`")
	addExcludes(c, &o.excludes)
	completeNothing(c, "min-file-size", "max-file-size")
	a.jsonFlag(c)
	return c
}

func addExcludes(c *cobra.Command, excludes *[]string) {
	c.Flags().StringSliceVar(excludes, "excludes", manifest.BuiltinExcludes(),
		"patterns to leave out, separated by commas, in place of the defaults (repeatable)")
	completeNothing(c, "excludes")
}

func parseSize(flag, value string) (int64, error) {
	n, err := humanize.ParseBytes(value)
	if err != nil || n > 1<<62 {
		return 0, usagef("--%s %q: not a size such as 15KiB or 100MiB", flag, value)
	}
	return int64(n), nil
}

func (a *app) runBenchmarkHashes(cmd *cobra.Command, path string, o hashFlags) error {
	smallest, err := parseSize("min-file-size", o.minSize)
	if err != nil {
		return err
	}
	largest, err := parseSize("max-file-size", o.maxSize)
	if err != nil {
		return err
	}
	if err := directory(path); err != nil {
		return fmt.Errorf("benchmark hashes: %w", err)
	}
	r, err := benchmark.Hashes(cmd.Context(), path, benchmark.HashOptions{
		MaxDuration: o.maxDuration, Excludes: o.excludes, MinFileSize: smallest, MaxFileSize: largest,
		Now: a.now, Events: a.progress,
	})
	if err != nil {
		return err
	}
	return a.print(r, func(w io.Writer, s report.Style) error { return report.Hashes(w, s, r) })
}

func (a *app) newBenchmarkScanCommand() *cobra.Command {
	var excludes []string
	c := &cobra.Command{
		Use:   "scan PATH",
		Short: "Measure how fast a tree is scanned",
		Long: `Walks the tree below PATH as a plan does, without reading files, and tells how
long it took. Nothing is written.`,
		Example:           `  phlb benchmark scan /home/me`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeDirectories(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runBenchmarkScan(cmd, args[0], excludes)
		},
	}
	addExcludes(c, &excludes)
	a.jsonFlag(c)
	return c
}

func (a *app) runBenchmarkScan(cmd *cobra.Command, path string, excludes []string) error {
	if err := directory(path); err != nil {
		return fmt.Errorf("benchmark scan: %w", err)
	}
	r, err := benchmark.Scan(cmd.Context(), path, benchmark.ScanOptions{
		Excludes: excludes, Workers: a.workerCount(0), Now: a.now, Events: a.progress,
	})
	if err != nil {
		return err
	}
	return a.print(r, func(w io.Writer, s report.Style) error { return report.Scan(w, s, r) })
}
