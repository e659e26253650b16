package repair

import (
	"cmp"
	"slices"
	"strings"

	"phlb/internal/digest"
	"phlb/internal/meta"
)

// group is what becomes one new inode: all proven paths of one damaged inode,
// and missing paths that had the same content and metadata.
type group struct {
	want    digest.Sum
	damaged digest.Sum // what the old inode holds; zero: it cannot be read
	key     inodeKey   // of the old inode; zero: all paths are missing
	spots   []*spot    // sorted by path
	// size in bytes. isExact: it is on record; else it is that of the damaged
	// file, which need not be right, or -1.
	size    int64
	isExact bool
	attrs   *attrs // nil: those of the good copy
	// linkIno is the inode that the catalogue recorded for a missing file.
	linkIno uint64
}

// casebook holds the damage of one pass.
type casebook struct {
	*runner
	inodes  map[inodeKey]*inode
	missing []*spot
	known   map[string]bool // paths
	survey  *survey         // nil: not made yet
}

// inode is a damaged inode with its paths.
type inode struct {
	key    inodeKey
	actual digest.Sum // zero: it cannot be read
	spots  []*spot
	xattrs meta.Xattrs
}

// groups sorts the paths by what is to become of them, and notes why others
// are not touched.
func (c *casebook) groups() []*group {
	var all []*group
	for _, n := range c.inodes {
		all = append(all, c.groupsOf(n)...)
	}
	// Maps have no order; the order of the repairs must not change.
	for _, g := range all {
		slices.SortFunc(g.spots, compareSpots)
	}
	byFirst := func(a, b *group) int { return compareSpots(a.spots[0], b.spots[0]) }
	slices.SortFunc(all, byFirst)
	slices.SortFunc(c.missing, compareSpots)
	byWant := map[digest.Sum][]*group{}
	for _, g := range all {
		byWant[g.want] = append(byWant[g.want], g)
	}
	for _, s := range c.missing {
		if g := c.addMissing(byWant, s); g != nil {
			all = append(all, g)
		}
	}
	for _, g := range all {
		slices.SortFunc(g.spots, compareSpots)
	}
	slices.SortFunc(all, byFirst)
	return all
}

func compareSpots(a, b *spot) int {
	return cmp.Or(
		strings.Compare(a.id.Name, b.id.Name), strings.Compare(a.id.Time, b.id.Time), meta.ComparePaths(a.rel, b.rel))
}

// groupsOf makes one group for each content that paths of an inode are proven
// to have had. With only one of them, paths that have no line, but nothing
// that speaks against it, go along: they were linked to the inode because it
// had that content, and must not be left behind with the damaged one.
func (c *casebook) groupsOf(n *inode) []*group {
	byWant := map[digest.Sum]*group{}
	var lineless []*spot
	for _, s := range n.spots {
		want, why := s.judge(n.actual)
		switch {
		case why == whyNoLine:
			lineless = append(lineless, s)
		case why != "":
			c.refuse(s, why)
		default:
			g := byWant[want]
			if g == nil {
				g = &group{want: want, damaged: n.actual, key: n.key, size: s.info.Size, attrs: attrsOf(&s.info, n.xattrs)}
				byWant[want] = g
			}
			g.spots = append(g.spots, s)
		}
	}
	groups := make([]*group, 0, len(byWant))
	for _, g := range byWant {
		groups = append(groups, g)
	}
	for _, s := range lineless {
		switch {
		case len(groups) == 1 && len(groups[0].spots) > 0 && s.follows(groups[0].want):
			groups[0].spots = append(groups[0].spots, s)
		case len(groups) > 1:
			c.refuse(s, whyShared)
		default:
			c.refuse(s, whyNoLine)
		}
	}
	for _, g := range groups {
		g.recall()
	}
	return groups
}

// recall takes size and metadata from the catalogues, the oldest first: who
// altered the inode later cannot have altered what was recorded before.
func (g *group) recall() {
	slices.SortFunc(g.spots, func(a, b *spot) int { return strings.Compare(a.id.Time, b.id.Time) })
	for _, s := range g.spots {
		if s.record != nil && s.record.SHA256 == g.want {
			g.size, g.isExact = s.record.Size, true
		}
		if a := s.stored(g.want); a != nil {
			g.attrs = a
			return
		}
	}
}

// addMissing adds a missing path to a group that had its content and
// metadata, or returns a new one.
func (c *casebook) addMissing(byWant map[digest.Sum][]*group, s *spot) *group {
	want, why := s.judge(digest.Sum{})
	if why != "" {
		c.refuse(s, why)
		return nil
	}
	one := &group{want: want, spots: []*spot{s}, size: -1}
	one.recall()
	if s.record != nil && s.record.Stored != nil {
		one.linkIno = s.record.Stored.Ino
	}
	for _, g := range byWant[want] {
		if g.joins(one) {
			g.spots = append(g.spots, s)
			return nil
		}
	}
	byWant[want] = append(byWant[want], one)
	return one
}

// joins reports whether the missing path of one was, as far as is known,
// another name of g's inode.
func (g *group) joins(one *group) bool {
	if g.attrs == nil || one.attrs == nil {
		return g.attrs == nil && one.attrs == nil
	}
	return g.attrs.equal(one.attrs) && (one.linkIno == g.linkIno || one.linkIno == g.key.ino)
}

// refuse notes why a path is not touched.
func (r *runner) refuse(s *spot, why string) { r.reasons[s.path()] = why }
