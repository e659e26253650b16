package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/spf13/cobra"

	"phlb/internal/report"
)

// release is set by the linker for releases: the version, the commit, the
// commit's date (RFC 3339) and "dirty" if the tree had changes of its own,
// with spaces between. What is missing at its end is not known.
var release string //nolint:gochecknoglobals // the linker can set nothing else

// The format of what "version --json" prints.
const (
	versionFormat        = "phlb-version"
	versionFormatVersion = "1.0"
)

// build is what this program was built from, and for.
type build struct {
	Format        string `json:"format"`
	FormatVersion string `json:"format_version"`
	Version       string `json:"version"`
	Commit        string `json:"commit"`      // empty: not known
	CommitDate    string `json:"commit_date"` // RFC 3339, UTC; empty: not known
	Dirty         bool   `json:"dirty"`       // the tree had changes that are not in the commit
	Go            string `json:"go"`
	OS            string `json:"os"`
	Arch          string `json:"arch"`
}

// version is the release, else what the Go toolchain recorded.
func version() string { return thisBuild().Version }

// thisBuild tells what this program was built from: what the release says of
// itself, else what the Go toolchain recorded.
func thisBuild() build {
	b := build{Version: "(devel)"}
	if info, ok := debug.ReadBuildInfo(); ok {
		b.recorded(info)
	}
	b.released(release)
	b.Format, b.FormatVersion = versionFormat, versionFormatVersion
	b.Go, b.OS, b.Arch = runtime.Version(), runtime.GOOS, runtime.GOARCH
	return b
}

// recorded takes over what the Go toolchain recorded.
func (b *build) recorded(info *debug.BuildInfo) {
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.CommitDate = s.Value
		case "vcs.modified":
			b.Dirty = s.Value == "true"
		}
	}
}

// released takes over what the linker was told, which is written as release.
func (b *build) released(stamp string) {
	fields := strings.Fields(stamp)
	if len(fields) == 0 {
		return
	}
	fields = append(fields, "", "", "")
	b.Version, b.Commit, b.CommitDate, b.Dirty = fields[0], fields[1], fields[2], fields[3] == "dirty"
}

// line is a build in one line, for people.
func (b *build) line() string {
	return fmt.Sprintf("phlb %s %s %s/%s\n", b.Version, b.Go, b.OS, b.Arch)
}

func (a *app) newVersionCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long: `Prints the version and what phlb was built with and for; with --json, also the
commit, its date, and whether the tree had changes of its own. "phlb --version"
does the same without --json.`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		Example: `  phlb version
  phlb version --json`,
		RunE: func(*cobra.Command, []string) error {
			b := thisBuild()
			if a.json {
				return report.WriteJSON(a.out, b)
			}
			_, err := fmt.Fprint(a.out, b.line())
			return err
		},
	}
	a.jsonFlag(c)
	return c
}

// versionFlag adds --version to the root command.
func versionFlag(c *cobra.Command) {
	b := thisBuild()
	c.Version = b.Version
	c.SetVersionTemplate(b.line())
	c.Flags().Bool("version", false, "print the version") // cobra's own takes -v, too
}
