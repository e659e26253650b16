package manifest

import (
	"fmt"
	"regexp"
	"strings"
)

// variable is what may stand between "${" and "}": a name, and a default that
// is taken when the variable is unset or empty, as in a shell.
var variable = regexp.MustCompile(`(?s)^([A-Za-z_][A-Za-z0-9_]*)(:-(.*))?$`)

// expand replaces ${VAR} and ${VAR:-default} in s, and $${ by a literal ${.
// What it puts in is not expanded again.
func expand(s string, getenv func(string) (string, bool)) (string, error) {
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		if i > 0 && s[i-1] == '$' {
			b.WriteString(s[:i-1] + "${")
			s = s[i+2:]
			continue
		}
		b.WriteString(s[:i])
		inside, rest, closed := strings.Cut(s[i+2:], "}")
		if !closed {
			return "", fmt.Errorf("%q is not closed by a }; a literal ${ is written $${", s[i:])
		}
		value, err := lookup(inside, getenv)
		if err != nil {
			return "", err
		}
		b.WriteString(value)
		s = rest
	}
}

// lookup returns the value of what stood between "${" and "}".
func lookup(inside string, getenv func(string) (string, bool)) (string, error) {
	m := variable.FindStringSubmatch(inside)
	if m == nil || strings.Contains(m[3], "${") {
		return "", fmt.Errorf("${%s} is neither ${VAR} nor ${VAR:-default}; a literal ${ is written $${", inside)
	}
	name, hasDefault, fallback := m[1], m[2] != "", m[3]
	value, set := "", false
	if getenv != nil {
		value, set = getenv(name)
	}
	switch {
	case hasDefault && value == "":
		return fallback, nil
	case !set:
		return "", fmt.Errorf("variable %s is not set; set it, or give a default: ${%s:-default}", name, name)
	}
	return value, nil
}

// escapeVariables writes s so that expand returns it.
func escapeVariables(s string) string { return strings.ReplaceAll(s, "${", "$${") }
