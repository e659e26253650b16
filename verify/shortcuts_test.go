package verify

import (
	"os"
	"os/exec"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"phlb/internal/event"
	"phlb/internal/snapshot"
)

// damagedRoot has three snapshots that share files, catalogues, and something
// wrong of every kind that concerns inodes and catalogues.
func damagedRoot(t *testing.T) *world {
	w := newWorld(t)
	third := "home/2026-01-03-000000"
	w.snapshot(first, manyFiles(300))
	for _, id := range []string{second, third} {
		for p := range manyFiles(300) {
			w.link(first+"/"+p, id+"/"+p)
		}
		w.sumAll(id)
	}
	must(t, os.Symlink("x", w.at(second, "link")))
	w.rebuild()
	w.flip(0, first, "d3/f150")
	must(t, os.Remove(w.at(second, "d1/f1")))
	must(t, os.Remove(w.at(second, "link")))
	must(t, os.Symlink("y", w.at(second, "link")))
	must(t, os.WriteFile(w.at(third, "d2/new"), []byte("new"), 0o644))
	must(t, os.Remove(w.at(third, "d5/f5")))
	must(t, os.Mkdir(w.at(third, "d5/f5"), 0o755))
	return w
}

// judged is what Verify does, with a judge that was changed.
func (w *world) judged(change func(*judge)) *Result {
	root := w.open()
	j := newJudge(root, 3, event.Verify, event.Discard)
	change(j)
	ids, err := snapshots(w.t.Context(), root, nil)
	must(w.t, err)
	_ = j.run(w.t.Context(), ids, func(id snapshot.ID, err error) { j.findings.add(badCatalog(id, err)) })
	return j.result()
}

// TestShortcuts: what saves time changes nothing of what is found.
func TestShortcuts(t *testing.T) {
	w := damagedRoot(t)
	want := w.judged(func(*judge) {})
	if n := len(want.Findings); n < 6 || want.Inodes < 300 {
		t.Fatalf("%d findings, %d inodes", n, want.Inodes)
	}
	for name, change := range map[string]func(*judge){
		"catalogues are read twice":   func(j *judge) { j.memoLimit = 1000 },
		"single names are remembered": func(j *judge) { j.remember = 0 },
	} {
		got := w.judged(change)
		opaque := cmp.Transformer("kept", func(f Finding) []string {
			return []string{string(f.Kind), f.Snapshot, f.Path, f.Detail, f.Recorded.String(), f.Actual.String()}
		})
		if diff := cmp.Diff(want.Findings, got.Findings, opaque); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got.Inodes != want.Inodes || got.Files != want.Files || got.Bytes != want.Bytes {
			t.Errorf("%s: %+v, want %+v", name, got, want)
		}
	}
}

// TestMountedOver: what is mounted on a name is what is read there, even on a
// further name of an inode that was read already.
func TestMountedOver(t *testing.T) {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("needs root on Linux, to mount")
	}
	w := newWorld(t)
	w.snapshot(first, manyFiles(20))
	for p := range manyFiles(20) {
		w.link(first+"/"+p, second+"/"+p)
	}
	w.sumAll(second)
	w.rebuild()
	other := w.at("other")
	must(t, os.WriteFile(other, []byte("other"), 0o644))
	if out, err := exec.Command("mount", "--bind", other, w.at(second, "d3/f3")).CombinedOutput(); err != nil {
		t.Skipf("cannot mount: %v: %s", err, out)
	}
	t.Cleanup(func() { must(t, exec.Command("umount", w.at(second, "d3/f3")).Run()) })
	r := w.verify(Options{})
	if !slices.Contains(brief(r), "changed "+second+" d3/f3") {
		t.Errorf("found %q", brief(r))
	}
}
