package execute

import (
	"context"
	"io"
	"slices"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/meta"
	"phlb/internal/pool"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
)

// search looks for contents elsewhere in the root, in catalogues: those near
// by and the newest of all names, then, while link counts say that there is
// something to be found, all others. What is not found is removed.
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
	if err := m.searchIn(ctx, near); err != nil {
		return err
	}
	if err := m.searchWhile(ctx, others); err != nil {
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

// places lists the snapshots that may have a content: those where it is
// likely, and all others, the newest first.
func (m *mover) places(ctx context.Context) (near, others []snapshot.ID, err error) {
	for _, n := range m.near {
		near = append(near, n.id)
	}
	names, err := m.root.Names(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range names {
		times, err := m.root.Times(name)
		if err != nil {
			return nil, nil, err
		}
		for i, t := range slices.Backward(times) {
			id := snapshot.ID{Name: name, Time: t}
			switch {
			case slices.Contains(near, id):
			case i == len(times)-1:
				near = append(near, id)
			default:
				others = append(others, id)
			}
		}
	}
	return near, others, nil
}

func (m *mover) searchIn(ctx context.Context, ids []snapshot.ID) error {
	for _, id := range ids {
		if len(m.searched) == 0 {
			return nil
		}
		var lines []byte
		err := m.eachRecord(ctx, id, func(rec *catalog.Record) error {
			if rec.Kind == meta.File && m.found(id, rec) {
				lines = append(rec.SHA256.AppendHex(lines), '\n')
			}
			if len(m.searched) == 0 {
				return io.EOF
			}
			return nil
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		_ = err // a catalogue that is missing or damaged has nothing (more) to tell
		if len(lines) > 0 && m.root.AppendMoved(id, lines) != nil {
			m.failed()
		}
	}
	return nil
}

// found moves an entry to a file of the content, if the record is of one.
func (m *mover) found(id snapshot.ID, rec *catalog.Record) bool {
	s, ok := m.searched[rec.SHA256]
	to := id.String() + "/" + sums.StoredPath(rec.Path)
	if !ok || rec.Size != s.size || m.plan.isPruned(id) || !m.isFile(to, rec.Size) {
		return false
	}
	if _, err := m.lookups.Repoint(rec.SHA256, s.from, func() string { return to }); err != nil {
		m.failed()
		return false
	}
	delete(m.searched, rec.SHA256)
	return true
}

// searchWhile goes through catalogues as long as a content that is searched
// for has links outside the trash.
func (m *mover) searchWhile(ctx context.Context, ids []snapshot.ID) error {
	linked := func(s searched) bool { return s.links > 1 }
	if !anyOf(m.searched, linked) {
		return nil
	}
	here := map[digest.Sum]uint64{} // links in this snapshot
	err := m.eachRecord(ctx, m.id, func(rec *catalog.Record) error {
		if _, ok := m.searched[rec.SHA256]; ok && rec.Kind == meta.File {
			here[rec.SHA256]++
		}
		return nil
	})
	if ctx.Err() != nil {
		return ctx.Err()
	}
	_ = err // without its catalogue every link may lie elsewhere
	for i := range ids {
		outside := false
		for sum, s := range m.searched {
			outside = outside || s.links > max(here[sum], 1)
		}
		if !outside {
			return nil
		}
		if err := m.searchIn(ctx, ids[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

func anyOf[K comparable, V any](m map[K]V, is func(V) bool) bool {
	for _, v := range m {
		if is(v) {
			return true
		}
	}
	return false
}
