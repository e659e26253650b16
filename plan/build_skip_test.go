//go:build unix

package plan_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"phlb/manifest"
	"phlb/plan"
)

// made reports whether the first source gets a new snapshot.
func (p *planned) made() bool { return p.Sources[0].Snapshot != "" }

// TestSkipIfUnchanged: what counts as a change.
func TestSkipIfUnchanged(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(w *world)
		want   bool
	}{
		{"nothing", func(*world) {}, false},
		{"read", func(w *world) { _, err := os.ReadFile(w.at("d/large")); w.must(err) }, false},
		{"other excludes", func(w *world) { w.set().Excludes = []manifest.Pattern{{Text: "nothing"}} }, false},
		{"content", func(w *world) { w.file("d/small", "b") }, true},
		{"new", func(w *world) { w.file("d/new", "b") }, true},
		{"deleted", func(w *world) { w.must(os.Remove(w.at("d/small"))) }, true},
		{"mode", func(w *world) { w.must(os.Chmod(w.at("d/small"), 0o600)) }, true},
		{"mode of a directory", func(w *world) { w.must(os.Chmod(w.at("d"), 0o700)) }, true},
		{"empty directory", func(w *world) { w.must(os.Mkdir(w.at("e"), 0o700)); w.mtime(".", 1_700_000_000) }, true},
		{"empty directory deleted", func(w *world) { w.must(os.Remove(w.at("empty"))); w.mtime(".", 1_700_000_000) }, true},
		{"symlink", func(w *world) {
			w.must(os.Remove(w.at("ln")), os.Symlink("b", w.at("ln")))
			w.mtime(".", 1_700_000_000)
		}, true},
		{"excluded", func(w *world) { w.set().Excludes = []manifest.Pattern{{Text: "large"}} }, true},
		{"rehash", func(w *world) { w.opts.Rehash = true }, false},
		{"switched off", func(w *world) { w.set().SkipIfUnchanged = false }, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.set().SkipIfUnchanged = true
			w.file("d/small", "a")
			w.file("d/large", noise(1, 5000))
			w.must(os.Mkdir(w.at("empty"), 0o755), os.Symlink("a", w.at("ln")))
			w.mtime(".", 1_700_000_000)
			if first := w.backup(); !first.made() {
				t.Fatal("no first snapshot")
			}
			tc.change(w)
			p := w.plan()
			if p.made() != tc.want || !p.Applyable {
				t.Fatalf("a new snapshot: %v, applicable %v; want %v", p.made(), p.Applyable, tc.want)
			}
			if !tc.want && len(p.entries)+len(p.deleted) > 0 {
				t.Errorf("%d entries of which nothing becomes", len(p.entries))
			}
			rep := w.apply(p)
			if (rep.Snapshot != nil) != tc.want || rep.Status != "complete" {
				t.Errorf("applied: %v, %s", rep.Snapshot, rep.Status)
			}
		})
	}
}

// TestSkipIfUnreadable: a file that cannot be read, as before, is no change;
// one that can be read at last, or no more, is.
func TestSkipIfUnreadable(t *testing.T) {
	w := newWorld(t)
	w.set().SkipIfUnchanged = true
	w.file("a", "a")
	w.file("b", "b")
	if os.Geteuid() == 0 {
		t.Skip("root can read everything")
	}
	w.must(os.Chmod(w.at("a"), 0))
	p := w.plan()
	p.want(t, "a", "skip  unreadable: permission denied")
	if _, err := w.tryApply(p); err != nil {
		t.Fatal(err)
	}
	if w.plan().made() {
		t.Error("a new snapshot, though nothing has changed")
	}
	w.must(os.Chmod(w.at("a"), 0o644))
	if p = w.plan(); !p.made() {
		t.Error("no new snapshot, though a file can be read now")
	}
	w.apply(p)
	w.must(os.Chmod(w.at("a"), 0))
	if !w.plan().made() {
		t.Error("no new snapshot, though a file cannot be read any more")
	}
}

// TestSkipOfTheParents: a skip tells if the parent has its path; that of a
// directory stands for all below it.
func TestSkipOfTheParents(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"big", "d/x", "keep/y", "now/z"} {
		w.file(path, path)
	}
	w.backup()
	w.set().MaxFileSize = 10
	w.set().Excludes = []manifest.Pattern{{Text: "/d/"}, {Text: "/never/"}, {Text: "z"}}
	w.file("big", "more than ten bytes")
	w.file("huge", "more than ten bytes, and new")
	w.file("never/stored", "x")
	p := w.plan()
	for path, want := range map[string]bool{"big": true, "d": true, "now/z": true, "huge": false, "never": false} {
		if e := p.by[path]; e.Action != plan.ActionSkip || e.InParent != want {
			t.Errorf("%s: %s, in the parent: %v; want %v", path, e.Action, e.InParent, want)
		}
	}
	if len(p.deleted) > 0 {
		t.Errorf("deleted: %v", p.deleted)
	}
	w.apply(p)
	for path, e := range w.plan().by {
		if e.InParent {
			t.Errorf("%s: still in the parent, which has none", path)
		}
	}
}

// TestSkippedIsNoTarget: files of a source that is not stored after all are
// nothing that another one could link to.
func TestSkippedIsNoTarget(t *testing.T) {
	w := newWorld(t)
	w.set().SkipIfUnchanged = true
	w.file("a", noise(1, 5000))
	first := w.backup()
	w.must(os.Remove(filepath.Join(w.root, first.Snapshot(), "a"))) // so that the plan has it, and the root does not
	other := w.m.Sources[0]
	other.Name, other.Path, other.SkipIfUnchanged = "other", w.src+"2", false
	w.must(os.Mkdir(other.Path, 0o755), os.WriteFile(other.Path+"/x", []byte(noise(1, 5000)), 0o644))
	w.m.Sources = append(w.m.Sources, other)
	w.opts.Rehash = true
	p := w.plan()
	if p.made() || p.Sources[1].Snapshot == "" {
		t.Fatalf("snapshots %q and %q", p.Sources[0].Snapshot, p.Sources[1].Snapshot)
	}
	if e := p.by["x"]; e.Action != plan.ActionCopy {
		t.Errorf("x: %s %s", e.Action, e.Target)
	}
	w.apply(p)
}

// TestTimezone: snapshots are named by the manifest's clock.
func TestTimezone(t *testing.T) {
	w := newWorld(t)
	w.file("a", "a")
	w.now = time.Date(2026, 7, 1, 22, 30, 0, 0, time.UTC)
	for zone, want := range map[string]string{
		"UTC": "home/2026-07-01-223000", "Europe/Berlin": "home/2026-07-02-003000", "America/St_Johns": "home/2026-07-01-200000",
	} {
		var err error
		w.m.Location, err = time.LoadLocation(zone)
		w.must(err)
		if p := w.plan(); p.Snapshot() != want {
			t.Errorf("%s: %s, want %s", zone, p.Snapshot(), want)
		}
	}
}
