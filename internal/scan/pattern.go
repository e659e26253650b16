package scan

import (
	"strings"
)

// ruleKind says how a rule is compared; everything but the globs is a plain
// string comparison.
type ruleKind uint8

const (
	ruleNever      ruleKind = iota // a comment, blank, or malformed: matches nothing
	ruleName                       // the last element is text
	ruleNameSuffix                 // the last element ends with text
	ruleNameGlob                   // the last element is text followed by glob
	rulePath                       // the whole path is text
	rulePathGlob                   // the whole path is text followed by glob
)

// rule is one compiled pattern.
type rule struct {
	kind    ruleKind
	negated bool // re-includes
	dirOnly bool
	text    string
	glob    glob
}

// wild are the bytes that make a pattern more than a literal.
const wild = `*?[\`

// compile reads one pattern as git reads a line of a .gitignore file.
func compile(text string) rule {
	if strings.HasPrefix(text, "#") {
		return rule{}
	}
	text = trimSpaces(text)
	var r rule
	text, r.negated = strings.CutPrefix(text, "!")
	text, r.dirOnly = strings.CutSuffix(text, "/")
	if strings.Contains(text, "/") {
		r.compilePath(strings.TrimPrefix(text, "/"))
	} else {
		r.compileName(text)
	}
	return r
}

// trimSpaces removes trailing blanks that no backslash protects. A lone
// backslash at the end protects the blanks before it, as in git.
func trimSpaces(text string) string {
	end := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case ' ':
			continue
		case '\\':
			i++
		}
		end = min(i+1, len(text))
	}
	return text[:end]
}

func (r *rule) compileName(text string) {
	if suffix, ok := strings.CutPrefix(text, "*"); ok && !strings.ContainsAny(suffix, wild) {
		r.kind, r.text = ruleNameSuffix, suffix
		return
	}
	r.compileRest(text, ruleName, ruleNameGlob)
}

func (r *rule) compilePath(text string) { r.compileRest(text, rulePath, rulePathGlob) }

// compileRest splits text where its first wildcard stands. Like git it reads
// the rest as a pattern of its own, so a "**" that follows the literal part
// crosses directories even if no slash stands before it ("a**/b").
func (r *rule) compileRest(text string, literal, withGlob ruleKind) {
	i := strings.IndexAny(text, wild)
	if i < 0 {
		if text != "" {
			r.kind, r.text = literal, text
		}
		return
	}
	g, ok := compileGlob(text[i:])
	if ok {
		r.kind, r.text, r.glob = withGlob, text[:i], g
	}
}

// matches compares path or its last element, whichever the rule is about.
func (r *rule) matches(path, name string) bool {
	switch r.kind {
	case ruleName:
		return name == r.text
	case ruleNameSuffix:
		return strings.HasSuffix(name, r.text)
	case ruleNameGlob:
		rest, ok := strings.CutPrefix(name, r.text)
		return ok && r.glob.match(rest)
	case rulePath:
		return path == r.text
	case rulePathGlob:
		rest, ok := strings.CutPrefix(path, r.text)
		return ok && r.glob.match(rest)
	}
	return false
}
