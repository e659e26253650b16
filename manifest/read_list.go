package manifest

import (
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// items returns the elements of a list.
func (d *decoder) items(v value, of string) ([]value, bool) {
	n := dereference(v.node)
	if n.Kind != yaml.SequenceNode || n.Tag != "!!seq" {
		if isNull(n) {
			d.problem(at(d.file, n), "", "%s has no value; give it one or remove the key", v.key())
			return nil, false
		}
		d.problem(at(d.file, n), "", "%s must be a list of %s, not %s", v.key(), of, kind(n))
		return nil, false
	}
	items := make([]value, len(n.Content))
	for i, item := range n.Content {
		items[i] = value{path: v.path, pos: at(d.file, item), node: item, inList: true}
	}
	return items, true
}

// readList reads a list whose items read takes. An empty one becomes nil.
func readList[E any](of string, read func(*decoder, value) (E, bool)) func(*decoder, value) ([]E, bool) {
	return func(d *decoder, v value) ([]E, bool) {
		items, ok := d.items(v, of)
		var list []E
		for _, item := range items {
			if x, itemOK := read(d, item); itemOK {
				list = append(list, x)
			} else {
				ok = false
			}
		}
		return list, ok
	}
}

// readPattern reads one exclude.
func readPattern(d *decoder, v value) (Pattern, bool) {
	s, ok := d.text(v, "a string")
	if !ok {
		return Pattern{}, false
	}
	if strings.Trim(strings.TrimPrefix(s.text, "!"), "/ ") == "" {
		d.problem(s.pos, "", "%s: the pattern %q matches nothing", v.key(), s.text)
		return Pattern{}, false
	}
	return Pattern{Text: s.text, Pos: s.pos}, true
}

// readFileName reads the name of a file that is looked for in each directory.
func readFileName(d *decoder, v value) (string, bool) {
	s, ok := d.text(v, "a string")
	if !ok {
		return "", false
	}
	if s.text == "" || s.text == "." || s.text == ".." || strings.ContainsRune(s.text, '/') || !filepath.IsLocal(s.text) {
		d.problem(s.pos, "", "%s must be a file's name without a path, not %q", v.key(), s.text)
		return "", false
	}
	return s.text, true
}

// readCommand reads one command of a hook. Its variables are the shell's.
func readCommand(d *decoder, v value) (string, bool) {
	n := dereference(v.node)
	s := located{n.Value, at(d.file, n)}
	if n.Kind != yaml.ScalarNode || n.Tag != "!!str" {
		d.mismatch(v, "a string")
		return "", false
	}
	if strings.TrimSpace(s.text) == "" {
		d.problem(s.pos, "", "%s is an empty command", v.key())
		return "", false
	}
	return s.text, d.checkCharacters(v, s)
}
