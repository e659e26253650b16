package execute_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/execute"
	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/plan"
)

func (w *world) retain(rules string) { w.settings = "  retention: {" + rules + "}\n" }

func sha(text string) digest.Sum { return digest.Sum(sha256.Sum256([]byte(text))) }

func pruneOnly(o *plan.Options) { o.PruneOnly = true }

// gone checks that nothing is left of a snapshot.
func (w *world) gone(ids ...string) {
	w.t.Helper()
	for _, id := range ids {
		for _, path := range []string{
			id, id + "-backup.log", id + "-summary.txt", id + "-report.json",
			".phlb/catalog/" + id + ".jsonl.zst", ".phlb/catalog/" + id + ".moved",
		} {
			if o := look(filepath.Join(w.root, path)); o.Kind != "" && !strings.Contains(o.Kind, "no such file") {
				w.t.Errorf("%s is still there: %s", path, o.Kind)
			}
		}
	}
	list, err := os.ReadDir(filepath.Join(w.root, ".phlb/trash"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) || len(list) > 0 {
		w.t.Errorf("in the trash: %v, %v", list, err)
	}
}

// immutableBut is immutable for all but some snapshots.
func (w *world) immutableBut(before map[string]object, ids ...string) {
	w.t.Helper()
	left := map[string]object{}
	for p, o := range before {
		if !slices.ContainsFunc(ids, func(id string) bool { return p == id || strings.HasPrefix(p, id+"/") }) {
			left[p] = o
		}
	}
	w.immutable(left)
}

// reads returns how many bytes are read while do runs.
func (w *world) reads(do func()) int64 {
	w.t.Helper()
	count := func() (n int64) {
		text, err := os.ReadFile("/proc/self/io")
		if err != nil {
			w.t.Skip("needs /proc/self/io to count what is read")
		}
		_, err = fmt.Sscanf(string(text), "rchar: %d", &n)
		w.ok(err)
		return n
	}
	before := count()
	do()
	return count() - before
}

// history makes snapshots between which files are added, changed, moved and
// removed, and returns their ids.
func (w *world) history(n int) []string {
	w.t.Helper()
	var ids []string
	w.write("always", big("always", 1<<20))
	w.write("d/e/always", big("too", 3000))
	for i := range n {
		w.write("changing", big(fmt.Sprint("changing", i), 2000+i))
		w.write(fmt.Sprint("once/f", i), big(fmt.Sprint("once", i), 1500+i))
		_ = os.Remove(filepath.Join(w.src, fmt.Sprint("once/f", i-1)))
		w.write("small", fmt.Sprint("small", i))
		if i > 0 {
			w.ok(os.Rename(filepath.Join(w.src, fmt.Sprint("moving", i-1)), filepath.Join(w.src, fmt.Sprint("moving", i))))
		} else {
			w.write("moving0", big("moving", 5000))
		}
		ids = append(ids, *w.backup().Snapshot)
	}
	return ids
}

func TestPrune(t *testing.T) {
	w := newWorld(t)
	ids := w.history(4)
	before := w.published()
	w.retain("keep_last: 3")
	p := w.planned()
	same(t, "prunes", len(p.Prune), 2)
	rep := w.apply(w.save(&p.Document))
	w.whole(rep)
	same(t, "pruned", rep.Pruned, ids[:2])
	same(t, "pruned in the file", w.reportOf(*rep.Snapshot).Pruned, ids[:2])
	same(t, "snapshots", w.snapshots(), append(slices.Clone(ids[2:]), *rep.Snapshot))
	w.gone(ids[:2]...)
	w.immutableBut(before, ids[:2]...)
	w.settled()
	w.lookupsSound(true)

	// What lost a link is not read again.
	p = w.planned()
	n := w.reads(func() { rep = w.apply(w.save(&p.Document)) })
	if n > 500_000 || rep.LinkFallbacks > 0 {
		t.Errorf("the next run reads %d bytes, with %d fallbacks", n, rep.LinkFallbacks)
	}
	w.gone(ids[:3]...)
	w.lookupsSound(true)
	for range 3 {
		rep = w.backup()
		w.lookupsSound(true)
	}
	same(t, "pruned", len(rep.Pruned), 1)
	same(t, "snapshots", len(w.snapshots()), 3)
}

// TestPruneOnly works without the source, and is over when it is done.
func TestPruneOnly(t *testing.T) {
	w := newWorld(t)
	ids := w.history(4)
	w.retain("keep_last: 2")
	away := w.src + ".away"
	w.ok(os.Rename(w.src, away))
	f := w.plan(pruneOnly)
	rep := w.apply(f)
	same(t, "pruned", rep.Pruned, ids[:2])
	same(t, "snapshots", w.snapshots(), ids[2:])
	if rep.Snapshot != nil {
		t.Errorf("made %s", *rep.Snapshot)
	}
	w.gone(ids[:2]...)
	w.settled()
	w.lookupsSound(true)
	w.refused(f, execute.ErrRefused, "already applied")
	w.ok(os.Rename(away, w.src))
	if n := w.reads(func() { rep = w.apply(w.plan()) }); n > 500_000 || rep.LinkFallbacks > 0 {
		t.Errorf("the next run reads %d bytes, with %d fallbacks", n, rep.LinkFallbacks)
	}
	w.whole(rep)
}

// TestPruneIsCheckedAgain: what has changed since planning keeps a snapshot.
func TestPruneIsCheckedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		change func(w *world, ids []string)
		stays  map[int]string
	}{
		"pinned":    {func(w *world, ids []string) { w.ok(os.WriteFile(filepath.Join(w.root, ids[0]+".pinned"), nil, 0o600)) }, map[int]string{0: "it is pinned"}},
		"removed":   {func(w *world, ids []string) { w.ok(os.RemoveAll(filepath.Join(w.root, ids[1]))) }, map[int]string{1: "it is gone already"}},
		"no change": {func(*world, []string) {}, map[int]string{}},
		"the newest complete": {func(w *world, ids []string) {
			for _, id := range ids[1:] {
				w.ok(os.Remove(filepath.Join(w.root, id+"-report.json")))
				w.ok(os.Remove(filepath.Join(w.root, id+"-summary.txt")))
			}
		}, map[int]string{0: "it is the newest complete one"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			ids := w.history(3)
			w.retain("keep_last: 1")
			f := w.plan(pruneOnly)
			c.change(w, ids)
			rep := w.apply(f)
			for i, id := range ids[:2] {
				why, stays := c.stays[i]
				if got := slices.Contains(rep.Pruned, id); got == stays {
					t.Errorf("%s: pruned is %v", id, got)
				}
				if stays && !slices.Contains(rep.NotPruned, execute.NotPruned{Snapshot: id, Reason: why}) {
					t.Errorf("%s: %v", id, rep.NotPruned)
				}
			}
			if !slices.Contains(w.snapshots(), ids[2]) {
				t.Error("the newest is gone")
			}
		})
	}
}

// TestFailedFilesStopPruning: only those that the plan did not foresee.
func TestFailedFilesStopPruning(t *testing.T) {
	w := newWorld(t)
	ids := w.history(2)
	w.retain("keep_last: 1")
	other := w.write("other", big("other", 3000))
	f := w.plan()
	w.ok(os.Remove(other))
	w.ok(os.Mkdir(other, 0o755)) // of another type now
	rep := w.apply(f)
	same(t, "failed", paths(rep.Failed), []string{"other"})
	same(t, "pruned", rep.Pruned, []string{})
	same(t, "snapshots", w.snapshots(), append(slices.Clone(ids), *rep.Snapshot))
	if len(rep.NotPruned) != 2 || !strings.Contains(rep.NotPruned[0].Reason, "could not be stored") {
		t.Errorf("%+v", rep.NotPruned)
	}
	w.ok(os.Remove(other))
	// A name that no snapshot can hold is a skip of the plan.
	w.write("SHA256SUMS"+strings.Repeat(".source", 35), "x")
	rep = w.apply(w.plan())
	same(t, "status", rep.Status, execute.StatusPartial)
	// The newest complete one stays: it is neither the partial new one nor
	// the partial one before.
	same(t, "pruned", rep.Pruned, []string{ids[0], w.reportOf(*rep.Snapshot).Pruned[1]})
	same(t, "snapshots", w.snapshots(), []string{ids[1], *rep.Snapshot})
}

// TestPrunesAreChecked refuses plans that prune what they may not.
func TestPrunesAreChecked(t *testing.T) {
	w := newWorld(t)
	ids := w.history(3)
	w.retain("keep_last: 2")
	for name, c := range map[string]struct{ id, text string }{
		"another name":     {"other/2020-01-01-000000", "no source of the plan"},
		"outside":          {"../2020-01-01-000000", "not a valid name"},
		"private":          {".phlb/2020-01-01-000000", "not a valid name"},
		"no snapshot":      {"home/x", "not a valid name"},
		"a file":           {ids[0] + "/always", "not a valid name"},
		"twice":            {ids[0], "twice"},
		"the newest":       {ids[2], "newest"},
		"later than it":    {"home/2999-01-01-000000", "newest"},
		"of a nested name": {"home/nested/2020-01-01-000000", "no source of the plan"},
	} {
		t.Run(name, func(t *testing.T) {
			p := w.planned(pruneOnly)
			p.Prune = append(p.Prune, plan.Prune{Snapshot: c.id})
			w.refused(w.save(&p.Document), execute.ErrRefused, c.text)
		})
	}
	p := w.planned()
	p.Prune = append(p.Prune, plan.Prune{Snapshot: p.Sources[0].Snapshot})
	w.refused(w.save(&p.Document), execute.ErrRefused, "newest")
	// The root has moved on.
	f := w.plan(pruneOnly)
	w.apply(w.plan())
	w.refused(f, execute.ErrRefused, "but the plan knows")
}

// TestPruneWithLinksToPruned: the plan may link to what it prunes, as it
// prunes last; and a resumed run does not need it any more.
func TestPruneParent(t *testing.T) {
	w := newWorld(t)
	ids := w.history(1)
	w.retain("keep_last: 1")
	f := w.plan()
	fail := &failAt{op: fsys.OpRemove, n: 3, errno: unix.EIO, match: func(name string) bool { return name == "always" || strings.HasPrefix(name, "moving") }}
	_, err := w.try(f, fail.inject)
	if err == nil || !strings.Contains(err.Error(), "same plan again") {
		t.Fatalf("%v", err)
	}
	same(t, "snapshots", len(w.snapshots()), 1)
	rep := w.apply(f)
	same(t, "pruned", rep.Pruned, ids)
	w.whole(rep)
	w.gone(ids...)
	w.settled()
	w.lookupsSound(true)
	w.refused(f, execute.ErrRefused, "already applied")
}

// TestLeftoversAreFinished by the next run of another plan.
func TestLeftoversAreFinished(t *testing.T) {
	w := newWorld(t)
	ids := w.history(3)
	w.retain("keep_last: 2")
	fail := &failAt{op: fsys.OpRemove, errno: unix.EIO, match: func(name string) bool { return name == "always" }}
	if _, err := w.try(w.plan(pruneOnly), fail.inject); err == nil {
		t.Fatal("removed")
	}
	same(t, "snapshots", w.snapshots(), ids[1:])
	rep := w.apply(w.plan())
	same(t, "pruned", rep.Pruned, ids[1:2])
	w.gone(ids[:2]...)
	w.lookupsSound(true)
	w.whole(rep)
}

func TestMaxDuration(t *testing.T) {
	w := newWorld(t)
	ids := w.history(4)
	w.retain("keep_last: 2")
	f := w.plan()
	res, err := w.try(f, func(o *execute.Options) { o.MaxDuration = time.Nanosecond })
	w.ok(err)
	rep := res.Reports[0]
	if !res.Unfinished || len(rep.Pruned) != 0 || len(rep.NotPruned) != 3 || res.Incomplete() {
		t.Errorf("%+v", rep)
	}
	// Under way: what is in the trash is no snapshot any more.
	stop := func(o *execute.Options) {
		o.MaxDuration = 50 * time.Millisecond
		o.Faults = func(op fsys.Op, name string) error {
			if op == fsys.OpRemove && name == "always" {
				time.Sleep(60 * time.Millisecond)
			}
			return nil
		}
	}
	res, err = w.try(f, stop)
	w.ok(err)
	if n := len(res.Reports[0].Pruned); !res.Unfinished || n != 1 {
		t.Errorf("%d pruned, unfinished %v", n, res.Unfinished)
	}
	rep = w.apply(f, func(o *execute.Options) { o.MaxDuration = time.Hour })
	same(t, "pruned", rep.Pruned, ids[:3])
	same(t, "not pruned", len(rep.NotPruned), 0)
	w.gone(ids[:3]...)
	w.lookupsSound(true)
	w.refused(f, execute.ErrRefused, "already applied")
}

// TestPruneInterrupted: an interrupt is no failure of pruning, and the same
// plan goes on.
func TestPruneInterrupted(t *testing.T) {
	w := newWorld(t)
	ids := w.history(3)
	w.retain("keep_last: 1")
	f := w.plan(pruneOnly)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := w.tryContext(ctx, f, onEvent(func(_ int, e event.Event) {
		if e.Phase == event.Prune && e.Kind == event.Advance {
			cancel()
		}
	}))
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	same(t, "snapshots", w.snapshots(), ids[1:])
	rep := w.apply(f)
	same(t, "pruned", rep.Pruned, ids[:2])
	w.gone(ids[:2]...)
}

// TestReadOnlyDirectoriesArePruned as an ordinary user, too (root may write
// anywhere).
func TestReadOnlyDirectoriesArePruned(t *testing.T) {
	w := newWorld(t)
	w.write("d/e/f", big("f", 2000))
	for _, d := range []string{"d/e", "d", "."} {
		w.ok(os.Chmod(filepath.Join(w.src, d), 0o555))
	}
	ids := []string{*w.backup().Snapshot, *w.backup().Snapshot}
	w.retain("keep_last: 1")
	rep := w.apply(w.plan())
	same(t, "pruned", rep.Pruned, ids)
	w.gone(ids...)
	w.whole(rep)
}

// TestPruningFailsOnce fails every writing call of a run that only prunes,
// once, and asserts: what stays is untouched, no lookup lies, and the same
// plan, or the next one, finishes the rest.
func TestPruningFailsOnce(t *testing.T) {
	for _, op := range []fsys.Op{fsys.OpCreate, fsys.OpWrite, fsys.OpTruncate, fsys.OpMkdir, fsys.OpRename, fsys.OpRemove, fsys.OpChmod, fsys.OpSync} {
		t.Run(string(op), func(t *testing.T) {
			for n, seen := 1, 1; n <= seen && n < 200; n++ {
				if testing.Short() && n%5 != 1 {
					continue
				}
				seen = sweepPrune(t, op, n, []unix.Errno{unix.ENOSPC, unix.EIO}[n%2])
			}
		})
	}
}

func sweepPrune(t *testing.T, op fsys.Op, n int, errno unix.Errno) int {
	t.Helper()
	w := newWorld(t)
	ids := w.history(3)
	w.retain("keep_last: 1")
	f := w.plan(pruneOnly)
	before := w.published()
	fail := &failAt{op: op, n: n, errno: errno}
	_, err := w.try(f, fail.inject)
	at := fmt.Sprintf("%s %d: %v: %v", op, n, errno, err)
	w.immutableBut(before, ids[:2]...)
	if len(w.snapshots()) == 0 {
		t.Fatalf("%s: everything is gone", at)
	}
	if err != nil {
		if _, err := w.try(f); err != nil && !errors.Is(err, execute.ErrRefused) {
			t.Errorf("%s: the same plan again: %v", at, err)
		}
	}
	rep := w.apply(w.plan())
	w.whole(rep)
	same(t, at+": snapshots", w.snapshots(), []string{*rep.Snapshot})
	w.gone(ids...)
	for p, o := range w.danglingLookups() {
		// What could not be moved points to nothing; it never lies.
		if err == nil && !strings.Contains(o, "no such file") {
			t.Errorf("%s: the lookup %s is %s", at, p, o)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	return fail.count
}
