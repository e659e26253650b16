package review

import "strings"

// filter says which entries are shown. The zero value shows all.
type filter struct {
	hideKind   [kinds]bool
	hideChange [changeUnchanged + 1]bool
	quietOnly  bool
	query      string // lower case
}

// plain reports whether entries are chosen by kind and change alone.
func (f *filter) matches(n *node) bool {
	return n.kind != kindNone && !f.hideKind[n.kind] && !(n.change > 0 && f.hideChange[n.change]) && (!f.quietOnly || n.quiet)
}

// apply adds up what matches, for every directory. It returns one sum a node;
// a node whose sum holds nothing is not shown.
func (t *Tree) apply(f *filter) []sum {
	found := t.search(f.query)
	sums := make([]sum, len(t.nodes))
	for i := len(t.nodes) - 1; i >= 0; i-- {
		n := &t.nodes[i]
		if f.matches(n) && (found == nil || found[i]) {
			s := &sums[i]
			s.count[n.kind]++
			if n.kind <= kindLink {
				s.bytes += n.size
			}
			if n.kind == kindCopy {
				s.fresh += n.size
			}
		}
		if n.parent != none {
			sums[n.parent].add(&sums[i])
		}
	}
	return sums
}

// search finds the nodes whose name, or that of a directory above, holds the
// query; with a slash in it, whose path does. Nil: there is no query.
func (t *Tree) search(query string) []bool {
	if query == "" {
		return nil
	}
	byPath := strings.Contains(query, "/")
	found := make([]bool, len(t.nodes))
	for i := range t.nodes {
		n := &t.nodes[i]
		switch {
		case n.parent != none && found[n.parent]:
			found[i] = true
		case n.parent == none: // a source's name is no path
		case byPath:
			found[i] = strings.Contains(strings.ToLower(t.pathOf(int32(i))), query)
		default:
			found[i] = strings.Contains(strings.ToLower(n.name), query)
		}
	}
	return found
}
