package manifest

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"
	"unicode/utf8"
)

// SingleOptions are the settings of a backup without a manifest file.
type SingleOptions struct {
	// Name of the source; empty: the last element of its path.
	Name string
	// Excludes are names of directories, excluded at any depth; a value may
	// hold several, separated by commas. They are names, not patterns: * is an
	// asterisk. Nil: PHLB's defaults; otherwise they take the defaults' place.
	Excludes []string
	// OneFileSystem keeps the scan on the source's file system.
	OneFileSystem bool
}

// Single returns the manifest of one source, for the command that needs no
// file. Relative paths are relative to the working directory.
func Single(source, destination string, o SingleOptions, mo Options) (*Manifest, error) {
	e := entry{layer: layer{Settings: defaultSettings()}}
	m := &Manifest{Version: SupportedVersion, Location: time.Local, Timezone: time.Local.String()}
	var err error
	if e.path.text, err = absoluteArgument("source", source); err != nil {
		return nil, err
	}
	if m.Destination, err = absoluteArgument("destination", destination); err != nil {
		return nil, err
	}
	e.name.text = o.Name
	if o.Name == "" {
		e.name.text, e.unnamed = defaultName(e.path.text, mo), true
	}
	e.OneFileSystem = o.OneFileSystem
	if o.Excludes != nil {
		if e.Excludes, err = directoryPatterns(o.Excludes); err != nil {
			return nil, err
		}
	}
	d := &decoder{options: mo}
	entries := []entry{e}
	d.checkNames(entries)
	d.checkOverlap(m.Destination, entries)
	if len(d.problems) > 0 {
		return nil, d.problems
	}
	m.Sources = finished(entries)
	return m, nil
}

func absoluteArgument(what, path string) (string, error) {
	if path == "" {
		return "", Problems{{Message: what + " is empty"}}
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("make %s %s absolute: %w", what, path, err)
	}
	return full, nil
}

// directoryPatterns turns names of directories into patterns that match them
// and nothing else.
func directoryPatterns(values []string) ([]Pattern, error) {
	patterns := []Pattern{}
	for _, v := range values {
		for name := range strings.SplitSeq(v, ",") {
			name = strings.TrimSuffix(name, "/")
			switch {
			case name == "":
				continue
			case strings.Contains(name, "/"):
				return nil, Problems{{Message: fmt.Sprintf("exclude %q is a path; give the name of a directory, or use a manifest", name)}}
			case strings.ContainsRune(name, 0) || !utf8.ValidString(name):
				return nil, Problems{{Message: fmt.Sprintf("exclude %q contains a NUL character or is not UTF-8", name)}}
			}
			patterns = append(patterns, Pattern{Text: literalPattern(name) + "/"})
		}
	}
	return patterns, nil
}

// literalPattern escapes what means something in a gitignore pattern.
func literalPattern(name string) string {
	name = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name)
	if strings.HasPrefix(name, "!") || strings.HasPrefix(name, "#") {
		return `\` + name
	}
	return name
}
