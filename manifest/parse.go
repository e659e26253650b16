package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// maxInherited bounds the lists of all sources together, in bytes: those of
// defaults are repeated in every source.
const maxInherited = 16 << 20

// Parse reads a manifest that stands, or would stand, at path: relative paths
// in it are relative to path's directory. An invalid manifest's error is of
// type Problems.
func Parse(data []byte, path string, o Options) (*Manifest, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("find directory of manifest %s: %w", path, err)
	}
	root, problems := readDocument(data, path)
	d := &decoder{file: path, dir: filepath.Dir(full), options: o, problems: problems, homes: homes()}
	var m *Manifest
	switch {
	case root == nil:
	case formatOf(root) != "":
		d.problem(at(path, root), "", "this is no manifest but a file of the format %s; %s", formatOf(root), formatAdvice(formatOf(root)))
	default:
		m = d.manifest(root)
	}
	if len(d.problems) > 0 {
		return nil, d.problems.sorted()
	}
	sum := sha256.Sum256(data)
	m.Path, m.SHA256 = full, hex.EncodeToString(sum[:])
	return m, nil
}

// manifest decodes and checks the whole document.
func (d *decoder) manifest(root *yaml.Node) *Manifest {
	m := document{Manifest: Manifest{Location: time.Local}}
	top := value{node: root, pos: at(d.file, root)}
	present, ok := decodeMapping(d, top, "the manifest", documentFields(), &m)
	if !ok {
		return nil
	}
	for _, key := range []string{"version", "destination", "sources"} {
		if _, ok := present[key]; !ok {
			d.problem(top.pos, "", "%s is missing", key)
		}
	}
	m.Destination, m.Timezone = m.destination.text, m.Location.String()
	inherited := layer{Settings: defaultSettings(), hooks: Hooks{Timeout: DefaultHookTimeout}}
	if m.defaults.node != nil {
		m.defaults.path = "" // defaults' keys are those of a source
		if present, ok := decodeMapping(d, m.defaults, "defaults", layerFields(), &inherited); ok {
			inherited.mergeExcludes()
			inherited.origins = present
		}
	}
	if m.sources.node != nil {
		entries := d.sources(m.sources, inherited)
		d.checkNames(entries)
		d.checkOverlap(m.Destination, entries)
		m.Manifest.Sources = finished(entries)
	}
	return &m.Manifest
}

// mergeExcludes moves a layer's own excludes behind the inherited ones.
func (l *layer) mergeExcludes() {
	if l.replace {
		l.Excludes = []Pattern{}
	}
	l.Excludes = append(slices.Clip(l.Excludes), l.own...)
	l.own, l.replace = nil, false
}

// sources decodes all sources, the faulty ones too, so that names and paths
// are checked as far as they are known.
func (d *decoder) sources(v value, inherited layer) []entry {
	items, ok := d.items(v, "sources")
	if ok && len(items) == 0 {
		d.problem(v.pos, "", "there are no sources; give at least one with a path")
	}
	var entries []entry
	fields, total := entryFields(), 0
	for _, item := range items {
		e, ok := d.source(item, fields, inherited)
		if !ok {
			continue
		}
		if total += e.listBytes(); total > maxInherited {
			d.problem(e.pos, "", "the sources up to this one inherit more than %s of lists from defaults", formatSize(maxInherited))
			return nil
		}
		entries = append(entries, e)
	}
	return entries
}

// listBytes is the size of all lists of l.
func (l *layer) listBytes() int {
	n := 0
	for _, p := range l.Excludes {
		n += len(p.Text) + 1
	}
	for _, list := range [][]string{l.ExcludeIfPresent, l.hooks.Before, l.hooks.After, l.hooks.OnError} {
		for _, s := range list {
			n += len(s) + 1
		}
	}
	return n
}

// source decodes one source over what it inherits.
func (d *decoder) source(v value, fields []field[entry], inherited layer) (entry, bool) {
	e := entry{layer: inherited, pos: at(d.file, dereference(v.node))}
	v.path, v.inList = "", false
	present, ok := decodeMapping(d, v, "a source", fields, &e)
	if !ok {
		return entry{}, false
	}
	e.mergeExcludes()
	e.origins = maps.Clone(inherited.origins)
	if e.origins == nil {
		e.origins = map[string]Position{}
	}
	maps.Copy(e.origins, present)
	if _, ok := present["path"]; !ok {
		d.problem(e.pos, "", "the source has no path")
	}
	if _, ok := present["name"]; !ok && e.path.text != "" {
		e.name = located{defaultName(e.path.text, d.options), e.path.pos}
		e.unnamed = true
	}
	return e, true
}

// finished returns the sources that entries describe.
func finished(entries []entry) []Source {
	sources := make([]Source, len(entries))
	for i, e := range entries {
		sources[i] = Source{Name: e.name.text, Path: e.path.text, Settings: e.Settings, Hooks: e.hooks, Pos: e.pos, Origins: e.origins}
	}
	return sources
}

// formatOf returns the format that a file of phlb's own, such as a plan, says
// that it has; empty: it is none. A manifest has no key of this name.
func formatOf(root *yaml.Node) string {
	if root.Kind != yaml.MappingNode {
		return ""
	}
	for pair := range slices.Chunk(root.Content, 2) {
		if pair[0].Value == "format" && strings.HasPrefix(pair[1].Value, "phlb-") {
			return pair[1].Value
		}
	}
	return ""
}

func formatAdvice(format string) string {
	switch format {
	case "phlb-plan":
		return "`phlb show` shows a plan and `phlb apply` carries it out"
	case "phlb-report":
		return "`phlb show` shows a report"
	}
	return "a manifest is YAML; `phlb init` writes one to start from"
}
