//go:build unix

package plan_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"phlb/internal/event"
	"phlb/internal/scan"
	"phlb/internal/snapshot"
	"phlb/manifest"
	"phlb/plan"
)

func (w *world) explain(path string) *plan.Explanation {
	w.tb.Helper()
	root, err := snapshot.Open(w.root)
	w.must(err)
	defer root.Close()
	x, err := plan.Explain(w.tb.Context(), w.m, root, plan.Options{
		Now: w.now, NewID: w.id, Version: "test", Events: event.Discard, UID: os.Geteuid(), GID: os.Getegid(), Workers: 1,
	}, plan.Question{Source: w.m.Sources[0].Name, Path: path})
	w.must(err)
	return x
}

// An explanation says of every path what the plan says, unless it says itself
// that others count.
func TestExplainAgreesWithThePlan(t *testing.T) {
	if testing.Short() {
		t.Skip("plans each path of a tree")
	}
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		if n++; n > 5 {
			return // each takes many plans
		}
		w := newWorld(t)
		w.set().Excludes = []manifest.Pattern{{Text: "b/"}, {Text: "*.b"}, {Text: "!/a/a.b"}}
		w.set().MaxFileSize = 3000
		m := &mutator{world: w, t: rt, contents: contentPool()}
		for range 2 {
			w.file("first", "so that the source is not empty")
			for range rapid.IntRange(1, 8).Draw(rt, "steps") {
				m.step()
			}
			p := w.plan()
			for _, want := range p.entries {
				agree(t, w.explain(want.Path), &want)
			}
			for _, gone := range p.deleted {
				if x := w.explain(gone); !x.Gone || x.Exists {
					t.Errorf("%q: gone %v, exists %v", gone, x.Gone, x.Exists)
				}
			}
			if !p.Applyable {
				break
			}
			w.apply(p)
		}
	})
}

func agree(t *testing.T, x *plan.Explanation, want *plan.Entry) {
	t.Helper()
	switch {
	case x.Entry == nil:
		t.Errorf("%q: explained as in no plan, it is %+v", want.Path, want)
	case x.Open || x.Links > 1:
		if (want.Action == plan.ActionSkip) != (x.Entry.Action == plan.ActionSkip) {
			t.Errorf("%q: explained as %s, it is %s", want.Path, x.Entry.Action, want.Action)
		}
	case want.Reason == "same content as an earlier file of this plan", want.Action == plan.ActionLink && strings.HasPrefix(want.Target, x.Snapshot):
		t.Errorf("%q: links within the plan without a word", want.Path)
	default:
		got := *x.Entry
		if want.SHA256.IsZero() {
			got.SHA256 = want.SHA256 // whether it is read depends on the others
		}
		if d := cmp.Diff(*want, got); d != "" {
			t.Errorf("%q: %s", want.Path, d)
		}
	}
	if skipped := x.Decider() != nil; skipped != (want.Action == plan.ActionSkip) {
		t.Errorf("%q: skipped %v, it is %s", want.Path, skipped, want.Action)
	}
}

// The rule that decides is named with its place.
func TestExplainRules(t *testing.T) {
	w := newWorld(t)
	w.file("a/b/c.iso", "x")
	w.file("keep/c.iso", "x")
	w.file("marked/.nobackup", "")
	w.file("large", noise(1, 2000))
	pos := manifest.Position{File: "m.yaml", Line: 7, Column: 3}
	s := w.set()
	s.Excludes = append(s.Excludes, manifest.Pattern{Text: "*.iso", Pos: pos}, manifest.Pattern{Text: "!/keep/*"}, manifest.Pattern{Text: "/a/"})
	s.ExcludeIfPresent, s.MaxFileSize = []string{".nobackup"}, 1000
	w.m.Sources[0].Origins = map[string]manifest.Position{"max_file_size": pos}
	for path, want := range map[string]struct {
		rule   scan.Rule
		at     string
		placed bool
	}{
		"a/b/c.iso":  {scan.RuleExcludes, "a", false},
		"c.iso":      {scan.RuleExcludes, "c.iso", true}, // it does not exist
		"keep/c.iso": {},
		"marked/x":   {scan.RuleExcludeIfPresent, "marked", false},
		"large":      {scan.RuleMaxFileSize, "large", true},
		"large/x":    {scan.RuleMaxFileSize, "large", true},
		".":          {},
	} {
		x := w.explain(path)
		d := x.Decider()
		if d == nil {
			d = &plan.Step{}
		}
		if d.Rule != want.rule || d.Path != want.at || (d.Origin != nil) != want.placed {
			t.Errorf("%s: rule %q at %q, origin %v", path, d.Rule, d.Path, d.Origin)
		}
	}
	if x := w.explain("keep/c.iso"); x.Steps[2].Pattern == nil || x.Steps[2].Pattern.Text != "!/keep/*" || x.Entry == nil {
		t.Errorf("%+v", x.Steps)
	}
}
