package execute

import (
	"fmt"
	"slices"

	"phlb/internal/snapshot"
)

// prunes counts the snapshots to be removed.
func (c *checked) prunes() int { return len(c.pruned) }

// isPruned reports whether a snapshot is to be removed.
func (c *checked) isPruned(id snapshot.ID) bool {
	_, ok := c.pruned[id]
	return ok
}

// assignPrunes checks what the plan prunes, when all its sources are known.
func (c *checker) assignPrunes() error {
	for _, id := range c.prune {
		if _, twice := c.pruned[id]; twice {
			return fmt.Errorf("it prunes %s twice", id)
		}
		i := slices.IndexFunc(c.sources, func(s *checkedSource) bool { return s.Name == id.Name })
		if i < 0 {
			return fmt.Errorf("it prunes %s, but %q is no source of the plan", id, id.Name)
		}
		src := c.sources[i]
		newest := src.parent.Time
		if src.Snapshot != "" {
			newest = src.id.Time
		}
		if id.Time >= newest {
			return fmt.Errorf("it prunes %s, the newest snapshot of its name or a later one", id)
		}
		src.prune = append(src.prune, id)
		c.pruned[id] = struct{}{}
	}
	return nil
}
