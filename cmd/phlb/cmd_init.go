package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"phlb/internal/report"
	"phlb/manifest"
)

const manifestName = "manifest.yaml"

func (a *app) newInitCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "init [DIR]",
		Short:   "Write a commented starter manifest",
		Example: `  phlb init`,
		Long: `Writes manifest.yaml into DIR (default: the current directory). An existing file
is never touched.`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: completeDirectories(1),
		RunE: func(_ *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			return a.runInit(dir)
		},
	}
}

func (a *app) runInit(dir string) error {
	path := filepath.Join(dir, manifestName)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write starter manifest: %s exists already; edit it, or remove it first", path)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return advise(fmt.Errorf("write starter manifest: there is no directory %s", dir), report.CodePathMissing, dir, "make it first: mkdir -p "+shellQuote(dir))
	}
	if err != nil {
		return fmt.Errorf("write starter manifest: %w", err)
	}
	_, err = f.Write(manifest.Starter())
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write starter manifest: %w", errors.Join(err, os.Remove(path)))
	}
	fmt.Fprintf(a.out, "wrote %s\nedit it, then: phlb validate %s && phlb plan %s\n", path, path, path)
	return nil
}
