package manifest

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"phlb/internal/suggest"
)

// decoder collects everything that is wrong while nodes become values.
type decoder struct {
	file     string
	dir      string // absolute directory that relative paths are relative to
	options  Options
	problems Problems
	homes    map[string]string // where each key belongs
}

// value is what stands behind a key, or an item of a list.
type value struct {
	path   string // dotted, without "defaults" or "sources": "retention.keep_last"
	pos    Position
	node   *yaml.Node
	inList bool // it is an item of the list behind the key
}

// key is what messages call v: its key as the manifest writes it.
func (v value) key() string {
	key := v.path[strings.LastIndexByte(v.path, '.')+1:]
	if v.inList {
		return "an item of " + key
	}
	return key
}

func (d *decoder) problem(pos Position, hint, format string, args ...any) {
	d.problems = append(d.problems, Problem{Pos: pos, Message: fmt.Sprintf(format, args...), Hint: hint})
}

// dereference follows an alias, which checkAliases has found to end somewhere.
func dereference(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// kind names what n is, for messages.
func kind(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode && n.Tag == "!!map":
		return "a mapping"
	case n.Kind == yaml.SequenceNode && n.Tag == "!!seq":
		return "a list"
	}
	switch n.Tag {
	case "!!null":
		return "empty"
	case "!!str":
		return "a string"
	case "!!bool":
		return "true or false"
	case "!!int", "!!float":
		return "a number"
	case "!!timestamp":
		return "a date"
	case "!!merge":
		return "a merge key"
	}
	return "a value with the tag " + n.Tag
}

// field is a key of a mapping that becomes a T.
type field[T any] struct {
	key  string
	keys []string // those of the mapping behind it, if it is one
	set  func(d *decoder, v value, t *T)
}

// one is a field with one value, read by read and kept where at says.
func one[T, V any](key string, read func(*decoder, value) (V, bool), at func(*T) *V) field[T] {
	return field[T]{key: key, set: func(d *decoder, v value, t *T) {
		x, ok := read(d, v)
		if !ok {
			return
		}
		*at(t) = x
	}}
}

// group is a field whose value is a mapping. What is inherited stays where the
// mapping has no key for it.
func group[T, G any](key string, fields []field[G], get func(*T) G, put func(*T, G)) field[T] {
	return field[T]{key: key, keys: keysOf(fields), set: func(d *decoder, v value, t *T) {
		g := get(t)
		if _, ok := decodeMapping(d, v, key, fields, &g); ok {
			put(t, g)
		}
	}}
}

// lifted are fields of a part of T.
func lifted[T, P any](fields []field[P], part func(*T) *P) []field[T] {
	up := make([]field[T], len(fields))
	for i, f := range fields {
		up[i] = field[T]{key: f.key, keys: f.keys, set: func(d *decoder, v value, t *T) { f.set(d, v, part(t)) }}
	}
	return up
}

func keysOf[T any](fields []field[T]) []string {
	keys := make([]string, len(fields))
	for i, f := range fields {
		keys[i] = f.key
	}
	return keys
}

// decodeMapping reads v, called where in messages, into t and returns the
// position of every known key that it has.
func decodeMapping[T any](d *decoder, v value, where string, fields []field[T], t *T) (map[string]Position, bool) {
	n := dereference(v.node)
	if n.Kind != yaml.MappingNode || n.Tag != "!!map" {
		d.problem(at(d.file, n), "", "%s must be a mapping (key: value), not %s", where, kind(n))
		return nil, false
	}
	present := map[string]Position{}
	for pair := range slices.Chunk(n.Content, 2) {
		key := dereference(pair[0])
		pos := at(d.file, pair[0])
		i := slices.IndexFunc(fields, func(f field[T]) bool { return f.key == key.Value })
		if key.Kind != yaml.ScalarNode || key.Tag != "!!str" || i < 0 {
			d.unknownKey(key, pos, where, keysOf(fields))
			continue
		}
		if first, ok := present[key.Value]; ok {
			d.problem(pos, "", "duplicate key %q (first in line %d)", key.Value, first.Line)
			continue
		}
		present[key.Value] = pos
		fields[i].set(d, value{path: joinPath(v.path, key.Value), pos: pos, node: pair[1]}, t)
	}
	return present, true
}

func joinPath(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func (d *decoder) unknownKey(key *yaml.Node, pos Position, where string, known []string) {
	switch {
	case key.Kind == yaml.ScalarNode && key.Tag == "!!merge":
		d.problem(pos, "", "merge keys (<<) are not supported; what sources share belongs under defaults")
	case key.Kind != yaml.ScalarNode || key.Tag != "!!str":
		d.problem(pos, "", "a key of %s must be a word, not %s", where, kind(key))
	case where == "defaults" && (key.Value == "name" || key.Value == "path"):
		d.problem(pos, "", "%s belongs to each source, not to defaults", key.Value)
	default:
		message := fmt.Sprintf("unknown key %q in %s", key.Value, where)
		if home := d.homes[key.Value]; home != "" {
			d.problem(pos, "", "%s; it belongs in %s", message, home)
			return
		}
		d.problem(pos, suggest.Nearest(key.Value, known), "%s", message)
	}
}
