package execute

import (
	"bufio"
	"context"
	"errors"
	"io"
	"slices"
	"sync"

	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/pool"
	"phlb/internal/snapshot"
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
	// further bounds the search where nothing says that it finds something, in
	// records.
	further int64

	mu       sync.Mutex
	searched map[digest.Sum]searched
	failures int
}

// nearby is another snapshot of the same name: the newest, or one next to the
// pruned one.
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
	m := &mover{runner: p.runner, id: id, pool: pool.New(p.opts.Workers), further: maxFurther, searched: map[digest.Sum]searched{}}
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
	m.native = m.root.HasReport(m.id)
	if err := m.openNear(); err != nil {
		return err
	}
	m.listed, m.all = m.movedHere(m.id)
	return nil
}

// openNear opens the snapshots to look into first. The newest one comes first:
// entries that point there stay right the longest. Neighbours that the plan
// prunes, too, come last: what only they have moves along with them and is
// searched for once, in the end, or is still right if they stay after all.
func (m *mover) openNear() error {
	times, err := m.root.Times(m.id.Name)
	if err != nil {
		return err
	}
	staying := slices.DeleteFunc(slices.Clone(times), func(t string) bool { return m.plan.isPruned(snapshot.ID{Name: m.id.Name, Time: t}) })
	var chosen []string
	if len(staying) > 0 {
		chosen = append(chosen, staying[len(staying)-1])
	}
	for _, among := range [][]string{staying, times} {
		i, _ := slices.BinarySearch(among, m.id.Time)
		for _, k := range []int{i, i - 1} {
			if k >= 0 && k < len(among) && !slices.Contains(chosen, among[k]) {
				chosen = append(chosen, among[k])
			}
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

func (m *mover) move(ctx context.Context) error {
	err := m.recorded(ctx)
	if errors.Is(err, errAll) {
		m.all = true
		err = m.recorded(ctx)
	}
	if err != nil && ctx.Err() == nil {
		// No catalogue, or a damaged one: the snapshot's own SHA256SUMS tell.
		err = m.walked(ctx)
	}
	if err == nil {
		err = m.flush(ctx)
	}
	if err == nil {
		err = m.search(ctx)
	}
	return err
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
