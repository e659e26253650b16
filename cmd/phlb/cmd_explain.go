package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"phlb/internal/event"
	"phlb/internal/report"
	"phlb/internal/snapshot"
	"phlb/manifest"
	"phlb/plan"
)

type explainOptions struct {
	sources []string
	output  string
}

func (a *app) newExplainCommand() *cobra.Command {
	var o explainOptions
	c := &cobra.Command{
		Use:   "explain MANIFEST PATH",
		Short: "Which rule decides about a path, and what a plan would do with it",
		Example: `  phlb explain manifest.yaml /home/me/docs/letter.txt
  phlb explain manifest.yaml .venv/`,
		Long: `Tells for one path, and for the directories above it, which rule includes or
excludes it and where in the manifest that stands, and what a plan would do with
it and why. PATH is absolute, or relative to the source. Whether it exists or
not, the patterns decide; a name with a slash at its end is a directory's.

Only this path is looked at, not the whole source, and nothing is written.

Exit codes: 0 done; 1 the path lies in no source; 64 invalid manifest.`,
		Args: cobra.ExactArgs(2),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
			if len(args) == 1 {
				return nil, cobra.ShellCompDirectiveDefault
			}
			return completeFile(manifestEndings()...)(cmd, args, toComplete)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runExplain(cmd.Context(), args[0], args[1], o)
		},
	}
	f := c.Flags()
	f.StringArrayVar(&o.sources, "source", nil, "only in the source of this `NAME` (repeatable)")
	f.StringVarP(&o.output, "output", "o", "plan.json", "the `FILE` that phlb plan would write, which it leaves out")
	completeFlag(c, "source", completeSources)
	completeFileFlag(c, "output", planEndings()...)
	a.jsonFlag(c)
	return c
}

func (a *app) runExplain(ctx context.Context, path, asked string, o explainOptions) error {
	m, err := a.usableManifest(path, planOptions{sources: o.sources})
	if err != nil {
		return err
	}
	questions, err := a.questions(m, path, asked, o)
	if err != nil {
		return err
	}
	e := &report.Explained{Manifest: m.Path, Asked: asked, Below: !filepath.IsAbs(asked)}
	root, err := openDestination(m)
	if err != nil {
		e.NoRoot = err.Error()
	}
	if root != nil {
		defer root.Close()
	}
	for _, q := range questions {
		x, err := a.explain(ctx, m, root, q)
		if err != nil {
			return err
		}
		e.Sources = append(e.Sources, x)
		e.Output = e.Output || sameFile(filepath.Join(x.Source.Path, x.Path), o.output)
	}
	if a.json {
		return report.ExplainJSON(a.out, e)
	}
	return a.print(nil, func(w io.Writer, s report.Style) error { return report.Explain(w, s, e) })
}

func (a *app) explain(ctx context.Context, m *manifest.Manifest, root *snapshot.Root, q plan.Question) (*plan.Explanation, error) {
	return plan.Explain(ctx, m, root, plan.Options{
		Now: a.now(), NewID: newID, Version: version(), Workers: 1, UID: os.Geteuid(), GID: os.Getegid(), Events: event.Discard,
	}, q)
}

// sameFile reports whether a plan would be written to the file at path.
func sameFile(path, output string) bool {
	there, err := os.Lstat(path)
	if err != nil {
		abs, err := filepath.Abs(output)
		return err == nil && abs == path
	}
	info, err := os.Stat(output)
	return err == nil && os.SameFile(there, info)
}

// questions finds out which paths of which sources are meant.
func (a *app) questions(m *manifest.Manifest, path, asked string, o explainOptions) ([]plan.Question, error) {
	if asked == "" {
		return nil, usagef("the path is empty")
	}
	var sources []*manifest.Source
	for i := range m.Sources {
		if s := &m.Sources[i]; len(o.sources) == 0 || slices.Contains(o.sources, s.Name) {
			sources = append(sources, s)
		}
	}
	dir := strings.HasSuffix(asked, string(filepath.Separator))
	found := absoluteIn(sources, asked)
	if !filepath.IsAbs(asked) {
		found = relativeIn(sources, asked)
	}
	if len(found) == 0 {
		return nil, advise(fmt.Errorf("%s lies in no source of %s", asked, path), report.CodePathMissing, asked,
			"the sources are "+sourcePlaces(sources))
	}
	for i := range found {
		found[i].Directory = dir
	}
	return found, nil
}

func sourcePlaces(sources []*manifest.Source) string {
	var places []string
	for _, s := range sources {
		places = append(places, s.Name+" ("+s.Path+")")
	}
	return strings.Join(places, ", ")
}

// relativeIn returns where a relative path exists: in sources, else seen from
// the current directory, else nowhere yet, so that any source may be meant.
func relativeIn(sources []*manifest.Source, path string) []plan.Question {
	var there, all []plan.Question
	if !filepath.IsLocal(path) {
		return absoluteHere(sources, path)
	}
	for _, s := range sources {
		q := question(s, path)
		all = append(all, q)
		if _, err := os.Lstat(filepath.Join(s.Path, path)); err == nil {
			there = append(there, q)
		}
	}
	if len(there) > 0 {
		return there
	}
	if _, err := os.Lstat(path); err == nil {
		if here := absoluteHere(sources, path); len(here) > 0 {
			return here
		}
	}
	return all
}

func absoluteHere(sources []*manifest.Source, path string) []plan.Question {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil
	}
	return absoluteIn(sources, abs)
}

// absoluteIn returns the sources that an absolute path lies in, as it is
// written, else as it is without symbolic links.
func absoluteIn(sources []*manifest.Source, path string) []plan.Question {
	var found []plan.Question
	for _, s := range sources {
		if rel, err := filepath.Rel(s.Path, path); err == nil && filepath.IsLocal(rel) {
			found = append(found, question(s, rel))
		}
	}
	if len(found) > 0 {
		return found
	}
	real, err := realPath(path)
	if err != nil {
		return nil
	}
	for _, s := range sources {
		base, err := filepath.EvalSymlinks(s.Path)
		if err != nil {
			continue
		}
		if rel, err := filepath.Rel(base, real); err == nil && filepath.IsLocal(rel) {
			found = append(found, question(s, rel))
		}
	}
	return found
}

// realPath resolves the links in a path but for its last element, as far as it
// exists.
func realPath(path string) (string, error) {
	dir, name := filepath.Split(filepath.Clean(path))
	if dir == "" || name == "" {
		return "", errors.New("no directory")
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil && filepath.Clean(dir) != path {
		if real, err = realPath(filepath.Clean(dir)); err != nil {
			return "", err
		}
	}
	return filepath.Join(real, name), err
}

func question(s *manifest.Source, rel string) plan.Question {
	return plan.Question{Source: s.Name, Path: filepath.ToSlash(filepath.Clean(rel))}
}
