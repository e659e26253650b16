package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"phlb/internal/report"
	"phlb/internal/scan"
	"phlb/internal/snapshot"
	"phlb/manifest"
)

// manifestOptions connect the manifest package with the environment.
func manifestOptions() manifest.Options {
	return manifest.Options{
		Getenv: os.LookupEnv, ResolveSymlinks: filepath.EvalSymlinks,
		Excluded: func(patterns []manifest.Pattern, rel string, isDir bool) bool {
			m, err := matcherOf(patterns)
			return err == nil && m.Decide(rel, isDir).Excluded
		},
	}
}

func matcherOf(patterns []manifest.Pattern) (*scan.Matcher, error) {
	list := make([]scan.Pattern, len(patterns))
	for i, p := range patterns {
		list[i].Text = p.Text
	}
	return scan.NewMatcher(list)
}

func loadManifest(path string) (*manifest.Manifest, error) {
	m, err := manifest.Load(path, manifestOptions())
	switch {
	case errors.Is(err, manifest.ErrDirectory):
		hint := "give the name of the manifest in it"
		if found := manifestsIn(path); len(found) > 0 {
			hint += ": " + strings.Join(found, ", ")
		}
		err = advise(usageError{err}, report.CodeManifestMissing, path, hint)
	case errors.Is(err, fs.ErrNotExist):
		err = advise(usagef("there is no manifest %s", path), report.CodeManifestMissing, path, "phlb init writes one to start from")
	}
	return m, err
}

// manifestsIn returns a directory's files with YAML's ending, a few at most.
func manifestsIn(dir string) []string {
	var found []string
	for _, ending := range manifestEndings() {
		// A directory that is no pattern has none.
		list, _ := filepath.Glob(filepath.Join(dir, "*."+ending))
		found = append(found, list...)
	}
	return found[:min(len(found), 3)]
}

// isManifest reports whether an argument that may be a manifest or something
// else is a manifest: a file with YAML's ending.
func isManifest(path string) bool {
	if !slices.Contains(manifestEndings(), extension(path)) {
		return false
	}
	info, err := os.Stat(path)
	return err != nil || !info.IsDir()
}

// extension returns a path's ending without the dot.
func extension(path string) string {
	ext := filepath.Ext(path)
	if ext == "" {
		return ""
	}
	return ext[1:]
}

// openRoot opens a backup root given by its path or by a manifest. What
// looks nothing like one is an error: a check of an empty mount point would
// find nothing wrong.
func openRoot(ctx context.Context, arg string) (*snapshot.Root, error) {
	root, _, err := openRootOf(ctx, arg)
	return root, err
}

// openRootOf also returns the manifest, nil where the root was given by its
// path.
func openRootOf(ctx context.Context, arg string) (root *snapshot.Root, m *manifest.Manifest, err error) {
	path := arg
	if isManifest(arg) {
		if m, err = loadManifest(arg); err != nil {
			return nil, nil, err
		}
		path = m.Destination
	}
	root, err = snapshot.Open(path)
	if err != nil {
		return nil, nil, notThere("the backup root", path, err)
	}
	if err := looksLikeRoot(ctx, root); err != nil {
		root.Close()
		return nil, nil, err
	}
	return root, m, nil
}

func looksLikeRoot(ctx context.Context, root *snapshot.Root) error {
	_, err := root.Dir().LstatAt(snapshot.PrivateDir)
	if err == nil {
		return knownFormat(root)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// With nested names the directory of one looks like a root of its own.
	if above := rootAbove(root.Path()); above != "" {
		return lower(root.Path(), above)
	}
	names, err := root.Names(ctx)
	if err == nil && len(names) == 0 {
		err = advise(fmt.Errorf("%s is no backup root: there is neither a snapshot nor a %s directory", root.Path(), snapshot.PrivateDir),
			report.CodeNoRoot, root.Path(), "is its disk mounted (findmnt)? else correct the path")
	}
	return err
}

// knownFormat refuses a root that a later phlb made: nothing that this one says
// of it would count. What cannot be read, or is damaged, harms no snapshot.
func knownFormat(root *snapshot.Root) error {
	if _, _, err := root.State(); errors.Is(err, snapshot.ErrFormat) {
		return err
	}
	return nil
}

// lower is the error of a path within a root that was given as the root.
func lower(path, root string) error {
	hint := "give the root: " + shellQuote(root)
	if place, err := snapshot.Locate(path); err == nil && place.Private {
		hint += "; `verify` and `repair` take one snapshot of it: --snapshot " + shellQuote(place.ID.String())
	}
	return advise(fmt.Errorf("%s is no backup root: it lies in that of %s", path, root), report.CodeNoRoot, path, hint)
}

// rootAbove returns the backup root that a path lies in; empty if there is none.
func rootAbove(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	for up := filepath.Dir(abs); up != abs; abs, up = up, filepath.Dir(up) {
		if info, err := os.Lstat(filepath.Join(up, snapshot.PrivateDir)); err == nil && info.IsDir() {
			return up
		}
	}
	return ""
}

// closedTo says that some of the root is closed to this user; empty: nothing is.
func closedTo(ctx context.Context, root *snapshot.Root) (string, error) {
	closed, err := root.Closed(ctx)
	if err != nil || len(closed) == 0 {
		return "", err
	}
	return fmt.Sprintf("%s is closed to this user (permission denied): run as one who may read it", strings.Join(closed, ", ")), nil
}

// warnClosed warns that a list of a root's snapshots may not be whole.
func (a *app) warnClosed(ctx context.Context, root *snapshot.Root) error {
	why, err := closedTo(ctx, root)
	if why != "" {
		a.log.Warn("snapshots may be missing", "root", root.Path(), "why", why)
	}
	return err
}

// directory makes sure that an argument is a directory that exists.
func directory(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return notThere("the directory", path, err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a directory", path)
	}
	return nil
}
