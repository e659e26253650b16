package manifest

import (
	"fmt"
	"path/filepath"
	"strings"
)

// checkNames checks every name, and that no two could mean one directory.
// A name that is empty was never read, and reported then.
func (d *decoder) checkNames(entries []entry) {
	taken := takenNames{}
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
		if message := taken.add(e.name, advice); message != "" {
			d.problem(e.name.pos, "", "%s", message)
		}
	}
}

// takenNames are the directories that names and their parents stand for, by
// their folded path.
type takenNames map[string]takenName

type takenName struct {
	located
	dir   string // the directory: the whole text, or the beginning of it
	whole bool   // dir is a source's own
}

// add takes a name, and says what is wrong with it: another one means the same
// directory, or a file system that ignores case would put both into one.
func (t takenNames) add(name located, advice string) (message string) {
	for end := len(name.text); end > 0; end = strings.LastIndexByte(name.text[:end], '/') {
		n := takenName{name, name.text[:end], end == len(name.text)}
		if m := t.addDir(n, advice); message == "" {
			message = m
		}
	}
	return message
}

func (t takenNames) addDir(n takenName, advice string) (message string) {
	other, ok := t[fold(n.dir)]
	switch {
	case !ok || other.dir == n.dir && !other.whole:
		t[fold(n.dir)] = n
	case !other.whole || !n.whole:
		if other.dir != n.dir {
			return fmt.Sprintf("name %q%s: its directory %q differs only in case from %q of %q in line %d",
				n.text, advice, n.dir, other.dir, other.text, other.pos.Line)
		}
	case other.dir == n.dir:
		return fmt.Sprintf("duplicate name %q%s: the source in line %d has it", n.text, advice, other.pos.Line)
	default:
		return fmt.Sprintf("name %q%s differs only in case from %q in line %d", n.text, advice, other.text, other.pos.Line)
	}
	return ""
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
		return "source " + source + " is the destination itself; choose another destination"
	}
	if _, ok := below(destination, source); ok {
		return "source " + source + " lies inside the destination " + destination + "; choose a destination outside"
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
