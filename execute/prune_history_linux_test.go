package execute_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"phlb/execute"
	"phlb/internal/snapshot"
	"phlb/plan"
	"phlb/verify"
)

// TestKillPruning kills runs at single writing calls of pruning and asserts
// that the same plan, or the next one, finishes what they left.
func TestKillPruning(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 6 {
		at := 1 + r.IntN(75)
		t.Run(fmt.Sprint(at), func(t *testing.T) { killPruning(t, at) })
	}
}

func killPruning(t *testing.T, at int) {
	w := newWorld(t)
	ids := w.history(4)
	w.retain("keep_last: 1")
	f := w.plan(pruneOnly)
	before := w.published()
	w.killAt(f, at, -1, func() {}, "PHLB_TEST_WRITES=1")
	w.immutableBut(before, ids[:3]...)
	for _, id := range w.snapshots() {
		w.sums(filepath.Join(w.root, id)) // whole, or no snapshot any more
	}
	if at%2 == 0 {
		if res, err := w.try(f); err != nil && !errors.Is(err, execute.ErrRefused) {
			t.Error(err)
		} else if err == nil && len(res.Reports[0].Pruned) != 3 {
			t.Errorf("pruned: %v", res.Reports[0].Pruned)
		}
	}
	rep := w.apply(w.plan())
	w.whole(rep)
	same(t, "snapshots", w.snapshots(), []string{*rep.Snapshot})
	w.gone(ids...)
	for p, o := range w.danglingLookups() {
		if !strings.Contains(o, "no such file") {
			t.Errorf("the lookup %s is %s", p, o)
		}
	}
}

// TestHistoriesWithRetention runs random histories under random rules: every
// snapshot that is kept stays exactly as it was, the newest is there, lookups
// never lie and miss nothing, and verify finds no damage.
func TestHistoriesWithRetention(t *testing.T) {
	runs := 14
	if testing.Short() {
		runs = 6
	}
	seed := rand.Uint64()
	for i := range 3 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Logf("seed %d, %d", seed, i)
			w := newWorld(t)
			h := &randomHistory{world: w, rand: rand.New(rand.NewPCG(seed, uint64(i))), want: map[string]map[string]object{}}
			for range runs {
				h.step()
			}
			root, err := snapshot.Open(w.root)
			w.ok(err)
			defer root.Close()
			res, err := verify.Verify(t.Context(), root, verify.Options{Workers: 2})
			w.ok(err)
			if len(res.Findings) > 0 {
				t.Errorf("%+v", res.Findings)
			}
		})
	}
}

type randomHistory struct {
	*world
	rand   *rand.Rand
	want   map[string]map[string]object // what each snapshot holds
	pinned []string
}

func (h *randomHistory) step() {
	h.t.Helper()
	for range 8 {
		h.change()
	}
	h.write("always", big("always", 3000))
	n := func(max int) int { return h.rand.IntN(max) }
	h.retain(fmt.Sprintf("keep_last: %d, keep_hourly: %d, keep_within: %dh", 1+n(4), n(2), n(2)))
	if ids := h.snapshots(); len(ids) > 0 && n(6) == 0 {
		id := ids[n(len(ids))]
		h.ok(os.WriteFile(filepath.Join(h.root, id+".pinned"), nil, 0o600))
		h.pinned = append(h.pinned, id)
	}
	var change []func(*plan.Options)
	if n(5) == 0 && len(h.want) > 0 {
		change = append(change, pruneOnly)
	}
	p := h.planned(change...)
	rep := h.apply(h.save(&p.Document))
	if rep.Snapshot != nil {
		h.whole(rep)
		h.want[*rep.Snapshot] = contents(h.snap(rep))
	}
	h.check(p, rep)
}

// change changes something in the source.
func (h *randomHistory) change() {
	name := fmt.Sprintf("d%d/f%d", h.rand.IntN(3), h.rand.IntN(6))
	path := filepath.Join(h.src, name)
	switch n := h.rand.IntN(10); {
	case n < 5:
		_ = os.Remove(path)
		h.write(name, big(fmt.Sprint(h.rand.IntN(12)), 900+100*h.rand.IntN(4)))
	case n < 7:
		_ = os.Remove(path)
	case n < 9:
		_ = os.Rename(path, filepath.Join(h.src, fmt.Sprintf("moved%d", h.rand.IntN(3))))
	default:
		_ = os.Chmod(path, 0o600)
	}
}

// check compares what is there with what must be.
func (h *randomHistory) check(p *plan.Plan, rep *execute.Report) {
	h.t.Helper()
	var pruned []string
	for _, r := range p.Prune {
		pruned = append(pruned, r.Snapshot)
		delete(h.want, r.Snapshot)
	}
	if !slices.Equal(pruned, rep.Pruned) || len(rep.NotPruned) > 0 {
		h.t.Errorf("planned to prune %v, pruned %v, but not %v", pruned, rep.Pruned, rep.NotPruned)
	}
	there := h.snapshots()
	same(h.t, "number of snapshots", len(there), len(h.want))
	for _, id := range there {
		same(h.t, id, contents(filepath.Join(h.root, id)), h.want[id])
	}
	for _, id := range h.pinned {
		if !slices.Contains(there, id) {
			h.t.Errorf("%s was pinned", id)
		}
	}
	h.gone(pruned...)
	h.settled()
	h.lookupsSound(true)
	if h.t.Failed() {
		h.t.FailNow()
	}
}

// contents is a tree without what links may change.
func contents(top string) map[string]object {
	all := list(top)
	for p, o := range all {
		o.Ctime, o.Nlink = 0, 0
		all[p] = o
	}
	return all
}
