package execute_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"phlb/execute"
	"phlb/internal/event"
)

// strict is apply --strict.
func strict(o *execute.Options) { o.Strict = true }

// twoSources is a world with a second source, called "other", in which nothing
// is left to be copied but "d/new".
func twoSources(t *testing.T) (w *world, other string) {
	t.Helper()
	w = newWorld(t)
	other = filepath.Join(w.dir, "other")
	w.more = fmt.Sprintf("- name: other\n  path: %q\n", other)
	home := w.src
	w.write("linked", big("home", 2000))
	w.src = other
	for i := range 150 { // more than a batch
		w.write(fmt.Sprintf("many/%d", i), "x")
	}
	w.write("d/linked", big("other", 2000))
	w.ok(os.Symlink("d", filepath.Join(other, "ln")))
	w.src = home
	w.apply(w.plan())
	w.write("new", "new")
	w.src = other
	w.write("d/new", "new")
	w.src = home
	return w, other
}

// drift returns the error as what it is to be.
func drift(t *testing.T, err error) *execute.DriftError {
	t.Helper()
	var e *execute.DriftError
	if !errors.As(err, &e) || !errors.Is(err, execute.ErrDrift) {
		t.Fatalf("got %v", err)
	}
	return e
}

func TestStrictLooksAtAllSourcesFirst(t *testing.T) {
	for name, test := range map[string]struct {
		path   string
		change func(p string) error
		gone   bool
	}{
		"copy":           {"d/new", func(p string) error { return os.WriteFile(p, []byte("newer"), 0o644) }, false},
		"copy gone":      {"d/new", os.Remove, true},
		"link":           {"d/linked", func(p string) error { return os.Chtimes(p, old, old.Add(1)) }, false},
		"last of many":   {"many/99", os.Remove, true},
		"directory":      {"many", func(p string) error { return os.Chmod(p, 0o700) }, false},
		"top":            {".", func(p string) error { return os.Chmod(p, 0o700) }, false},
		"symlink":        {"ln", func(p string) error { return errors.Join(os.Remove(p), os.Symlink("e", p)) }, false},
		"other type":     {"ln", func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o755)) }, false},
		"directory gone": {"d", func(p string) error { return os.RemoveAll(p) }, true},
	} {
		for memory, bytes := range map[string]int64{"in memory": 0, "read again": -1} {
			t.Run(name+" "+memory, func(t *testing.T) {
				w, other := twoSources(t)
				f := w.plan()
				w.ok(test.change(filepath.Join(other, test.path)))
				before := w.snapshots()
				res, err := w.try(f, strict, func(o *execute.Options) { o.PlanMemory = bytes })
				same(t, "published besides", drift(t, err).Published, []string(nil))
				same(t, "snapshots", w.snapshots(), before)
				if len(res.Reports) != 2 {
					t.Fatalf("%d reports", len(res.Reports))
				}
				home, rep := res.Reports[0], res.Reports[1]
				same(t, "of the first", []any{home.Name, home.Status, home.Error, notedIn(home)}, []any{"home", execute.StatusFailed, "not begun: " + err.Error(), 0})
				same(t, "of the second", []any{rep.Name, rep.Status, rep.Error}, []any{"other", execute.StatusFailed, err.Error()})
				noted := paths(rep.Drifted)
				if test.gone {
					noted = paths(rep.Vanished)
				}
				if len(noted) == 0 || len(noted) != notedIn(rep) || noted[0] != test.path {
					t.Errorf("noted %v and %v, not %s", paths(rep.Drifted), paths(rep.Vanished), test.path)
				}
				w.settled()
			})
		}
	}
}

func TestStrictSourcesWithoutDrift(t *testing.T) {
	for memory, bytes := range map[string]int64{"in memory": 0, "read again": -1} {
		t.Run(memory, func(t *testing.T) {
			w, other := twoSources(t)
			res, err := w.try(w.plan(), strict, func(o *execute.Options) { o.PlanMemory = bytes })
			w.ok(err)
			w.whole(res.Reports[0])
			w.src = other
			w.whole(res.Reports[1])
		})
	}
}

// TestStrictTellsWhatWasPublished: what drifts during the run, or in one that
// goes on, comes after another source was published.
func TestStrictTellsWhatWasPublished(t *testing.T) {
	w, other := twoSources(t)
	f := w.plan()
	_, err := w.try(f, strict, onEvent(func(_ int, e event.Event) {
		if e.Kind == event.End && e.Phase == event.Publish {
			w.ok(os.WriteFile(filepath.Join(other, "d/new"), []byte("newer"), 0o644))
		}
	}))
	all := w.snapshots()
	same(t, "snapshots", len(all), 3)
	published := []string{all[1]}
	same(t, "published", drift(t, err).Published, published)
	same(t, "path", drift(t, err).Path, filepath.Join(other, "d/new"))

	_, err = w.try(f, strict)
	same(t, "published before", drift(t, err).Published, published)
	res, err := w.try(f)
	w.ok(err)
	same(t, "drifted", paths(res.Reports[1].Drifted), []string{"d/new"})
	same(t, "snapshots at the end", len(w.snapshots()), 4)
}

func TestStrictInterruptedWhileLooking(t *testing.T) {
	w, _ := twoSources(t)
	f := w.plan()
	before := w.snapshots()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	log := slog.New(slog.NewTextHandler(writes(func(text string) {
		if strings.Contains(text, "looking for drift") {
			cancel()
		}
	}), nil))
	_, err := w.tryContext(ctx, f, strict, func(o *execute.Options) { o.Log = log })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	same(t, "snapshots", w.snapshots(), before)
	w.settled()
	_, err = w.try(f, strict)
	w.ok(err)
}

// writes is a writer that only tells.
type writes func(text string)

func (f writes) Write(b []byte) (int, error) {
	f(string(b))
	return len(b), nil
}
