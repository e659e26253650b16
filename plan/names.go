package plan

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"phlb/internal/fsys"
	"phlb/internal/sums"
)

// names finds the names of a source that the destination cannot hold, or
// takes for each other. It is fed in path order.
type names struct {
	max   int64 // bytes
	dos   bool
	folds bool
	// levels are the directory of the last path and those above it, with the
	// names that are stored there: by their folded form, the first of each.
	levels []nameLevel
}

type nameLevel struct {
	dir   string
	taken map[string]string
}

func newNames(longest int64, has func(fsys.Limit) bool) names {
	return names{max: longest, dos: has(fsys.LimitNames), folds: has(fsys.LimitCase)}
}

// refuse returns the reason to skip a path, "" if its name can be stored. What
// is asked about is taken to be stored then.
func (n *names) refuse(path string) string {
	dir, name := split(path)
	stored := sums.StoredName(name)
	switch {
	case path == ".":
		return ""
	case int64(len(stored)) > n.max:
		return fmt.Sprintf("name: its %d bytes are more than the %d that the destination can hold", len(stored), n.max)
	case n.dos && !dosName(stored):
		return "name: the destination cannot hold such a name"
	case n.folds:
		return n.collide(dir, stored)
	}
	return ""
}

// collide looks for a name before this one that the destination takes for the
// same.
func (n *names) collide(dir, stored string) string {
	taken := n.level(dir)
	folded := fold(stored)
	if other, ok := taken[folded]; ok && other != stored {
		if other == sums.FileName {
			return "name: the destination ignores case and has a " + sums.FileName + " of phlb's there"
		}
		return "name: the destination ignores case and takes it for " + strings.ToValidUTF8(other, "\uFFFD")
	}
	taken[folded] = stored
	return ""
}

// level returns the names of a directory, and forgets those of directories
// that were left.
func (n *names) level(dir string) map[string]string {
	for len(n.levels) > 0 {
		at := &n.levels[len(n.levels)-1]
		if at.dir == dir {
			return at.taken
		}
		if at.dir == "." || strings.HasPrefix(dir, at.dir+"/") {
			break
		}
		n.levels = n.levels[:len(n.levels)-1]
	}
	taken := map[string]string{fold(sums.FileName): sums.FileName}
	n.levels = append(n.levels, nameLevel{dir, taken})
	return taken
}

// fold maps names that differ only in case to one: by way of upper case,
// because some letters have two lower-case forms.
func fold(name string) string { return strings.ToLower(strings.ToUpper(name)) }

// dosName reports whether FAT and its descendants store a name as it is.
func dosName(name string) bool {
	if !utf8.ValidString(name) || strings.HasSuffix(name, ".") || strings.HasSuffix(name, " ") {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || strings.ContainsRune(`"*:<>?\|`, r) })
}
