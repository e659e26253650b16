package execute_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"phlb/execute"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/snapshot"
)

// cancelAfter interrupts a run at its k-th event.
func (w *world) cancelAfter(f *os.File, k int, change ...func(*execute.Options)) error {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	res, err := w.tryContext(ctx, f, append(change, onEvent(func(n int, _ event.Event) {
		if n == k {
			cancel()
		}
	}))...)
	if res != nil {
		for _, rep := range res.Reports {
			if rep.Error != "" && !strings.Contains(rep.Error, "interrupted; the same plan goes on") {
				w.t.Errorf("an interrupted run says %q", rep.Error)
			}
		}
	}
	return err
}

// tree makes some files in some directories, 2000 bytes each.
func (w *world) tree(dirs, files int) {
	for d := range dirs {
		for f := range files {
			w.write(fmt.Sprintf("d%d/f%d", d, f), big(fmt.Sprint(d, f), 2000+d*files+f))
		}
	}
	w.ok(os.Chmod(filepath.Join(w.src, "d0"), 0o555))
}

func TestCancelAndResume(t *testing.T) {
	for k := 1; k < 50; k += 4 {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			w := newWorld(t)
			w.tree(5, 8)
			f := w.plan()
			copied := 0
			err := w.cancelAfter(f, k)
			if err == nil {
				return // it was done before
			}
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			same(t, "snapshots", len(w.snapshots()), 0)
			staged := journaled(w)
			rep := w.apply(f, onEvent(func(_ int, e event.Event) {
				if e.Kind == event.Advance {
					copied += int(e.Files)
				}
			}))
			same(t, "taken over", rep.TakenOver.Files, int64(staged))
			same(t, "totals", rep.Totals.Copy.Files, int64(40))
			same(t, "progress", copied, 40)
			if k > 20 && staged == 0 {
				t.Error("nothing was journaled")
			}
			w.whole(rep)
			w.settled()
			w.lookupsSound(true)
			w.refused(f, execute.ErrRefused, "already applied")
		})
	}
}

// journaled counts what the staging of "home" vouches for, and checks that it
// is all that is there.
func journaled(w *world) int {
	w.t.Helper()
	data, err := os.ReadFile(filepath.Join(w.root, ".phlb/staging/home/journal"))
	w.ok(err)
	lines := 0
	for line := range strings.Lines(string(data)) {
		var e struct{ Path string }
		w.ok(json.Unmarshal([]byte(line), &e))
		if look(filepath.Join(w.root, ".phlb/staging/home/tree", e.Path)).Kind != "file" {
			w.t.Errorf("journaled %s is not there", e.Path)
		}
		lines++
	}
	staged := 0
	for p, o := range list(filepath.Join(w.root, ".phlb/staging/home/tree")) {
		if o.Kind == "file" && filepath.Base(p) != "SHA256SUMS" {
			staged++
		}
	}
	same(w.t, "staged files that the journal knows", lines, staged)
	return lines
}

func TestTwoInterruptionsAndALaterPlan(t *testing.T) {
	w := newWorld(t)
	w.tree(5, 8)
	p := w.planned()
	first := w.save(&p.Document)
	if err := w.cancelAfter(first, 40); err == nil {
		t.Fatal("not interrupted")
	}
	one := journaled(w)
	if err := w.cancelAfter(first, 35); err == nil {
		t.Fatal("not interrupted")
	}
	two := journaled(w)
	if one == 0 || two == 0 {
		t.Errorf("%d files staged, then %d", one, two)
	}
	// The root is not new any more for a plan that is made now.
	w.write("d1/f1", "changed")
	rep := w.apply(w.plan())
	w.whole(rep)
	// What the first run had staged and the second not yet taken serves, too.
	if n := rep.TakenOver.Files; n < int64(max(one, two)-1) || n > 39 {
		t.Errorf("taken over %d; %d and then %d had been staged", n, one, two)
	}
	w.refused(first, execute.ErrRefused, "has come into being")
	w.settled()
}

// TestUnpublishedLeavesNothing: a run that crashed right before publishing left
// report and catalogue; when another plan has been applied, they are gone.
func TestUnpublishedLeavesNothing(t *testing.T) {
	w := newWorld(t)
	w.write("f", "first")
	w.backup()
	w.tree(1, 30)
	p := w.planned()
	if err := w.cancelAfter(w.save(&p.Document), 25); err == nil {
		t.Fatal("not interrupted")
	}
	id := p.Sources[0].Snapshot
	left := []string{id + "-report.json", ".phlb/catalog/" + id + ".jsonl.zst"}
	for _, file := range left {
		w.ok(os.WriteFile(filepath.Join(w.root, file), []byte(`{"format":"phlb-report"}`), 0o600))
	}
	w.now = w.now.Add(time.Hour)
	w.whole(w.backup())
	for _, file := range left {
		if _, err := os.Lstat(filepath.Join(w.root, file)); !os.IsNotExist(err) {
			t.Errorf("left behind: %s (%v)", file, err)
		}
	}
}

func TestChangedBetweenIsCopiedAnew(t *testing.T) {
	w := newWorld(t)
	w.tree(1, 30)
	f := w.plan()
	if err := w.cancelAfter(f, 25); err == nil {
		t.Fatal("not interrupted")
	}
	staged := journaled(w)
	p := filepath.Join(w.src, "d0/f0")
	if look(filepath.Join(w.root, ".phlb/staging/home/tree/d0/f0")).Kind != "file" {
		t.Fatal("f0 was not staged")
	}
	w.ok(os.WriteFile(p, []byte(big("other", 2000)), 0o644))
	w.ok(os.Chtimes(p, old, old)) // only the ctime tells
	rep := w.apply(f)
	same(t, "taken over", rep.TakenOver.Files, int64(staged-1))
	same(t, "drifted", paths(rep.Drifted), []string{"d0/f0"})
	w.whole(rep)
}

func TestDamagedStagingIsNotTakenOver(t *testing.T) {
	w := newWorld(t)
	w.tree(1, 30)
	f := w.plan()
	if err := w.cancelAfter(f, 25); err == nil {
		t.Fatal("not interrupted")
	}
	staged := journaled(w)
	p := filepath.Join(w.root, ".phlb/staging/home/tree/d0/f0")
	w.ok(os.WriteFile(p, []byte("torn"), 0o600))
	rep := w.apply(f)
	same(t, "taken over", rep.TakenOver.Files, int64(staged-1))
	w.whole(rep)
}

// interruptedJustNow interrupts a run whose files had changed just before, and
// returns its plan.
func (w *world) interruptedJustNow() *os.File {
	w.t.Helper()
	w.now = time.Now()
	w.tree(1, 30)
	f := w.plan()
	w.now = time.Now()
	if err := w.cancelAfter(f, 25); err == nil {
		w.t.Fatal("not interrupted")
	}
	return f
}

// A file that had just changed when it was copied is compared with the source
// before its copy is taken over: its ctime alone could not tell.
func TestJustChangedFilesAreTakenOverByContent(t *testing.T) {
	w := newWorld(t)
	f := w.interruptedJustNow()
	staged := journaled(w)
	// The same as if f0 had changed within one tick of its clock.
	forge(w, "d0/f0")
	w.now = w.now.Add(time.Hour)
	rep := w.apply(f)
	same(t, "taken over", rep.TakenOver.Files, int64(staged-1))
	w.whole(rep)
}

// forge makes the journal say that a file was copied with other content.
func forge(w *world, path string) {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(w.root, ".phlb/staging/home/journal*"))
	w.ok(err)
	data, err := os.ReadFile(found[0])
	w.ok(err)
	var lines []string
	for line := range strings.Lines(string(data)) {
		if strings.Contains(line, `"path":"`+path+`"`) {
			at := strings.Index(line, `"sha256":"`) + len(`"sha256":"`)
			line = line[:at] + strings.Repeat("a", 64) + line[at+64:]
		}
		lines = append(lines, line)
	}
	w.ok(os.WriteFile(found[0], []byte(strings.Join(lines, "")), 0o600))
}

func TestCheckpointsWhileRunning(t *testing.T) {
	w := newWorld(t)
	w.tree(5, 8)
	syncs := &failAt{op: fsys.OpSyncFS, n: 1 << 30}
	rep := w.apply(w.plan(), eagerly, syncs.inject)
	w.whole(rep)
	w.settled()
	if syncs.count < 2 {
		t.Errorf("%d syncs, the last one included", syncs.count)
	}
}

// TestNothingWritesLater: what compresses the catalogue is done when a run that
// failed is over.
func TestNothingWritesLater(t *testing.T) {
	w := newWorld(t)
	w.tree(30, 100)
	ctx, cancel := context.WithCancel(t.Context())
	returned := make(chan struct{})
	var late atomic.Bool
	_, err := w.tryContext(ctx, w.plan(), func(o *execute.Options) {
		o.Faults = func(op fsys.Op, path string) error {
			if op == fsys.OpWrite && filepath.Base(path) == snapshot.CatalogFileName {
				cancel()
				select {
				case <-returned:
					late.Store(true)
				case <-time.After(300 * time.Millisecond):
				}
			}
			return nil
		}
	})
	close(returned)
	if err == nil || ctx.Err() == nil {
		t.Fatalf("not cancelled: %v", err)
	}
	time.Sleep(10 * time.Millisecond)
	if late.Load() {
		t.Error("something was written after Apply had returned")
	}
}

func TestLockHeld(t *testing.T) {
	w := newWorld(t)
	w.tree(2, 10)
	f, other := w.plan(), w.plan()
	checked := false
	rep := w.apply(f, func(o *execute.Options) { o.Holder = snapshot.HolderInfo{Host: "here", PID: 42} },
		onEvent(func(n int, _ event.Event) {
			if n != 5 {
				return
			}
			checked = true
			for _, g := range []*os.File{reopen(w, f), reopen(w, other)} {
				_, err := w.try(g)
				var locked *snapshot.LockedError
				refusedToo := errors.Is(err, execute.ErrRefused) && g.Name() == other.Name() // the root is new
				if !errors.As(err, &locked) && !refusedToo || locked != nil && locked.Holder.PID != 42 {
					t.Errorf("got %v", err)
				}
			}
		}))
	if !checked {
		t.Error("no second run was tried")
	}
	w.whole(rep)
	w.settled()
}

func reopen(w *world, f *os.File) *os.File {
	w.t.Helper()
	g, err := os.Open(f.Name())
	w.ok(err)
	w.t.Cleanup(func() { g.Close() })
	return g
}

func TestSecondSourceFails(t *testing.T) {
	w := newWorld(t)
	other := filepath.Join(w.dir, "other")
	w.ok(os.Mkdir(other, 0o755))
	w.write("x", big("x", 3000))
	w.write("y", big("y", 3001))
	w.ok(os.WriteFile(filepath.Join(other, "y"), []byte(big("y", 3001)), 0o644))
	w.more = fmt.Sprintf("- name: other\n  path: %q\n", other)
	f := w.plan()
	err := errors.New("fault")
	res, got := w.try(f, onEvent(func(_ int, e event.Event) {
		if e.Kind == event.Start && e.Phase == event.Apply && e.Path == "other" {
			w.ok(os.Rename(filepath.Join(w.root, ".phlb/staging/other/tree"), filepath.Join(w.root, "away")))
			w.ok(os.Rename(filepath.Join(w.root, ".phlb/catalog"), filepath.Join(w.root, ".phlb/away")))
			w.ok(os.WriteFile(filepath.Join(w.root, ".phlb/catalog"), nil, 0o600))
		}
	}))
	if got == nil {
		t.Fatal(err)
	}
	same(t, "reports", len(res.Reports), 2)
	same(t, "statuses", []execute.Status{res.Reports[0].Status, res.Reports[1].Status}, []execute.Status{execute.StatusComplete, execute.StatusFailed})
	if res.Reports[1].Snapshot != nil || res.Reports[1].Error == "" {
		t.Errorf("report of the failed one: %+v", res.Reports[1])
	}
	same(t, "published", w.snapshots(), []string{*res.Reports[0].Snapshot})
	w.ok(os.Remove(filepath.Join(w.root, ".phlb/catalog")))
	w.ok(os.Rename(filepath.Join(w.root, ".phlb/away"), filepath.Join(w.root, ".phlb/catalog")))
	w.ok(os.RemoveAll(filepath.Join(w.root, "away")))
	before := w.published()

	res, got = w.try(f)
	w.ok(got)
	same(t, "snapshots", len(w.snapshots()), 2)
	same(t, "reports", len(res.Reports), 2)
	same(t, "linked across sources", look(w.snap(res.Reports[1])+"/y").Ino, look(w.snap(res.Reports[0])+"/y").Ino)
	same(t, "generations", []int64{res.Reports[0].Generation, res.Reports[1].Generation}, []int64{1, 2})
	w.immutable(before)
	w.settled()
	w.lookupsSound(true)
}

// TestInPlanTargetNotStored resumes a plan whose published first source does
// not hold the file that a link of the second one points to.
func TestInPlanTargetNotStored(t *testing.T) {
	w := newWorld(t)
	other := filepath.Join(w.dir, "other")
	w.ok(os.Mkdir(other, 0o755))
	w.write("x", big("x", 3000))
	w.write("y", big("y", 3001))
	w.ok(os.WriteFile(filepath.Join(other, "y"), []byte(big("y", 3001)), 0o644))
	w.more = fmt.Sprintf("- name: other\n  path: %q\n", other)
	f := w.plan()
	w.ok(os.Remove(filepath.Join(w.src, "y")))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := w.tryContext(ctx, f, onEvent(func(_ int, e event.Event) {
		if e.Kind == event.Start && e.Phase == event.Apply && e.Path == "other" {
			cancel()
		}
	}))
	if !errors.Is(err, context.Canceled) || len(w.snapshots()) != 1 {
		t.Fatalf("%v with %v", err, w.snapshots())
	}
	res, err := w.try(f)
	w.ok(err)
	same(t, "fallbacks", res.Reports[1].LinkFallbacks, int64(1))
	same(t, "diff", snapshotDiff(other, w.snap(res.Reports[1]), true), "")
	w.lookupsSound(true)
}
