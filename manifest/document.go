package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// maxAliasBytes bounds what aliases may add to a manifest, so that a few lines
// cannot expand to gigabytes.
const maxAliasBytes = maxFileSize

// readDocument returns the only document's root node.
func readDocument(data []byte, file string) (*yaml.Node, Problems) {
	if len(data) > maxFileSize {
		return nil, Problems{{Pos: Position{File: file, Line: 1, Column: 1}, Message: fmt.Sprintf("the file is larger than %s: this is no manifest", formatSize(maxFileSize))}}
	}
	if problem := checkText(data, file); problem != nil {
		return nil, Problems{*problem}
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var first, second yaml.Node
	err := decoder.Decode(&first)
	if errors.Is(err, io.EOF) || err == nil && isNull(first.Content[0]) {
		return nil, Problems{{Pos: Position{File: file, Line: 1, Column: 1}, Message: "the manifest is empty; `phlb init` writes one to start from"}}
	}
	if err != nil {
		return nil, Problems{syntaxProblem(err, data, file)}
	}
	root := first.Content[0]
	if problem := checkAliases(root, file); problem != nil {
		return nil, Problems{*problem}
	}
	switch err := decoder.Decode(&second); {
	case errors.Is(err, io.EOF):
		return root, nil
	case err != nil:
		return nil, Problems{syntaxProblem(err, data, file)}
	}
	return root, Problems{{Pos: at(file, &second), Message: "a second document: a manifest is one document"}}
}

func at(file string, n *yaml.Node) Position {
	return Position{File: file, Line: n.Line, Column: n.Column}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// checkText finds the first byte that is not UTF-8, or the first character
// that YAML forbids: the YAML parser reports either without a line.
func checkText(data []byte, file string) *Problem {
	pos := Position{File: file, Line: 1, Column: 1}
	if bytes.HasPrefix(data, []byte("\xFF\xFE")) || bytes.HasPrefix(data, []byte("\xFE\xFF")) || len(data) > 1 && (data[0] == 0) != (data[1] == 0) {
		return &Problem{Pos: pos, Message: "the file is UTF-16, as some editors write it; save it as UTF-8"}
	}
	// A byte order mark is allowed at the beginning only.
	for rest := bytes.TrimPrefix(data, []byte("\uFEFF")); len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			return &Problem{Pos: pos, Message: "the file is not UTF-8; save it as UTF-8"}
		case r == '\n':
			pos.Line, pos.Column = pos.Line+1, 0
		case forbidden(r):
			return &Problem{Pos: pos, Message: fmt.Sprintf("character %U is not allowed in YAML; in double quotes it can be written as an escape", r)}
		}
		pos.Column++
		rest = rest[size:]
	}
	return nil
}

// forbidden reports whether r is outside of YAML's printable characters.
func forbidden(r rune) bool {
	switch {
	case r == '\t', r == '\n', r == '\r', r == 0x85:
		return false
	case r < 0x20, r >= 0x7F && r < 0xA0, r == 0xFEFF, r == 0xFFFE, r == 0xFFFF:
		return true
	}
	return false
}

var (
	syntaxError = regexp.MustCompile(`(?s)^yaml: (?:line ([0-9]+): )?(.*)$`)
	// yaml.v3 counts the lines of these from 0, of all others from 1.
	fromZero = regexp.MustCompile(`^did not find expected ('|key|node content|<)|^found (undefined tag handle|duplicate %|incompatible YAML)`)
	unquoted = regexp.MustCompile(`(?m)^(.*[-:,\[]\s+|.*\[)(\*[^\s,\]]*)`)
)

// syntaxProblem gives yaml.v3's error its line and, for the usual causes, a
// remedy.
func syntaxProblem(err error, data []byte, file string) Problem {
	pos := Position{File: file, Line: 1, Column: 1}
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	if m := syntaxError.FindStringSubmatch(err.Error()); m != nil {
		message = m[2]
		if line, err := strconv.Atoi(m[1]); err == nil {
			pos.Line = line
			if fromZero.MatchString(message) {
				pos.Line++
			}
		}
	}
	lines := strings.Split(string(data), "\n")
	pos.Line = min(pos.Line, len(lines))
	line := lines[pos.Line-1]
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	switch {
	case strings.Contains(indent, "\t"):
		pos.Column = strings.Index(indent, "\t") + 1
		message = "a tab in the indentation: YAML is indented with spaces"
	case strings.HasPrefix(message, "unknown anchor"), strings.Contains(message, "expected alphabetic or numeric"):
		pos, message = starProblem(pos, message, data)
	case strings.Contains(line, "${") && strings.HasPrefix(message, "did not find expected ','"):
		message += `; inside [ ] or { }, put "${…}" in quotes`
	case strings.HasPrefix(message, "did not find expected '-' indicator"):
		message += "; is everything of this list item indented alike?"
	case strings.HasPrefix(message, "found unexpected end of stream"):
		message += "; is a quote not closed?"
	}
	return Problem{Pos: pos, Message: "not valid YAML: " + message}
}

// starProblem explains what an unquoted pattern such as *.iso is to YAML: an
// alias. yaml.v3 does not say where an unknown one stands.
func starProblem(pos Position, message string, data []byte) (Position, string) {
	name := ""
	if _, rest, ok := strings.Cut(message, "'"); ok {
		name = strings.TrimSuffix(rest, "' referenced")
	}
	for _, m := range unquoted.FindAllSubmatchIndex(data, -1) {
		word := string(data[m[4]:m[5]])
		line := 1 + bytes.Count(data[:m[4]], []byte("\n"))
		if name == "" && line != pos.Line || !strings.HasPrefix(word, "*"+name) {
			continue
		}
		pos.Line, pos.Column = line, 1+utf8.RuneCount(data[m[2]:m[3]])
		return pos, fmt.Sprintf("%s is an alias to nothing; a pattern that begins with * must be quoted: %q", word, word)
	}
	return pos, message
}

// checkAliases refuses aliases that expand to too much, or to themselves.
func checkAliases(root *yaml.Node, file string) *Problem {
	c := aliasCounter{sizes: map[*yaml.Node]int{}}
	total := c.size(root)
	switch {
	case c.cycle != nil:
		return &Problem{Pos: at(file, c.cycle), Message: fmt.Sprintf("alias *%s stands inside of what it refers to", c.cycle.Value)}
	case total > c.written+maxAliasBytes:
		return &Problem{Pos: at(file, root), Message: "aliases expand to more than " + formatSize(maxAliasBytes)}
	}
	return nil
}

// aliasCounter adds up nodes, each as one byte and its text, with all aliases
// expanded. It visits each node once.
type aliasCounter struct {
	sizes   map[*yaml.Node]int // -1 while being counted
	written int                // the sum without expanding aliases
	cycle   *yaml.Node         // an alias to a node that it is part of
}

func (c *aliasCounter) size(n *yaml.Node) int {
	if size, ok := c.sizes[n]; ok {
		return size
	}
	c.sizes[n] = -1
	size := 1 + len(n.Value)
	c.written += size
	for _, child := range n.Content {
		size = saturatingAdd(size, c.size(child))
	}
	if n.Kind == yaml.AliasNode {
		target := c.size(n.Alias)
		if target < 0 {
			c.cycle = n
			target = 0
		}
		size = saturatingAdd(size, target)
	}
	c.sizes[n] = size
	return size
}

// saturatingAdd stops growing far above any limit and far below an overflow.
func saturatingAdd(a, b int) int { return min(a+b, 1<<29) }
