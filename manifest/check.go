package manifest

import (
	"path/filepath"
	"strings"
)

// checkNames checks every name, and that no two could mean one directory.
// A name that is empty was never read, and reported then.
func (d *decoder) checkNames(entries []entry) {
	taken := map[string]located{}
	for _, e := range entries {
		if e.name.pos == (Position{}) && e.name.text == "" {
			continue
		}
		advice := ""
		if e.unnamed {
			advice = " (the last element of its path; give the source a name)"
		}
		if err := ValidateName(e.name.text); err != nil {
			d.problem(e.name.pos, "", "%v%s", err, advice)
			continue
		}
		folded := fold(e.name.text)
		other, ok := taken[folded]
		switch {
		case !ok:
			taken[folded] = e.name
		case other.text == e.name.text:
			d.problem(e.name.pos, "", "duplicate name %q%s: the source in line %d has it", e.name.text, advice, other.pos.Line)
		default:
			d.problem(e.name.pos, "", "name %q%s differs only in case from %q in line %d", e.name.text, advice, other.text, other.pos.Line)
		}
	}
}

// fold maps names that differ only in case to one: by way of upper case,
// because some letters (σ and ς) have two lower-case forms.
func fold(name string) string { return strings.ToLower(strings.ToUpper(name)) }

// checkOverlap refuses sources that would back up the backup. It compares
// cleaned paths; the planner compares what they lead to.
func (d *decoder) checkOverlap(destination string, entries []entry) {
	if destination == "" {
		return
	}
	for _, e := range entries {
		if e.path.text == "" {
			continue
		}
		if message := overlap(destination, e.path.text, e.Excludes, d.options); message != "" {
			d.problem(e.path.pos, "", "%s", message)
		}
	}
}

// overlap says what is wrong with how source and destination lie to each other.
func overlap(destination, source string, excludes []Pattern, o Options) string {
	if source == destination {
		return "source " + source + " is the destination itself"
	}
	if _, ok := below(destination, source); ok {
		return "source " + source + " lies inside the destination " + destination
	}
	if rel, ok := below(source, destination); ok && !excludedWithParents(excludes, rel, o) {
		return "the destination " + destination + " lies inside the source " + source + "; exclude it there: \"/" + rel + "/\""
	}
	return ""
}

// below returns path relative to dir, with slashes, if it lies below it.
func below(dir, path string) (string, bool) {
	rel, err := filepath.Rel(dir, path)
	if err != nil || rel == "." || !filepath.IsLocal(rel) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// excludedWithParents asks for every directory on the way: a scan does not
// enter an excluded one, whatever the patterns say of what lies in it.
func excludedWithParents(patterns []Pattern, rel string, o Options) bool {
	if o.Excluded == nil {
		return false
	}
	for i := 0; i <= len(rel); i++ {
		if (i == len(rel) || rel[i] == '/') && o.Excluded(patterns, rel[:i], true) {
			return true
		}
	}
	return false
}
