package repair

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"sync"

	"phlb/internal/digest"
	"phlb/internal/meta"
	"phlb/internal/pool"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
)

// maxCandidates is how many inodes are remembered for one content: some of
// them may be damaged, too.
const maxCandidates = 8

// survey is what a walk over all snapshots of the root finds, without reading
// the content of anything: where files of the wanted contents are said to be,
// and all names of the damaged inodes.
type survey struct {
	mu         sync.Mutex
	candidates map[digest.Sum][]candidate
}

// candidate is a file of the root whose SHA256SUMS says it has the content.
type candidate struct {
	path string // relative to the root
	key  inodeKey
}

// surveyRoot makes the survey, once.
func (c *casebook) surveyRoot(ctx context.Context) error {
	if c.survey != nil {
		return nil
	}
	c.survey = &survey{candidates: map[digest.Sum][]candidate{}}
	for _, s := range c.allSpots() {
		for _, sum := range s.lines {
			c.survey.candidates[sum] = nil
		}
	}
	names, err := c.root.Names(ctx)
	if err != nil {
		return err
	}
	workers := pool.New(c.Workers)
	for _, name := range names {
		times, err := c.root.Times(name)
		if err != nil {
			return errors.Join(err, workers.Wait())
		}
		for _, time := range times {
			id := snapshot.ID{Name: name, Time: time}
			if err := workers.Submit(func() error { return c.surveySnapshot(ctx, id) }); err != nil {
				return errors.Join(err, workers.Wait())
			}
		}
	}
	return workers.Wait()
}

func (c *casebook) allSpots() []*spot {
	all := append([]*spot{}, c.missing...)
	for _, n := range c.inodes {
		all = append(all, n.spots...)
	}
	return all
}

func (c *casebook) surveySnapshot(ctx context.Context, id snapshot.ID) error {
	dirs := []string{"."}
	for len(dirs) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		rel := dirs[len(dirs)-1]
		dirs = dirs[:len(dirs)-1]
		p, err := openPlace(c.root, c.root.Dir(), path.Join(id.String(), rel))
		if err != nil {
			continue // the judge has told
		}
		dirs = append(dirs, c.surveyPlace(p, id, rel)...)
		p.dir.Close()
	}
	return nil
}

// surveyPlace looks at what lies directly in a directory and returns the
// directories among it.
func (c *casebook) surveyPlace(p *place, id snapshot.ID, rel string) (below []string) {
	entries, err := p.dir.ReadDir()
	if err != nil {
		return nil
	}
	for _, e := range entries {
		if e.Name == sums.FileName {
			continue
		}
		info, err := p.dir.Lstat(e.Name)
		if err != nil {
			continue
		}
		at := path.Join(rel, e.Name)
		switch info.Kind {
		case meta.Dir:
			below = append(below, at)
		case meta.File:
			c.note(&spot{id: id, rel: at, info: info, lines: p.lines[e.Name], isTrusted: p.isTrusted})
		}
	}
	return below
}

// note takes up a file that the survey met.
func (c *casebook) note(s *spot) {
	key := keyOf(&s.info)
	c.survey.mu.Lock()
	defer c.survey.mu.Unlock()
	if n := c.inodes[key]; n != nil {
		if !c.known[s.path()] {
			c.known[s.path()] = true
			n.spots = append(n.spots, s)
		}
		return
	}
	for _, sum := range s.lines {
		list, isWanted := c.survey.candidates[sum]
		if isWanted && len(list) < maxCandidates && !hasKey(list, key) {
			c.survey.candidates[sum] = append(list, candidate{path: s.path(), key: key})
		}
	}
}

func hasKey(list []candidate, key inodeKey) bool {
	for _, c := range list {
		if c.key == key {
			return true
		}
	}
	return false
}

// fromLookup returns the path that the lookup names for a content; "": none.
func (c *casebook) fromLookup(sum digest.Sum) string {
	p, ok, err := c.db.Get(sum)
	if err != nil || !ok {
		return "" // a hint that cannot be read is none
	}
	if _, _, ok := snapshot.Published(p); !ok {
		return ""
	}
	if _, err := c.root.Dir().LstatAt(p); errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return p
}
