package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"phlb/manifest"
)

// schemaNode is a JSON Schema as the manifest's is written.
type schemaNode struct {
	Ref         string                 `json:"$ref"`
	Type        string                 `json:"type"`
	Description string                 `json:"description"`
	Default     any                    `json:"default"`
	Const       any                    `json:"const"`
	Enum        []any                  `json:"enum"`
	Minimum     *float64               `json:"minimum"`
	Maximum     *float64               `json:"maximum"`
	AnyOf       []*schemaNode          `json:"anyOf"`
	AllOf       []*schemaNode          `json:"allOf"`
	Items       *schemaNode            `json:"items"`
	Properties  map[string]*schemaNode `json:"properties"`
	Required    []string               `json:"required"`
	Defs        map[string]*schemaNode `json:"$defs"`
}

func manifestReference(t *testing.T) string {
	t.Helper()
	var root schemaNode
	if err := json.Unmarshal(manifest.Schema(), &root); err != nil {
		t.Fatal(err)
	}
	r := &schemaReader{defs: root.Defs, order: keyOrder(string(manifest.Schema()))}
	var b strings.Builder
	b.WriteString("# The manifest\n\nAll keys. `phlb help manifest` has the essentials, [help topics](help-topics.md) the rules\n" +
		"behind them, [examples](../../examples) files that run as they are, and `phlb schema manifest`\nprints the JSON Schema that this page is made from.\n")
	b.WriteString("\n## At the top\n\n" + r.table("", &root))
	source := r.resolve(r.resolve(root.Properties["sources"]).Items)
	b.WriteString("\n## Of a source\n\nAll of these but `name` and `path` may stand under `defaults`, too.\n\n" + r.table("", source))
	b.WriteString(`
## Types

| type | written as |
|---|---|
| size | bytes, or a number with a unit: ` + "`4096`, `1.5GiB`, `2GB`" + `; KiB, MiB, GiB, TiB are powers of 1024, kB, MB, GB, TB of 1000 |
| span | years, months, days, hours: ` + "`2d12h`, `1y6m`" + ` |
| duration | ` + "`90s`, `10m`, `1h30m`" + ` |
| percentage | 0 to 100 |
| pattern | as in .gitignore; see [excludes](help-topics.md#excludes) |

Instead of any value, ` + "`${VAR}` or `${VAR:-default}`" + ` may stand; the expanded text is read as the
key's type. Hooks are the exception: there the shell expands variables.
`)
	return b.String()
}

type schemaReader struct {
	defs  map[string]*schemaNode
	order map[string]int
}

// keyOrder tells where each key stands first in the schema's text, since that
// is the order for people.
func keyOrder(text string) map[string]int {
	order := map[string]int{"name": -2, "path": -1}
	for _, m := range regexp.MustCompile(`"([a-z_]+)": \{`).FindAllStringSubmatchIndex(text, -1) {
		if key := text[m[2]:m[3]]; order[key] == 0 {
			order[key] = m[0]
		}
	}
	return order
}

// resolve follows a reference; what stands beside it comes first.
func (r *schemaReader) resolve(s *schemaNode) *schemaNode {
	if s.Ref == "" {
		return s
	}
	to := *r.resolve(r.defs[strings.TrimPrefix(s.Ref, "#/$defs/")])
	if s.Description != "" {
		to.Description = s.Description
	}
	if s.Default != nil {
		to.Default = s.Default
	}
	return &to
}

func (r *schemaReader) table(prefix string, s *schemaNode) string {
	out := ""
	if prefix == "" {
		out = "| key | type | default | |\n|---|---|---|---|\n"
	}
	keys := slices.SortedFunc(maps.Keys(s.Properties), func(a, b string) int { return r.order[a] - r.order[b] })
	for _, key := range keys {
		p := r.resolve(s.Properties[key])
		shown := ""
		switch {
		case slices.Contains(s.Required, key):
			shown = "required"
		case p.Default != nil:
			shown = fmt.Sprintf("`%v`", p.Default)
		}
		out += fmt.Sprintf("| `%s%s` | %s | %s | %s |\n", prefix, key, r.typeOf(key, s.Properties[key]), shown, cell(p.Description))
		if p.Type == "object" && key != "defaults" {
			out += r.table(prefix+key+".", p)
		}
	}
	return out
}

// typeOf is a key's type in a word or two.
func (r *schemaReader) typeOf(key string, s *schemaNode) string {
	for ; s.Ref != ""; s = r.defs[strings.TrimPrefix(s.Ref, "#/$defs/")] {
		switch def := strings.TrimPrefix(s.Ref, "#/$defs/"); def {
		case "size", "span", "text", "name":
			return def
		case "boolean", "count":
			return map[string]string{"boolean": "true or false", "count": "number"}[def]
		case "percent":
			return "percentage"
		case "sentinel":
			return "path"
		}
	}
	switch {
	case key == "timeout":
		return "duration"
	case key == "small_file_threshold":
		return "size"
	case s.Type == "array":
		return "list"
	case s.Type == "object":
		return "keys"
	case len(s.Enum) > 0:
		return "`" + strings.Trim(strings.ReplaceAll(fmt.Sprint(s.Enum), " ", "`, `"), "[]") + "`"
	case len(s.AnyOf) > 0:
		return r.typeOf("", s.AnyOf[0])
	case s.Const != nil:
		return fmt.Sprintf("`%v`", s.Const)
	case s.Type == "integer":
		return "number"
	}
	return "text"
}
