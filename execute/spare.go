package execute

import (
	"slices"
	"sync"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/sums"
	"phlb/plan"
)

// spares are copies that this run made because a stored inode refused another
// link (EMLINK: 65,000 on ext4, far fewer elsewhere), by that inode's number.
// Later links to it go to a copy that the link rule allows for them, so that
// the content is stored once more, or once for each owner, and not once for
// each of them.
type spares struct {
	mu    sync.Mutex
	made  map[uint64][]spare
	count int
}

// maxSpares bounds how many are kept. Where nothing can be linked, each copy
// would be one.
const maxSpares = 1 << 16

// spare is one such copy. It is in this run's tree, where nobody can alter it.
type spare struct {
	path  string // stored path below the tree
	sum   digest.Sum
	attrs plan.Attrs
}

// of returns the latest spare of an inode that may serve for a content and
// attributes: earlier ones may be full, too.
func (s *spares) of(ino uint64, sum digest.Sum, rule *plan.LinkRule, want *plan.Attrs) (spare, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sp := range slices.Backward(s.made[ino]) {
		if sp.sum == sum && rule.Differs(want, &sp.attrs) == "" {
			return sp, true
		}
	}
	return spare{}, false
}

func (s *spares) keep(ino uint64, sp spare) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == maxSpares {
		return
	}
	if s.made == nil {
		s.made = map[uint64][]spare{}
	}
	s.count++
	s.made[ino] = append(s.made[ino], sp)
}

// joinSpare links to a copy that stands in for an inode, if there is one.
func (h *hands) joinSpare(t *task, full *target) (*catalog.Record, error) {
	want := planned(&t.Entry)
	sp, ok := h.b.spare.of(full.inode.Ino, full.sum, &h.b.rule, &want)
	if !ok {
		return nil, unfit("it cannot have more links")
	}
	dir, err := h.otherDir(h.b.tree, dirOf(sp.path))
	if err != nil {
		return nil, err
	}
	to := &target{dir: dir, name: base(sp.path), sum: sp.sum, inPlan: true, private: true, xattrs: sp.attrs.Xattrs}
	if to.inode, err = dir.Lstat(to.name); err != nil {
		return nil, err
	}
	return h.join(t, to)
}

// becomesSpare lets a fallback copy stand in for the inode it could not be
// linked to. One that would not do for its own file, since it has drifted or
// lacks what the destination does not keep, does for no other.
func (h *hands) becomesSpare(t *task, ino uint64, out *outcome) {
	want, have := planned(&t.Entry), attrsOf(&out.stored)
	if ino != 0 && h.b.drift(&t.Entry, out) == "" && h.b.rule.Differs(&want, &have) == "" {
		h.b.spare.keep(ino, spare{path: sums.StoredPath(t.Path), sum: out.sum, attrs: have})
	}
}
