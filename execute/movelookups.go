package execute

import (
	"bufio"
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"sync"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/lookup"
	"phlb/internal/meta"
	"phlb/internal/pool"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
	"phlb/internal/vouch"
)

const (
	// moveBatch is how many lookup entries a worker looks at in one go.
	moveBatch = 512
	// maxSearched bounds the contents that are searched for at a time.
	maxSearched = 64 << 10
	// maxMovedList bounds what is read of a list of moved contents, in bytes.
	maxMovedList = 64 << 20
)

// mover moves the lookup entries that point into a snapshot in the trash to
// surviving files of the same content, and removes those for whose content
// there is none.
//
// Reading the entry of every file would cost more than removing the files. An
// entry can point here if the snapshot's run stored the content (a copy), or
// if pruning moved the entry here from another snapshot, which is on a list.
// Entries that came here otherwise, by rebuild or from PHLB, come in masses,
// which samples of the links tell.
//
// Whatever fails here stops nothing: an entry that points to nothing is no
// error. Only the end of ctx is one.
type mover struct {
	*runner
	id     snapshot.ID
	tree   *fsys.Dir // in the trash; nil: it is gone
	native bool      // its catalogue tells the source's names
	near   []nearby
	listed map[digest.Sum]struct{} // contents whose entries were moved here
	all    bool                    // any file's entry may point here
	pool   *pool.Pool
	batch  []content

	mu       sync.Mutex
	searched map[digest.Sum]searched
	failures int
}

// nearby is a snapshot of the same name that stays: the newest, and those
// next to the pruned one.
type nearby struct {
	id  snapshot.ID
	dir *fsys.Dir
}

// searched is a content whose entry points here, and that the snapshots near
// by do not have at the same path.
type searched struct {
	from  string // what the entry says
	size  int64
	links uint64 // of the inode; 0: not known
}

// moveLookups is done while the snapshot is in the trash with its catalogue.
func (p *pruner) moveLookups(ctx context.Context, id snapshot.ID) error {
	m := &mover{runner: p.runner, id: id, pool: pool.New(p.opts.Workers), searched: map[digest.Sum]searched{}}
	defer m.close()
	err := m.open()
	if err == nil {
		err = m.move(ctx)
	}
	if last := m.pool.Wait(); err == nil {
		err = last
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil || m.failures > 0 {
		p.opts.Log.Warn("some lookups still point to a pruned snapshot; rebuild mends them", "snapshot", id.String(), "failures", m.failures, "error", err)
	}
	return nil
}

func (m *mover) open() error {
	var err error
	if m.tree, err = m.root.OpenTrashed(m.id); err != nil {
		return err
	}
	m.native = m.hasReport()
	if err := m.openNear(); err != nil {
		return err
	}
	m.listed, m.all = m.movedHere(m.id)
	return nil
}

func (m *mover) hasReport() bool {
	f, err := m.root.OpenSidecar(m.id, snapshot.SuffixReport)
	if err != nil {
		return false
	}
	f.Close()
	return true
}

// openNear opens the snapshots to look into first. The newest one comes first:
// entries that point there stay right the longest.
func (m *mover) openNear() error {
	times, err := m.root.Times(m.id.Name)
	if err != nil {
		return err
	}
	times = slices.DeleteFunc(times, func(t string) bool { return m.plan.isPruned(snapshot.ID{Name: m.id.Name, Time: t}) })
	var chosen []string
	if len(times) > 0 {
		chosen = append(chosen, times[len(times)-1])
	}
	i, _ := slices.BinarySearch(times, m.id.Time)
	for _, k := range []int{i, i - 1} {
		if k >= 0 && k < len(times) && !slices.Contains(chosen, times[k]) {
			chosen = append(chosen, times[k])
		}
	}
	for _, t := range chosen {
		n := nearby{id: snapshot.ID{Name: m.id.Name, Time: t}}
		if n.dir, err = m.root.OpenSnapshot(n.id); err != nil {
			return err
		}
		m.near = append(m.near, n)
	}
	return nil
}

func (m *mover) close() {
	if m.tree != nil {
		m.tree.Close()
	}
	for _, n := range m.near {
		n.dir.Close()
	}
}

// movedHere reads the list of contents whose entries were moved to a
// snapshot; all is true if there are too many to list.
func (r *runner) movedHere(id snapshot.ID) (listed map[digest.Sum]struct{}, all bool) {
	listed = map[digest.Sum]struct{}{}
	f, err := r.root.MovedFile(id)
	if err != nil {
		return listed, false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size > maxMovedList {
		return listed, true
	}
	for in := bufio.NewScanner(io.LimitReader(f, maxMovedList)); in.Scan(); {
		if sum, err := digest.Parse(in.Text()); err == nil {
			listed[sum] = struct{}{}
		}
	}
	return listed, false
}

// errAll begins anew and looks at the entry of every file.
var errAll = errors.New("the lookups point here in masses")

func (m *mover) move(ctx context.Context) error {
	err := m.recorded(ctx)
	if errors.Is(err, errAll) {
		m.all = true
		err = m.recorded(ctx)
	}
	if err != nil && ctx.Err() == nil {
		// No catalogue, or a damaged one: the snapshot's own SHA256SUMS tell.
		err = m.walked(ctx, ".")
	}
	if err == nil {
		err = m.flush(ctx)
	}
	if err == nil {
		err = m.search(ctx)
	}
	return err
}

// recorded goes through the snapshot's catalogue.
func (m *mover) recorded(ctx context.Context) error {
	s := sampler{}
	return m.eachRecord(ctx, m.id, func(rec *catalog.Record) error {
		if rec.Kind != meta.File || rec.Size < lookup.MinSize {
			return nil
		}
		c := content{path: m.stored(rec), sum: rec.SHA256, size: rec.Size}
		if !m.mayPointHere(rec) {
			if s.takes() && m.pointsHere(&c) {
				return errAll
			}
			return nil
		}
		return m.add(ctx, c)
	})
}

func (m *mover) stored(rec *catalog.Record) string {
	if rec.Stored != nil || m.native {
		return sums.StoredPath(rec.Path)
	}
	return rec.Path
}

func (m *mover) mayPointHere(rec *catalog.Record) bool {
	if m.all || rec.Stored == nil || rec.Stored.Action != catalog.StoredLink {
		return true
	}
	_, ok := m.listed[rec.SHA256]
	return ok
}

// sampler takes the first of many things and ever fewer of the later ones.
type sampler struct{ seen, next int }

func (s *sampler) takes() bool {
	s.seen++
	if s.seen <= s.next {
		return false
	}
	s.next = s.seen + s.seen/8
	return true
}

func (m *mover) pointsHere(c *content) bool {
	old, ok, err := m.lookups.Get(c.sum)
	return err == nil && ok && old == m.place(c)
}

// place is where a content's file was published.
func (m *mover) place(c *content) string { return m.id.String() + "/" + c.path }

// walked goes through a directory's SHA256SUMS and those below it.
func (m *mover) walked(ctx context.Context, rel string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	subs, err := m.listedIn(ctx, rel)
	if err != nil {
		return err
	}
	for _, sub := range subs {
		if err := m.walked(ctx, path.Join(rel, sub)); err != nil {
			return err
		}
	}
	return nil
}

// listedIn adds what a directory's SHA256SUMS lists, and returns the
// directories in it. One that cannot be read is passed over.
func (m *mover) listedIn(ctx context.Context, rel string) (subs []string, err error) {
	dir, err := m.tree.OpenDirAt(rel)
	if err != nil {
		return nil, nil //nolint:nilerr // some entries then point to nothing
	}
	defer dir.Close()
	lines, err := vouch.Trusted(m.root, dir)
	if err != nil {
		return nil, nil //nolint:nilerr // likewise
	}
	for name, sum := range lines {
		st, err := dir.Lstat(name)
		if err != nil || st.Kind != meta.File || st.Size < lookup.MinSize {
			continue
		}
		if err := m.add(ctx, content{path: path.Join(rel, name), sum: sum, size: st.Size}); err != nil {
			return nil, err
		}
	}
	list, err := dir.ReadDir()
	if err != nil {
		return nil, nil //nolint:nilerr // likewise
	}
	for _, e := range list {
		if e.Kind == meta.Dir {
			subs = append(subs, e.Name)
		}
	}
	return subs, nil
}

// add takes a file whose content's entry may point here.
func (m *mover) add(ctx context.Context, c content) error {
	m.batch = append(m.batch, c)
	if len(m.batch) < moveBatch {
		return nil
	}
	return m.flush(ctx)
}

func (m *mover) flush(ctx context.Context) error {
	batch := m.batch
	m.batch = nil
	m.mu.Lock()
	full := len(m.searched) >= maxSearched
	m.mu.Unlock()
	if full {
		if err := m.search(ctx); err != nil {
			return err
		}
	}
	return m.pool.Submit(func() error {
		h := &movingHands{mover: m, beside: make([]handle, len(m.near)), moved: make([][]byte, len(m.near))}
		defer h.close()
		for i := range batch {
			if err := ctx.Err(); err != nil {
				return err
			}
			h.settle(&batch[i])
		}
		return nil
	})
}

func (m *mover) failed() {
	m.mu.Lock()
	m.failures++
	m.mu.Unlock()
}

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
