package manifest

import (
	"slices"
)

// notBuilt lists the keys whose effect is not built yet.
func notBuilt() []string {
	return []string{
		"destination_require",
		"require.mountpoint", "require.sentinel", "require.min_files",
		"guards.max_deleted_percent", "guards.max_changed_percent", "guards.min_free",
		"skip_if_unchanged",
		"hooks",
	}
}

// Unsupported returns a problem for every place that switches on a key whose
// effect this version does not have. To plan without it would do less than the
// manifest asks for.
func (m *Manifest) Unsupported() Problems {
	var problems Problems
	for _, u := range m.used {
		if slices.Contains(notBuilt(), u.path) {
			problems = append(problems, Problem{Pos: u.pos, Message: u.path + " is not supported yet by this version of phlb"})
		}
	}
	return problems.sorted()
}
