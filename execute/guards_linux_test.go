package execute_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/execute"
	"phlb/internal/event"
	"phlb/plan"
)

// override lets guards trip without consequence.
func override(names ...string) func(*plan.Options) {
	return func(o *plan.Options) { o.Overrides = names }
}

// TestSentinelsCheckedAgain: of the source and of the destination; both may
// have been another disk's meanwhile.
func TestSentinelsCheckedAgain(t *testing.T) {
	w := newWorld(t)
	w.settings = "  require: {sentinel: .disk}\n"
	w.more = "destination_require: {sentinel: .backup}\n"
	w.write("f", "x")
	in, out := w.write(".disk", ""), filepath.Join(w.root, ".backup")
	w.ok(os.WriteFile(out, nil, 0o600))
	f, over := w.plan(), w.plan(override("sentinel"))
	w.ok(os.Remove(out))
	w.refused(f, execute.ErrGuard, "sentinel: the destination "+w.root+" has no .backup")
	w.ok(os.WriteFile(out, nil, 0o600))
	w.ok(os.Remove(in))
	w.refused(f, execute.ErrGuard, "sentinel: the source "+w.src+" has no .disk")
	w.ok(os.Remove(out))
	rep := w.apply(over)
	same(t, "overridden", rep.Overrides, []string{"sentinel"})
}

// TestMountpointsCheckedAgain plans while the disks are mounted, and applies
// when they are not.
func TestMountpointsCheckedAgain(t *testing.T) {
	needRoot(t)
	for _, what := range []string{"source", "destination"} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			w.write("f", "x")
			point := w.src
			if what == "source" {
				w.settings = "  require: {mountpoint: true}\n"
			} else {
				point, w.more = w.root, "destination_require: {mountpoint: true}\n"
			}
			if err := unix.Mount(point, point, "", unix.MS_BIND, ""); err != nil {
				t.Skipf("cannot mount: %v", err)
			}
			w.backup()
			f := w.plan()
			w.ok(unix.Unmount(point, 0))
			w.refused(f, execute.ErrGuard, "mountpoint: the "+what+" "+point+" is not a mount point")
			w.apply(w.plan(override("mountpoint")))
		})
	}
}

// TestDestinationToBeMadeIsNoMount: what is to be made cannot be a mounted disk.
func TestDestinationToBeMadeIsNoMount(t *testing.T) {
	w := newWorld(t)
	w.write("f", "x")
	w.ok(os.Remove(w.root))
	w.more = "create_destination: true\ndestination_require: {mountpoint: true}\n"
	f := w.plan(override("mountpoint"))
	p := w.planned(override("mountpoint"))
	p.Overrides = nil
	for i := range p.Sources[0].Guards {
		p.Sources[0].Guards[i].Status = plan.GuardPassed
	}
	w.refused(w.save(&p.Document), execute.ErrGuard, "does not exist: is its disk mounted?")
	w.apply(f)
}

// shrinking makes a backup of ten files whose guards then allow no more to
// be gone or changed, and a plan with nothing against it.
func shrinking(t *testing.T, settings string, names ...string) (*world, *os.File) {
	t.Helper()
	w := newWorld(t)
	w.settings = settings
	for i := range 10 {
		w.write("f"+string(rune('0'+i)), strings.Repeat("x", i+1)) // small files are copied each time
	}
	w.backup()
	return w, w.plan(override(names...))
}

func TestSharesCheckedAgain(t *testing.T) {
	const settings = "  guards: {max_deleted_percent: 20, max_changed_percent: 20}\n  require: {min_files: 5}\n"
	gone := func(w *world, n int) {
		for i := range n {
			w.ok(os.Remove(filepath.Join(w.src, "f"+string(rune('0'+i)))))
		}
	}
	altered := func(w *world, n int) {
		for i := range n {
			w.write("f"+string(rune('0'+i)), "encrypted")
		}
	}
	for _, tc := range []struct {
		name   string
		guard  string
		text   string
		change func(w *world, n int)
		fine   int
		bad    int
	}{
		{"gone", "max_deleted_percent", "3 of the 10 files", gone, 2, 3},
		{"altered", "max_changed_percent", "3 of the 10 files", altered, 2, 3},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, f := shrinking(t, settings)
			tc.change(w, tc.bad)
			before := w.snapshots()
			res, err := w.try(f)
			if !errors.Is(err, execute.ErrGuard) || !strings.Contains(err.Error(), tc.guard+": "+tc.text) {
				t.Fatalf("got %v", err)
			}
			same(t, "snapshots", w.snapshots(), before)
			same(t, "status", res.Reports[0].Status, execute.StatusFailed)

			w, f = shrinking(t, settings)
			tc.change(w, tc.fine)
			if _, err := w.try(f); err != nil {
				t.Errorf("%d of 10 are allowed: %v", tc.fine, err)
			}
			w, f = shrinking(t, settings, tc.guard)
			tc.change(w, tc.bad)
			if _, err := w.try(f); err != nil {
				t.Errorf("overridden: %v", err)
			}
		})
	}
	w, f := shrinking(t, settings, "max_deleted_percent")
	gone(w, 6)
	if _, err := w.try(f); !errors.Is(err, execute.ErrGuard) || !strings.Contains(err.Error(), "min_files: 4 files are left of 10") {
		t.Errorf("got %v", err)
	}
}

// TestPlanFromTheFuture: its snapshot would be newer than those of today.
func TestPlanFromTheFuture(t *testing.T) {
	w := newWorld(t)
	w.write("f", "x")
	now := w.now
	w.now = now.Add(48 * time.Hour)
	f, over := w.plan(), w.plan(override("clock"))
	w.now = now
	w.refused(f, execute.ErrGuard, "clock: the plan was made at")
	w.apply(over)
}

// TestClockWithoutCatalog: then the snapshot's name tells, whatever the zone.
func TestClockWithoutCatalog(t *testing.T) {
	w := newWorld(t)
	w.write("f", "x")
	w.backup()
	w.ok(os.RemoveAll(filepath.Join(w.root, ".phlb/catalog")))
	f := w.plan()
	w.now = w.now.Add(-72 * time.Hour)
	w.refused(f, execute.ErrGuard, "clock")
}

// TestOverridesRecorded: in the report, the log and the plan.
func TestOverridesRecorded(t *testing.T) {
	w := newWorld(t)
	w.settings = "  require: {min_files: 5}\n"
	w.write("f", "x")
	rep := w.apply(w.plan(override("min_files", "clock")))
	want := []string{"min_files", "clock"}
	same(t, "in the report", w.reportOf(*rep.Snapshot).Overrides, want)
	text, err := os.ReadFile(filepath.Join(w.root, *rep.Snapshot+"-backup.log"))
	w.ok(err)
	for _, want := range []string{`msg="guards overridden" names=min_files,clock`, `msg=guard name=min_files status=overridden detail="the source has 1 file, fewer than 5`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("the log lacks %q:\n%s", want, text)
		}
	}
}

// TestRemountedMeanwhile: a disk that goes away while its files are copied
// leaves no snapshot that lacks them.
func TestRemountedMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.settings = "  require: {min_files: 20}\n"
	for i := range 30 {
		w.write("d"+string(rune('a'+i))+"/f", big(string(rune('a'+i)), 5000))
	}
	f := w.plan()
	once := false
	res, err := w.try(f, onEvent(func(_ int, e event.Event) {
		if e.Kind == event.Advance && !once {
			once = true
			_ = exec.Command("sh", "-c", "rm -rf "+w.src+"/*").Run()
		}
	}), func(o *execute.Options) { o.Workers = 1 })
	if !errors.Is(err, execute.ErrGuard) || !strings.Contains(err.Error(), "min_files") {
		t.Fatalf("got %v", err)
	}
	if slices.ContainsFunc(res.Reports, func(r *execute.Report) bool { return r.Snapshot != nil }) || len(w.snapshots()) > 0 {
		t.Error("published")
	}
}
