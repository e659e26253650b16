package execute

import (
	"cmp"
	"context"
	"slices"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/pool"
	"phlb/internal/snapshot"
)

// maxFurther bounds what is read in search of contents of which nothing says
// that they are anywhere: once so many records were read of the snapshots that
// are not near by, no further one is begun. It covers roots of ordinary size
// as a whole, and is less than half a second for two workers.
//
// Most contents that leave the places near by are really gone, which only
// reading every catalogue would prove: of 100 snapshots of 100,000 files ten
// times what removing one of them takes.
const maxFurther = 512 << 10

// search looks for contents elsewhere in the root: near by and in the newest
// snapshots of all names, then in the others as far as a bound goes, and beyond
// it while link counts say that there is something to be found. What is not
// found is removed.
func (m *mover) search(ctx context.Context) error {
	if err := m.pool.Wait(); err != nil {
		return err
	}
	m.pool = pool.New(m.opts.Workers)
	if len(m.searched) == 0 {
		return nil
	}
	near, others, err := m.places(ctx)
	if err != nil {
		return err
	}
	if err := m.searchNear(ctx, near); err != nil {
		return err
	}
	if err := m.searchFurther(ctx, others); err != nil {
		return err
	}
	for sum := range m.searched {
		if err := m.lookups.Remove(sum); err != nil {
			m.failed()
		}
	}
	clear(m.searched)
	return ctx.Err()
}

// places lists the snapshots that may have a content and stay: those where it
// is likely, and all others.
func (m *mover) places(ctx context.Context) (near, others []snapshot.ID, err error) {
	for _, n := range m.near {
		if !m.plan.isPruned(n.id) {
			near = append(near, n.id)
		}
	}
	names, err := m.root.Names(ctx)
	if err != nil {
		return nil, nil, err
	}
	histories := make([][]snapshot.ID, 0, len(names))
	for _, name := range names {
		times, err := m.root.Times(name)
		if err != nil {
			return nil, nil, err
		}
		ids := make([]snapshot.ID, len(times))
		for i, t := range times {
			ids[i] = snapshot.ID{Name: name, Time: t}
		}
		ids = slices.DeleteFunc(ids, m.plan.isPruned)
		if last := len(ids) - 1; last >= 0 && !slices.Contains(near, ids[last]) {
			near = append(near, ids[last])
		}
		histories = append(histories, slices.DeleteFunc(ids, func(id snapshot.ID) bool { return slices.Contains(near, id) }))
	}
	return near, closest(histories, m.id.Time), nil
}

// closest merges the names' histories, what was made about a time first, the
// later ones before the earlier ones: sources share a content at one time, and
// no name's long history delays the others.
func closest(histories [][]snapshot.ID, time string) []snapshot.ID {
	type place struct {
		id   snapshot.ID
		away int // snapshots of its name in between, in either direction
	}
	var places []place
	for _, ids := range histories {
		at, _ := slices.BinarySearchFunc(ids, time, func(id snapshot.ID, t string) int { return cmp.Compare(id.Time, t) })
		for i, id := range slices.Backward(ids) {
			places = append(places, place{id, max(i-at, at-1-i)})
		}
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(a.away, b.away) })
	sorted := make([]snapshot.ID, len(places))
	for i := range places {
		sorted[i] = places[i].id
	}
	return sorted
}

func (m *mover) searchNear(ctx context.Context, ids []snapshot.ID) error {
	for some := range slices.Chunk(ids, m.opts.Workers) {
		if len(m.searched) == 0 {
			return nil
		}
		if _, err := m.searchIn(ctx, some); err != nil {
			return err
		}
	}
	return nil
}

// searchFurther goes through snapshots up to the bound, and then as long as a
// content that is searched for has links outside the trash.
func (m *mover) searchFurther(ctx context.Context, ids []snapshot.ID) error {
	var read int64
	var here map[digest.Sum]uint64
	for some := range slices.Chunk(ids, m.opts.Workers) {
		if len(m.searched) == 0 {
			return nil
		}
		if read >= m.further {
			if here == nil {
				here = m.linksHere(ctx)
			}
			if !m.linkedElsewhere(here) {
				return nil
			}
		}
		n, err := m.searchIn(ctx, some)
		if err != nil {
			return err
		}
		read += n
	}
	return nil
}

// linksHere counts what the pruned snapshot has of the contents that are
// searched for. Where nothing tells, every link may lie elsewhere.
func (m *mover) linksHere(ctx context.Context) map[digest.Sum]uint64 {
	here := map[digest.Sum]uint64{}
	if !m.linkedElsewhere(here) {
		return here
	}
	count := func(sum digest.Sum) {
		if _, ok := m.searched[sum]; ok {
			here[sum]++
		}
	}
	err := m.eachRecord(ctx, m.id, func(rec *catalog.Record) error {
		if rec.Kind == meta.File {
			count(rec.SHA256)
		}
		return nil
	})
	if err != nil {
		clear(here)
		_ = m.eachListed(ctx, m.tree, ".", func(_ *fsys.Dir, _, _ string, sum digest.Sum) error {
			count(sum)
			return nil
		})
	}
	return here
}

func (m *mover) linkedElsewhere(here map[digest.Sum]uint64) bool {
	for sum, s := range m.searched {
		if s.links > max(here[sum], 1) {
			return true
		}
	}
	return false
}

// searchIn searches snapshots at the same time, and moves the entries to the
// first that has their content. It returns how many records were read.
func (m *mover) searchIn(ctx context.Context, ids []snapshot.ID) (read int64, err error) {
	seekers := make([]seeker, len(ids))
	workers := pool.New(m.opts.Workers)
	for i, id := range ids {
		seekers[i] = seeker{mover: m, id: id, found: map[digest.Sum]string{}}
		if err := workers.Submit(func() error { return seekers[i].seek(ctx) }); err != nil {
			break
		}
	}
	if err := workers.Wait(); err != nil {
		return 0, err
	}
	for i := range seekers {
		read += seekers[i].read
		m.take(&seekers[i])
	}
	return read, nil
}

// take moves entries to what was found in a snapshot.
func (m *mover) take(s *seeker) {
	var lines []byte
	for sum, to := range s.found {
		c, ok := m.searched[sum]
		if !ok {
			continue // it was in another snapshot, too
		}
		if _, err := m.lookups.Repoint(sum, c.from, func() string { return to }); err != nil {
			m.failed()
			continue
		}
		delete(m.searched, sum)
		lines = append(sum.AppendHex(lines), '\n')
	}
	if len(lines) > 0 && m.root.AppendMoved(s.id, lines) != nil {
		m.failed()
	}
}
