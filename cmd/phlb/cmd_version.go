package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"phlb/internal/report"
)

// release is set by the linker for releases.
var release string //nolint:gochecknoglobals // the linker can set nothing else

// version is the release, else what the Go toolchain recorded.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// build is what this program was built from, and for.
type build struct {
	Version string `json:"version"`
	Go      string `json:"go"`
	OS      string `json:"os"`
	Arch    string `json:"arch"`
}

func (a *app) newVersionCommand() *cobra.Command {
	c := &cobra.Command{
		Use:               "version",
		Short:             "Print the version",
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		Example: `  phlb version
  phlb version --json`,
		RunE: func(*cobra.Command, []string) error {
			b := build{version(), runtime.Version(), runtime.GOOS, runtime.GOARCH}
			if a.json {
				return report.WriteJSON(a.out, b)
			}
			_, err := fmt.Fprintf(a.out, "phlb %s %s %s/%s\n", b.Version, b.Go, b.OS, b.Arch)
			return err
		},
	}
	a.jsonFlag(c)
	return c
}
