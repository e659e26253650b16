package execute

import (
	"path"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// movingHands is one worker's part of a batch.
type movingHands struct {
	*mover
	own    handle
	beside []handle // of near
	moved  [][]byte // to near: lines for their lists
}

// handle keeps the directory that was asked about last open.
type handle struct {
	dir *fsys.Dir
	at  string
}

func (h *handle) lstat(top *fsys.Dir, rel string) (meta.Info, error) {
	if at := path.Dir(rel); h.dir == nil || h.at != at {
		h.close()
		dir, err := top.OpenDirAt(at)
		if err != nil {
			return meta.Info{}, err
		}
		h.dir, h.at = dir, at
	}
	return h.dir.Lstat(path.Base(rel))
}

// settle moves one entry, if it points here, to the same inode at the same
// path in a snapshot near by.
func (h *movingHands) settle(c *content) {
	var own meta.Info
	to := -1
	held, err := h.lookups.Repoint(c.sum, h.place(c), func() string {
		var err error
		if own, err = h.own.lstat(h.tree, c.path); err != nil {
			return ""
		}
		for i := range h.near {
			st, err := h.beside[i].lstat(h.near[i].dir, c.path)
			if err == nil && st.Kind == meta.File && st.SameFile(&own) {
				to = i
				return h.near[i].id.String() + "/" + c.path
			}
		}
		return ""
	})
	switch {
	case err != nil:
		h.failed()
	case held && to >= 0:
		h.moved[to] = append(c.sum.AppendHex(h.moved[to]), '\n')
	case held:
		h.mu.Lock()
		h.searched[c.sum] = searched{from: h.place(c), size: c.size, links: own.Nlink}
		h.mu.Unlock()
	}
}

func (h *handle) close() {
	if h.dir != nil {
		h.dir.Close()
		h.dir = nil
	}
}

func (h *movingHands) close() {
	h.own.close()
	for i := range h.beside {
		h.beside[i].close()
		if len(h.moved[i]) > 0 && h.root.AppendMoved(h.near[i].id, h.moved[i]) != nil {
			h.failed()
		}
	}
}
