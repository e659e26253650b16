package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// newGenerateCommand makes the command for those who make packages. It is
// hidden: nobody who backs up needs it.
func (a *app) newGenerateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:    "generate man DIR",
		Short:  "Write what packages contain",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return usagef("generate what? phlb generate man DIR")
		},
		DisableFlagsInUseLine: true,
	}
	c.AddCommand(&cobra.Command{
		Use:   "man DIR",
		Short: "Write the man pages into a directory",
		Long: `Writes the man pages into DIR, which is made if it is missing: phlb.1, one page
for each command, and phlb-manifest.5. They carry the date of the commit that
phlb was built from, or that of SOURCE_DATE_EPOCH (seconds since 1970), so that
the same source always makes the same pages.`,
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: completeDirectories(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runGenerateMan(cmd.Root(), args[0])
		},
	})
	return c
}

func (a *app) runGenerateMan(root *cobra.Command, dir string) error {
	b := thisBuild()
	date, err := pageDate(b.CommitDate)
	if err != nil {
		return err
	}
	m := &manual{source: "phlb " + b.Version, date: date}
	pages, err := m.pages(root)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write man pages: %w", err)
	}
	for i := range pages {
		if err := writePage(filepath.Join(dir, pages[i].File()), pages[i].Bytes()); err != nil {
			return fmt.Errorf("write man pages: %w", err)
		}
	}
	fmt.Fprintf(a.out, "wrote %s into %s\n", plural(len(pages), "man page"), dir)
	return nil
}

func writePage(path string, text []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// pageDate is the date that pages carry; zero: none, as nothing tells one.
func pageDate(commitDate string) (time.Time, error) {
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return time.Time{}, usagef("SOURCE_DATE_EPOCH=%s: not a number of seconds since 1970", epoch)
		}
		return time.Unix(seconds, 0), nil
	}
	if commitDate == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339, commitDate)
}
