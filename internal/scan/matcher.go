package scan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Pattern is one exclude.
type Pattern struct {
	Text string // in gitignore's syntax
}

var errNUL = errors.New("no path contains a NUL byte")

// Matcher decides which paths a list of patterns excludes. It is immutable
// and safe for concurrent use.
//
// Patterns mean what they mean in a .gitignore file at the top of the source
// with core.ignorecase off; each Pattern is one line of it. So an item that
// is empty or starts with "#" is a comment, counts for the indexes and
// matches nothing, and so do malformed patterns. Only line ends differ: a
// newline or carriage return in a Pattern is an ordinary byte.
type Matcher struct {
	rules   []rule
	reasons []string // by index: the skip reason
	// Literals are looked up, so that long lists of them cost nothing; the
	// other rules are tried one by one, the last first.
	names map[string]literal
	paths map[string]literal
	tried []int
	// byPath says that some rule looks at more than the last element.
	byPath bool
}

// literal holds the last rules of one literal text, -1 for none.
type literal struct {
	any int
	dir int // for directories only
}

// NewMatcher compiles patterns.
func NewMatcher(patterns []Pattern) (*Matcher, error) {
	m := &Matcher{names: map[string]literal{}, paths: map[string]literal{}}
	for i, p := range patterns {
		if strings.IndexByte(p.Text, 0) >= 0 {
			return nil, fmt.Errorf("exclude %q: %w", p.Text, errNUL)
		}
		m.add(i, compile(p.Text))
		m.reasons = append(m.reasons, "excluded: "+strings.ToValidUTF8(p.Text, "\uFFFD"))
	}
	return m, nil
}

func (m *Matcher) add(i int, r rule) {
	m.rules = append(m.rules, r)
	m.byPath = m.byPath || r.kind == rulePath || r.kind == rulePathGlob
	switch r.kind {
	case ruleNever:
	case ruleName:
		addLiteral(m.names, i, r)
	case rulePath:
		addLiteral(m.paths, i, r)
	default:
		m.tried = append(m.tried, i)
	}
}

func addLiteral(in map[string]literal, i int, r rule) {
	l, ok := in[r.text]
	if !ok {
		l = literal{-1, -1}
	}
	if r.dirOnly {
		l.dir = i
	} else {
		l.any = i
	}
	in[r.text] = l
}

// Match returns the index of the last pattern that matches path, or -1, and
// whether that excludes it. Path is slash-separated and relative to the
// source; "." is never excluded. Only path itself is looked at: below an
// excluded directory nothing is asked for any more, see Decide.
func (m *Matcher) Match(path string, isDir bool) (index int, excluded bool) {
	if path == "." {
		return -1, false
	}
	return m.match(path, path[strings.LastIndexByte(path, '/')+1:], isDir)
}

// match is Match for a path whose last element is name. Without byPath it
// does not look at path.
func (m *Matcher) match(path, name string, isDir bool) (index int, excluded bool) {
	best := lastOf(m.names, name, isDir)
	if m.byPath {
		best = max(best, lastOf(m.paths, path, isDir))
	}
	for _, i := range slices.Backward(m.tried) {
		if i < best {
			break
		}
		r := &m.rules[i]
		if (isDir || !r.dirOnly) && r.matches(path, name) {
			best = i
			break
		}
	}
	return best, best >= 0 && !m.rules[best].negated
}

func lastOf(in map[string]literal, text string, isDir bool) int {
	l, ok := in[text]
	switch {
	case !ok:
		return -1
	case isDir:
		return max(l.any, l.dir)
	}
	return l.any
}

// Decision says what decided about a path.
type Decision struct {
	Index    int // of the deciding pattern, -1: none matches
	Excluded bool
	At       string // the path the pattern matches: the one asked for, or a directory above it
}

// Decide follows path from the top as a walk does: the first excluded
// directory on the way decides about all that lies below it.
func (m *Matcher) Decide(path string, isDir bool) Decision {
	for i := range len(path) {
		if path[i] != '/' {
			continue
		}
		if index, excluded := m.Match(path[:i], true); excluded {
			return Decision{index, true, path[:i]}
		}
	}
	index, excluded := m.Match(path, isDir)
	return Decision{index, excluded, path}
}
