package execute

import (
	"sync"

	"phlb/internal/catalog"
	"phlb/internal/sums"
)

// spares are copies that this run made because a stored inode refused another
// link (EMLINK: 65,000 on ext4, far fewer elsewhere), by that inode's number.
// Later links to it go to the copy, so that the content is stored once more
// and not once for each of them.
type spares struct {
	mu    sync.Mutex
	paths map[uint64]string // stored path below the tree
}

func (s *spares) of(ino uint64) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.paths[ino]
}

func (s *spares) keep(ino uint64, storedPath string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.paths == nil {
		s.paths = map[uint64]string{}
	}
	s.paths[ino] = storedPath
}

// joinSpare links to the copy that stands in for an inode, if there is one.
func (h *hands) joinSpare(t *task, full *target) (*catalog.Record, error) {
	at := h.b.spare.of(full.inode.Ino)
	if at == "" {
		return nil, unfit("it cannot have more links")
	}
	dir, err := h.otherDir(h.b.tree, dirOf(at))
	if err != nil {
		return nil, err
	}
	to := &target{dir: dir, name: base(at), sum: full.sum, inPlan: true, private: true, xattrs: full.xattrs}
	if to.inode, err = dir.Lstat(to.name); err != nil {
		return nil, err
	}
	return h.join(t, to)
}

// becomesSpare lets a fallback copy stand in for the inode it could not be
// linked to. One that drifted has another content or other attributes.
func (h *hands) becomesSpare(t *task, ino uint64, out *outcome) {
	if ino != 0 && h.b.drift(&t.Entry, out) == "" {
		h.b.spare.keep(ino, sums.StoredPath(t.Path))
	}
}
