//go:build unix

package plan_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"phlb/internal/scan"
	"phlb/internal/treetest"
	"phlb/manifest"
	"phlb/plan"
)

func guardOf(t *testing.T, p *planned, name string) plan.Guard {
	t.Helper()
	for _, g := range p.Sources[0].Guards {
		if g.Name == name {
			return g
		}
	}
	t.Fatalf("no guard %s: %v", name, p.Sources[0].Guards)
	return plan.Guard{}
}

func (p *planned) wantGuard(t *testing.T, name, status string) {
	t.Helper()
	g := guardOf(t, p, name)
	if g.Status != status {
		t.Errorf("guard %s %s: %s", name, g.Status, g.Detail)
	}
	if applyable := status != plan.GuardTripped; p.Applyable != applyable || len(p.Tripped) == 0 != applyable {
		t.Errorf("applyable %v, tripped %v", p.Applyable, p.Tripped)
	}
}

func TestGuardSource(t *testing.T) {
	for _, tc := range []struct {
		name  string
		make  func(w *world)
		there bool // so that there is something to make a snapshot of
	}{
		{"missing", func(w *world) { w.must(os.Remove(w.src)) }, false},
		{"file", func(w *world) { w.must(os.Remove(w.src), os.WriteFile(w.src, nil, 0o644)) }, false},
		{"empty", func(*world) {}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			tc.make(w)
			p := w.plan()
			p.wantGuard(t, "source", plan.GuardTripped)
			if len(p.entries) > 0 || len(p.Overrides) > 0 {
				t.Errorf("%d entries, overrides %v", len(p.entries), p.Overrides)
			}
			w.opts.Overrides = []string{"source"}
			p = w.plan()
			p.wantGuard(t, "source", plan.GuardOverridden)
			if !slices.Equal(p.Overrides, []string{"source"}) || !strings.Contains(string(p.bytes), `"overridden_guards":["source"]`) {
				t.Errorf("overrides %v", p.Overrides)
			}
			if !p.Applyable || (p.Sources[0].Snapshot != "") != tc.there {
				t.Errorf("applyable %v, snapshot %q", p.Applyable, p.Sources[0].Snapshot)
			}
			if !tc.there {
				if len(p.entries) > 0 {
					t.Errorf("%d entries", len(p.entries))
				}
				return
			}
			p.want(t, ".", "mkdir new")
			w.apply(p)
		})
	}
}

// TestGuardSourceLosesNothing: a disk that is not mounted deletes no file.
func TestGuardSourceLosesNothing(t *testing.T) {
	w := newWorld(t)
	w.file("a", "a")
	w.backup()
	w.must(os.Remove(w.at("a")))
	p := w.plan()
	p.wantGuard(t, "source", plan.GuardTripped)
	if len(p.entries)+len(p.deleted) > 0 {
		t.Errorf("%d entries, deleted %q", len(p.entries), p.deleted)
	}
	w.opts.Overrides = []string{"source"}
	if p = w.plan(); !slices.Equal(p.deleted, []string{"a"}) {
		t.Errorf("deleted %q", p.deleted)
	}
}

// wantDetail checks that a guard's detail says what somebody must know.
func (p *planned) wantDetail(t *testing.T, name, text string) {
	t.Helper()
	if g := guardOf(t, p, name); !strings.Contains(g.Detail, text) {
		t.Errorf("guard %s says %q, want %q", name, g.Detail, text)
	}
}

func TestGuardMinFiles(t *testing.T) {
	w := newWorld(t)
	w.set().Require.MinFiles = 2
	w.file("a", "a")
	w.file("x.o", "b")
	w.must(os.Symlink("a", w.at("link")))
	w.plan().wantGuard(t, "min_files", plan.GuardPassed)
	w.set().Excludes = []manifest.Pattern{{Text: "*.o"}}
	p := w.plan()
	p.wantGuard(t, "min_files", plan.GuardTripped) // neither links nor excluded files count
	p.wantDetail(t, "min_files", "has 1 file, fewer than 2")
	w.opts.Overrides = []string{"min_files"}
	p = w.plan()
	p.wantGuard(t, "min_files", plan.GuardOverridden)
	w.apply(p)
}

// TestGuardSentinel: of the source and of the destination, both of which the
// plan holds again for applying.
func TestGuardSentinel(t *testing.T) {
	for _, tc := range []struct {
		name string
		at   func(w *world) string
		set  func(w *world)
	}{
		{"source", func(w *world) string { return w.src }, func(w *world) { w.set().Require.Sentinel = "sub/.disk" }},
		{"destination", func(w *world) string { return w.root }, func(w *world) { w.m.DestinationRequire.Sentinel = "sub/.disk" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.file("a", "a")
			tc.set(w)
			p := w.plan()
			p.wantGuard(t, "sentinel", plan.GuardTripped)
			p.wantDetail(t, "sentinel", tc.name+" "+tc.at(w)+" has no sub/.disk")
			if len(p.entries) > 0 {
				t.Error("the wrong disk was scanned")
			}
			w.must(os.MkdirAll(tc.at(w)+"/sub", 0o755), os.Symlink("nowhere", tc.at(w)+"/sub/.disk"))
			p = w.plan()
			p.wantGuard(t, "sentinel", plan.GuardPassed)
			if g := guardOf(t, p, "sentinel"); g.Limit != "sub/.disk" || len(p.entries) == 0 {
				t.Errorf("limit %v, %d entries", g.Limit, len(p.entries))
			}
			w.must(os.RemoveAll(tc.at(w) + "/sub"))
			w.opts.Overrides = []string{"sentinel"}
			w.plan().wantGuard(t, "sentinel", plan.GuardOverridden)
		})
	}
}

func TestGuardMountpoint(t *testing.T) {
	for _, what := range []string{"source", "destination"} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t)
			w.file("a", "a")
			point, origin := w.root, filepath.Dir(w.root)+"/origin"
			if what == "source" {
				w.set().Require.Mountpoint = true
				point = w.src
			} else {
				w.m.DestinationRequire.Mountpoint = true
			}
			p := w.plan()
			p.wantGuard(t, "mountpoint", plan.GuardTripped)
			p.wantDetail(t, "mountpoint", "the "+what+" "+point+" is not a mount point")
			w.opts.Overrides = []string{"mountpoint"}
			w.plan().wantGuard(t, "mountpoint", plan.GuardOverridden)
			w.opts.Overrides = nil
			needRoot(t)
			w.must(os.Mkdir(origin, 0o700), os.WriteFile(origin+"/a", nil, 0o600))
			w.mount("--bind", origin, point)
			w.plan().wantGuard(t, "mountpoint", plan.GuardPassed)
		})
	}
}

// TestGuardDestinationMissing: what is to be made is no mounted disk.
func TestGuardDestinationMissing(t *testing.T) {
	w := newWorld(t)
	w.file("a", "a")
	w.must(os.Remove(w.root))
	w.m.DestinationRequire = manifest.DestinationRequire{Mountpoint: true, Sentinel: "x"}
	p := w.plan()
	p.wantGuard(t, "mountpoint", plan.GuardTripped)
	p.wantGuard(t, "sentinel", plan.GuardTripped)
	p.wantDetail(t, "mountpoint", "does not exist: is its disk mounted?")
	if p.Destination.Require != (plan.Require{Mountpoint: true, Sentinel: "x"}) {
		t.Errorf("the plan holds %+v", p.Destination.Require)
	}
}

func percent(f float64) *float64 { return &f }

// TestGuardShares: which files count as gone, and which as changed.
func TestGuardShares(t *testing.T) {
	for _, tc := range []struct {
		name          string
		change        func(w *world)
		gone, changed int64
	}{
		{"nothing", func(*world) {}, 0, 0},
		{"deleted", func(w *world) { w.must(os.Remove(w.at("d/0")), os.Remove(w.at("d/1")), os.Remove(w.at("link"))) }, 2, 0},
		{"everything", func(w *world) { w.must(os.RemoveAll(w.at("d")), os.RemoveAll(w.at("link"))) }, 10, 0},
		{"moved", func(w *world) { w.must(os.Rename(w.at("d"), w.at("e"))) }, 0, 0},
		{"moved and another deleted", func(w *world) { w.must(os.Rename(w.at("d/3"), w.at("m")), os.Remove(w.at("d/4"))) }, 1, 0},
		{"copied", func(w *world) { w.file("copy", noise(3, 2003)) }, 0, 0},
		{"content", func(w *world) { w.file("d/2", noise(99, 2002)); w.file("d/3", "short") }, 0, 2},
		{"encrypted", func(w *world) { w.must(os.Remove(w.at("d/2"))); w.file("d/2.enc", noise(99, 2002)) }, 1, 0},
		{"mode", func(w *world) { w.must(os.Chmod(w.at("d/2"), 0o600)) }, 0, 0},
		{"time", func(w *world) { w.mtime("d/2", 1_800_000_000) }, 0, 0},
		{"type", func(w *world) { w.must(os.Remove(w.at("d/2")), os.Mkdir(w.at("d/2"), 0o755)) }, 1, 0},
		{"fifo", func(w *world) { w.must(os.Remove(w.at("d/2")), syscall.Mkfifo(w.at("d/2"), 0o644)) }, 1, 0},
		{"excluded", func(w *world) { w.set().Excludes = []manifest.Pattern{{Text: "d/"}} }, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			for i := range 10 {
				w.file(filepath.Join("d", string(rune('0'+i))), noise(uint64(i), 2000+i))
			}
			w.must(os.Symlink("d/0", w.at("link")))
			w.set().Guards = manifest.Guards{MaxDeletedPercent: percent(0), MaxChangedPercent: percent(0)}
			first := w.plan()
			first.wantGuard(t, "max_deleted_percent", plan.GuardPassed) // nothing to compare with
			w.apply(first)
			tc.change(w)
			w.opts.Overrides = []string{"source"}
			p := w.plan()
			for name, want := range map[string]int64{"max_deleted_percent": tc.gone, "max_changed_percent": tc.changed} {
				g := guardOf(t, p, name)
				if g.Count != want || g.Of != 10 || (g.Status == plan.GuardTripped) != (want > 0) {
					t.Errorf("%s: %d of %d, %s; want %d: %s", name, g.Count, g.Of, g.Status, want, g.Detail)
				}
			}
			if len(p.entries) == 0 {
				t.Error("there is nothing to inspect")
			}
		})
	}
}

// TestGuardEqualFilesMoved: however many files of one content are moved, and
// however many stay, none of them is gone.
func TestGuardEqualFilesMoved(t *testing.T) {
	const n = 100
	w := newWorld(t)
	w.file("other", noise(1, 2000))
	for i := range n {
		w.file(fmt.Sprintf("modules/m%02d/LICENSE", i), noise(2, 2000))
		w.file(fmt.Sprintf("kept/m%02d/README", i), noise(3, 2000))
	}
	w.file("kept/z/README", noise(3, 2000))
	w.set().Guards.MaxDeletedPercent = percent(0)
	w.backup()
	w.must(os.Rename(w.at("modules"), w.at("vendor")), os.Rename(w.at("kept/z"), w.at("z")))
	p := w.plan()
	if g := guardOf(t, p, "max_deleted_percent"); g.Count != 0 || g.Of != 2*n+2 || !p.Applyable {
		t.Errorf("%d of %d, %s: %s", g.Count, g.Of, g.Status, g.Detail)
	}
	for i := range n {
		p.want(t, fmt.Sprintf("vendor/m%02d/LICENSE", i), "link moved known content")
	}
	p.want(t, "z/README", "link moved known content")
	// A file more than were moved is new, and one that has no match is gone.
	w.file("vendor/zz/LICENSE", noise(2, 2000))
	w.must(os.Remove(w.at("other")))
	p = w.plan()
	p.want(t, "vendor/zz/LICENSE", "link new known content")
	if g := guardOf(t, p, "max_deleted_percent"); g.Count != 1 || p.Applyable {
		t.Errorf("%d of %d, %s: %s", g.Count, g.Of, g.Status, g.Detail)
	}
}

// TestGuardShareLimits: a limit is the most that passes.
func TestGuardShareLimits(t *testing.T) {
	for _, tc := range []struct {
		count, all int64
		limit      float64
		want       bool
	}{
		{0, 0, 0, false}, {0, 10, 0, false}, {1, 10, 0, true}, {2, 10, 20, false}, {3, 10, 20, true},
		{1, 1, 99.5, true}, {1, 1, 100, false}, {1, 3, 33.3, true}, {1, 3, 33.4, false}, {1, 200, 0.5, false},
	} {
		if got := plan.TooMany(tc.count, tc.all, tc.limit); got != tc.want {
			t.Errorf("%d of %d is more than %v %%: %v", tc.count, tc.all, tc.limit, got)
		}
	}
	w := newWorld(t)
	w.file("a", "a")
	w.backup()
	w.file("a", "bb")
	w.set().Guards.MaxChangedPercent = percent(50)
	p := w.plan()
	p.wantGuard(t, "max_changed_percent", plan.GuardTripped)
	p.wantDetail(t, "max_changed_percent", "1 of the 1 files of "+*p.Sources[0].Parent+" are changed in content (100 %)")
	w.opts.Overrides = []string{"max_changed_percent"}
	p = w.plan()
	p.wantGuard(t, "max_changed_percent", plan.GuardOverridden)
	w.apply(p)
}

func TestGuardMinFree(t *testing.T) {
	w := newWorld(t)
	w.file("a", "a")
	free := int64(1)
	w.set().Guards.MinFree = &free
	w.plan().wantGuard(t, "min_free", plan.GuardPassed)
	free = 1 << 62
	p := w.plan()
	p.wantGuard(t, "min_free", plan.GuardTripped)
	p.wantDetail(t, "min_free", "less than 4.0 EiB would be left")
	w.opts.Overrides = []string{"min_free"}
	w.plan().wantGuard(t, "min_free", plan.GuardOverridden)
}

func TestGuardClock(t *testing.T) {
	w := newWorld(t)
	w.file("a", "a")
	w.backup()
	w.plan().wantGuard(t, "clock", plan.GuardPassed)
	w.now = w.now.Add(-23 * time.Hour)
	w.plan().wantGuard(t, "clock", plan.GuardPassed)
	w.now = w.now.Add(-2 * time.Hour)
	w.plan().wantGuard(t, "clock", plan.GuardTripped)
	w.opts.Overrides = []string{"clock"}
	p := w.plan()
	p.wantGuard(t, "clock", plan.GuardOverridden)
	if p.Snapshot() <= *p.Sources[0].Parent {
		t.Errorf("%s after %s", p.Snapshot(), *p.Sources[0].Parent)
	}
	w.apply(p)
}

func TestGuardRootID(t *testing.T) {
	w := newWorld(t)
	w.file("a", "a")
	const id = "01234567-89ab-4cde-8f01-23456789abcd"
	w.m.RootID = id
	w.plan().wantGuard(t, "root_id", plan.GuardTripped) // a new root has none
	w.m.RootID = ""
	w.backup()
	p := w.plan()
	if p.Destination.ID == nil {
		t.Fatal("the root's id is not in the plan")
	}
	w.m.RootID = *p.Destination.ID
	w.plan().wantGuard(t, "root_id", plan.GuardPassed)
	w.m.RootID = id
	w.plan().wantGuard(t, "root_id", plan.GuardTripped)
	w.opts.Overrides = []string{"root_id"}
	w.plan().wantGuard(t, "root_id", plan.GuardOverridden)
}

func (w *world) mount(args ...string) {
	w.tb.Helper()
	point := args[len(args)-1]
	if out, err := exec.Command("mount", args...).CombinedOutput(); err != nil {
		w.tb.Skipf("needs to mount: %v: %s", err, out)
	}
	w.tb.Cleanup(func() { w.must(exec.Command("umount", point).Run()) })
}

func TestGuardSpace(t *testing.T) {
	needRoot(t)
	for _, tc := range []struct {
		name, options string
		status        string
	}{
		{"enough", "size=8m", plan.GuardPassed},
		{"bytes", "size=1m", plan.GuardTripped},
		{"inodes", "size=8m,nr_inodes=20", plan.GuardTripped},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.mount("-t", "tmpfs", "-o", tc.options, "tmpfs", w.root)
			w.file("large", noise(1, 2<<20))
			w.sparse("sparse", tib, "x")
			for i := range 10 {
				w.file("dir/"+noise(uint64(i), 2), noise(uint64(i), 1000+i))
			}
			p := w.plan()
			p.wantGuard(t, "space", tc.status)
			if tc.status == plan.GuardPassed {
				w.must(os.Remove(w.at("sparse"))) // to be hashed, it would take its time
				w.apply(w.plan())
				return
			}
			w.opts.Overrides = []string{"space"}
			w.plan().wantGuard(t, "space", plan.GuardOverridden)
		})
	}
}

// TestGuardSpaceOfNewRoot: a root that is to be made needs space, too.
func TestGuardSpaceOfNewRoot(t *testing.T) {
	needRoot(t)
	w := newWorld(t)
	w.mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", w.root)
	w.root = filepath.Join(w.root, "to/be/made")
	w.m.Destination = w.root
	w.file("large", noise(1, 2<<20))
	p := w.plan()
	p.wantGuard(t, "space", plan.GuardTripped)
	if !p.Destination.Create || p.Destination.ID != nil {
		t.Errorf("destination %+v", p.Destination)
	}
}

func TestOverlap(t *testing.T) {
	for _, tc := range []struct {
		name    string
		prepare func(w *world)
		want    bool
	}{
		{"apart", func(*world) {}, false},
		{"source in a symlinked root", func(w *world) {
			w.must(os.Mkdir(w.root+"/in", 0o755), os.Symlink(w.root+"/in", w.src+"-link"))
			w.m.Sources[0].Path = w.src + "-link"
			w.must(os.WriteFile(w.root+"/in/a", nil, 0o644))
		}, true},
		{"root in a symlinked source", func(w *world) {
			w.must(os.Mkdir(w.src+"/in", 0o755), os.Symlink(w.src, w.src+"-link"))
			w.root = w.src + "/in"
			w.m.Destination, w.m.Sources[0].Path = w.root, w.src+"-link"
		}, true},
		{"symlinked root in a source", func(w *world) {
			w.must(os.Mkdir(w.src+"/in", 0o755), os.Remove(w.root), os.Symlink(w.src+"/in", w.root))
		}, true},
		{"the same", func(w *world) {
			w.must(os.Remove(w.root), os.Symlink(w.src, w.root))
		}, true},
		{"excluded root", func(w *world) {
			w.must(os.Mkdir(w.src+"/in", 0o755), os.Remove(w.root), os.Symlink(w.src+"/in", w.root))
			w.set().Excludes = append(w.set().Excludes, manifest.Pattern{Text: "/in/"})
		}, false},
		{"below an excluded directory", func(w *world) {
			w.must(os.MkdirAll(w.src+"/in/deep", 0o755), os.Remove(w.root), os.Symlink(w.src+"/in/deep", w.root))
			w.set().Excludes = append(w.set().Excludes, manifest.Pattern{Text: "/in/"})
		}, false},
		{"root to be made in a symlinked source", func(w *world) {
			w.must(os.Symlink(w.src, w.src+"-link"))
			w.root = w.src + "-link/to/be/made"
			w.m.Destination = w.root
		}, true},
		{"excluded root to be made", func(w *world) {
			w.must(os.Symlink(w.src, w.src+"-link"))
			w.root = w.src + "-link/to/be/made"
			w.m.Destination = w.root
			w.set().Excludes = append(w.set().Excludes, manifest.Pattern{Text: "/to/be/"})
		}, false},
		{"symlink to the root in a source", func(w *world) { w.must(os.Symlink(w.root, w.src+"/ln")) }, false},
		{"bind mount of the root as source", func(w *world) {
			w.must(os.WriteFile(w.root+"/f", nil, 0o644))
			w.mount("--bind", w.root, w.src)
		}, true},
		{"bind mount of a part of the root as source", func(w *world) {
			w.must(os.MkdirAll(w.root+"/other/deep", 0o755), os.WriteFile(w.root+"/other/deep/f", nil, 0o644))
			w.mount("--bind", w.root+"/other", w.src)
			w.m.Sources[0].Path = w.src + "/deep"
		}, true},
		{"bind mount of the root in a source", func(w *world) {
			w.must(os.MkdirAll(w.src+"/d/in", 0o755))
			w.mount("--bind", w.root, w.src+"/d/in")
		}, true},
		{"bind mount of what holds the root in a source", func(w *world) {
			holder := filepath.Join(filepath.Dir(w.root), "holder")
			w.must(os.MkdirAll(w.src+"/d/in", 0o755), os.MkdirAll(holder+"/root", 0o755))
			w.root = holder + "/root"
			w.m.Destination = w.root
			w.mount("--bind", holder, w.src+"/d/in")
		}, true},
		{"bind mount of a part of the root in a source", func(w *world) {
			w.must(os.MkdirAll(w.src+"/d/a b", 0o755), os.MkdirAll(w.root+"/other/deep", 0o755), os.WriteFile(w.root+"/other/deep/f", nil, 0o644))
			w.mount("--bind", w.root+"/other/deep", w.src+"/d/a b")
		}, true},
		{"excluded bind mount", func(w *world) {
			w.must(os.MkdirAll(w.src+"/d/in", 0o755))
			w.mount("--bind", w.root, w.src+"/d/in")
			w.set().Excludes = append(w.set().Excludes, manifest.Pattern{Text: "in/"})
		}, false},
		{"root reached by a bind mount", func(w *world) {
			w.must(os.MkdirAll(w.src+"/in", 0o755))
			w.mount("--bind", w.src+"/in", w.root)
		}, true},
		{"source reached by a bind mount", func(w *world) {
			point := w.src + "-mounted"
			w.must(os.MkdirAll(w.src+"/in", 0o755), os.Mkdir(point, 0o755))
			w.mount("--bind", w.src, point)
			w.root = w.src + "/in"
			w.m.Destination, w.m.Sources[0].Path = w.root, point
		}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.file("a", "a")
			tc.prepare(w)
			p, err := w.build(t.Context())
			if got := errors.Is(err, plan.ErrOverlap); got != tc.want || !got && err != nil {
				t.Fatalf("error %v, want an overlap: %v", err, tc.want)
			}
			if err == nil && !p.Applyable {
				t.Errorf("tripped: %v", p.Tripped)
			}
		})
	}
}

// TestAvoid: the plan's own output is not planned.
func TestAvoid(t *testing.T) {
	w := newWorld(t)
	w.file("a", "a")
	w.file("plan.json", "{}")
	info, err := os.Stat(w.at("plan.json"))
	w.must(err)
	st := statOf(info)
	w.opts.Avoid = []scan.Identity{{Dev: uint64(st.Dev), Ino: st.Ino}}
	p := w.plan()
	p.want(t, "plan.json", "skip  excluded: plan file")
	p.want(t, "a", "copy new small file")
}

// TestSelectedSources plans some, and tells of names that are not listed.
func TestSelectedSources(t *testing.T) {
	w := newWorld(t)
	w.file("a", "a")
	w.backup()
	second := w.m.Sources[0]
	second.Name = "second"
	w.m.Sources = append(w.m.Sources, second)
	w.opts.Sources = []string{"second"}
	p := w.plan()
	if len(p.Sources) != 1 || p.Sources[0].Name != "second" || p.Sources[0].Parent != nil || len(p.Unlisted) > 0 || len(p.Keep) > 0 {
		t.Errorf("%d sources, unlisted %v, keep %v", len(p.Sources), p.Unlisted, p.Keep)
	}
	w.m.Sources = w.m.Sources[1:]
	if p = w.plan(); !slices.Equal(p.Unlisted, []string{"home"}) {
		t.Errorf("unlisted %v", p.Unlisted)
	}
}

func TestLastTimeOfTheCalendar(t *testing.T) {
	w := newWorld(t)
	w.file("a", "a")
	w.must(os.MkdirAll(w.root+"/home/9999-12-31-235959", 0o755))
	if _, err := w.build(t.Context()); err == nil || !strings.Contains(err.Error(), "9999") {
		t.Errorf("error %v", err)
	}
}

// TestUnreadable: what an ordinary user cannot read is skipped with the
// reason, and its old content is not "deleted".
func TestUnreadable(t *testing.T) {
	if !treetest.AsOrdinaryUser(t) {
		return
	}
	w := newWorld(t)
	for _, path := range []string{"a", "b", "d/x", "ok", "z"} {
		w.file(path, noise(1, 3000))
	}
	w.backup()
	w.must(os.Chmod(w.at("a"), 0), os.Chmod(w.at("d"), 0))
	t.Cleanup(func() { os.Chmod(w.at("d"), 0o700) })
	for _, catalogue := range []bool{true, false} {
		if !catalogue {
			w.must(os.RemoveAll(filepath.Join(w.root, ".phlb/catalog")))
		}
		p := w.plan()
		for _, path := range []string{"a", "d"} {
			p.want(t, path, "skip  unreadable: permission denied")
		}
		p.want(t, "ok", "link unchanged unchanged")
		if len(p.deleted) > 0 || !p.Applyable {
			t.Errorf("deleted %q, applyable %v", p.deleted, p.Applyable)
		}
	}
	w.must(os.Chmod(w.src, 0))
	defer os.Chmod(w.src, 0o700)
	p := w.plan()
	p.wantGuard(t, "source", plan.GuardTripped)
	if !strings.Contains(guardOf(t, p, "source").Detail, "permission denied") {
		t.Error(guardOf(t, p, "source").Detail)
	}
}

// TestOrdinaryUserOfOthersFiles: what he stores is his own, and that makes no
// file a copy each time.
func TestOrdinaryUserOfOthersFiles(t *testing.T) {
	others := filepath.Join(os.TempDir(), "others")
	if !treetest.AsOrdinaryUser(t, func(work string) {
		w := &world{tb: t, src: filepath.Join(work, "others")}
		w.must(os.Chmod(work, 0o755))
		w.file("a", noise(1, 3000))
		w.file("b", noise(1, 3000))
		w.file("small", "s")
		w.must(os.Chown(w.at("a"), 1234, 1234))
	}) {
		return
	}
	w := newWorld(t)
	if _, err := os.Stat(others); err != nil {
		t.Skip("needs root, to make files of other users")
	}
	w.use("others", others)
	w.set().SmallFiles = manifest.SmallFilesLink
	p := w.plan()
	if !p.Applyable {
		t.Fatal(p.Tripped)
	}
	w.apply(p)
	p = w.plan()
	p.wantUnchanged(t)
	for _, e := range p.entries {
		if e.Action == plan.ActionCopy {
			t.Errorf("%s: %s", e.Path, e.Reason)
		}
	}
}
