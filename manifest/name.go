package manifest

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// snapshotTime is the form of a snapshot's directory name. Names that merely
// begin like one are refused too: logs and reports are named that way.
var snapshotTime = regexp.MustCompile(`^[0-9]{4}-[0-9]{2}-[0-9]{2}-[0-9]{6}`)

// ValidateName checks the name of a source: a slash-separated path whose
// elements cannot be confused with anything else in a backup root, and cannot
// lead out of it.
func ValidateName(name string) error {
	if name == "" {
		return fmt.Errorf("name is empty")
	}
	if !utf8.ValidString(name) {
		return fmt.Errorf("name %q is not UTF-8", name)
	}
	for element := range strings.SplitSeq(name, "/") {
		if problem := elementProblem(element); problem != "" {
			return fmt.Errorf("name %q: %s", name, problem)
		}
	}
	return nil
}

// elementProblem says what is wrong with one element of a name.
func elementProblem(element string) string {
	switch {
	case element == "":
		return "an element is empty"
	case element == "." || element == "..":
		return fmt.Sprintf("an element is %q", element)
	case strings.HasPrefix(element, "."):
		return fmt.Sprintf("element %q starts with a dot", element)
	case snapshotTime.MatchString(element):
		return fmt.Sprintf("element %q looks like a snapshot time", element)
	case strings.ContainsFunc(element, unicode.IsControl):
		return fmt.Sprintf("element %q contains a control character", element)
	case strings.ContainsRune(element, filepath.Separator) || !filepath.IsLocal(element):
		return fmt.Sprintf("element %q cannot be a directory's name on this system", element)
	}
	return ""
}

// defaultName is the last element of the path that path resolves to.
func defaultName(path string, o Options) string {
	if o.ResolveSymlinks != nil {
		if resolved, err := o.ResolveSymlinks(path); err == nil {
			path = resolved
		}
	}
	return filepath.Base(path)
}
