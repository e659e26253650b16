package execute_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"

	"phlb/execute"
	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/plan"
)

// refused applies a plan and checks that it is refused and that nothing at
// all has changed in the root.
func (w *world) refused(f *os.File, want error, text string, change ...func(*execute.Options)) {
	w.t.Helper()
	before := list(w.root)
	res, err := w.try(f, change...)
	if !errors.Is(err, want) || !strings.Contains(err.Error(), text) {
		w.t.Errorf("got %v, want %v with %q", err, want, text)
	}
	if res != nil {
		w.t.Errorf("got a result: %+v", res)
	}
	same(w.t, "root", list(w.root), before)
}

// hostile is a plan for an empty root: the source directory and what follows.
func hostile(entries ...plan.Entry) func(*world) *plan.Document {
	return func(w *world) *plan.Document {
		d := w.bare()
		w.add(d, 0, entries...)
		return d
	}
}

// bare is a plan that has its source directory alone.
func (w *world) bare() *plan.Document {
	p := w.planned()
	p.Sources[0].Spool = plan.NewSpool()
	w.add(&p.Document, 0, plan.Entry{Action: plan.ActionMkdir, Path: ".", Mode: 0o755, Change: plan.ChangeNew})
	return &p.Document
}

func (w *world) add(d *plan.Document, source int, entries ...plan.Entry) {
	w.t.Helper()
	for i := range entries {
		if entries[i].Change == "" && entries[i].Action != plan.ActionSkip {
			entries[i].Change = plan.ChangeNew
		}
		w.ok(d.Sources[source].Spool.Add(&entries[i]))
	}
}

func file(path string) plan.Entry {
	return plan.Entry{Action: plan.ActionCopy, Path: path, Size: 1, Mode: 0o644, Reason: "new size"}
}

func linkTo(path, target string) plan.Entry {
	return plan.Entry{Action: plan.ActionLink, Path: path, Target: target, Size: 1, Mode: 0o644, SHA256: digest.Sum{1}, Reason: "known content"}
}

func TestUnsafePlansAreRefused(t *testing.T) {
	dir := plan.Entry{Action: plan.ActionMkdir, Path: "d", Mode: 0o755}
	tests := map[string]struct {
		make func(*world) *plan.Document
		text string
	}{
		"absolute path":        {hostile(file("/etc/passwd")), "path"},
		"dotdot":               {hostile(file("../x")), "outside"},
		"dotdot inside":        {hostile(dir, file("d/../../x")), "outside"},
		"dotdot at the end":    {hostile(dir, file("d/..")), "outside"},
		"dot inside":           {hostile(dir, file("d/./x")), "outside"},
		"empty element":        {hostile(dir, file("d//x")), "outside"},
		"trailing slash":       {hostile(dir, file("d/")), "outside"},
		"NUL":                  {hostile(file("a\x00b")), "path"},
		"below a file":         {hostile(file("f"), file("f/x")), "directory that the plan makes"},
		"below a symlink":      {hostile(plan.Entry{Action: plan.ActionSymlink, Path: "l", Target: "/etc"}, file("l/x")), "directory that the plan makes"},
		"below a skip":         {hostile(plan.Entry{Action: plan.ActionSkip, Path: "s", Reason: "excluded"}, file("s/x")), "directory that the plan makes"},
		"below nothing":        {hostile(file("d/x")), "directory that the plan makes"},
		"below a sibling":      {hostile(dir, file("d/x"), file("e/x")), "directory that the plan makes"},
		"target outside":       {hostile(linkTo("x", "../etc/passwd")), "target"},
		"target absolute":      {hostile(linkTo("x", "/etc/passwd")), "target"},
		"target dotdot inside": {hostile(linkTo("x", "home/2020-01-01-000000/../../../x")), "target"},
		"target private":       {hostile(linkTo("x", ".phlb/root.json")), "not in a snapshot"},
		"target in no snapshot": {
			hostile(linkTo("x", "home/x")), "not in a snapshot",
		},
		"target is a snapshot":       {hostile(linkTo("x", "home/2020-01-01-000000")), "not in a snapshot"},
		"target in unknown snapshot": {hostile(linkTo("x", "home/2020-01-01-000000/x")), "no snapshot of"},
		"target later": {func(w *world) *plan.Document {
			d := w.bare()
			w.add(d, 0, linkTo("a", d.Sources[0].Snapshot+"/b"), file("b"))
			return d
		}, "earlier file"},
		"target itself": {func(w *world) *plan.Document {
			d := w.bare()
			w.add(d, 0, linkTo("a", d.Sources[0].Snapshot+"/a"))
			return d
		}, "earlier file"},
		"target is a directory of the plan": {func(w *world) *plan.Document {
			d := w.bare()
			w.add(d, 0, dir, linkTo("x", d.Sources[0].Snapshot+"/d"))
			return d
		}, "earlier file"},
		"target not hashed": {hostile(plan.Entry{Action: plan.ActionLink, Path: "x", Target: "home/2020-01-01-000000/x", Mode: 0o644}), "sha256"},
		"snapshot of another name": {func(w *world) *plan.Document {
			d := w.bare()
			d.Sources[0].Snapshot = "other/2030-01-01-000000"
			return d
		}, "not one of the source"},
		"snapshot outside": {func(w *world) *plan.Document {
			d := w.bare()
			d.Sources[0].Snapshot = "../home/2030-01-01-000000"
			return d
		}, "name"},
		"name outside": {func(w *world) *plan.Document {
			d := w.bare()
			d.Sources[0].Name, d.Sources[0].Snapshot = "../x", "../x/2030-01-01-000000"
			return d
		}, "name"},
		"name private": {func(w *world) *plan.Document {
			d := w.bare()
			d.Sources[0].Name, d.Sources[0].Snapshot = ".phlb", ".phlb/2030-01-01-000000"
			return d
		}, "name"},
		"parent of another name": {func(w *world) *plan.Document {
			d := w.bare()
			parent := "other/2020-01-01-000000"
			d.Sources[0].Parent = &parent
			return d
		}, "parent"},
		"parent later": {func(w *world) *plan.Document {
			d := w.bare()
			parent := "home/2999-01-01-000000"
			d.Sources[0].Parent = &parent
			return d
		}, "not later than its parent"},
		"two sources of one name": {func(w *world) *plan.Document {
			d := w.bare()
			d.Sources = append(d.Sources, d.Sources[0])
			return d
		}, "two sources"},
		"source not absolute": {func(w *world) *plan.Document {
			d := w.bare()
			d.Sources[0].Path = "src"
			return d
		}, "not absolute"},
		"no entries": {func(w *world) *plan.Document {
			d := w.bare()
			d.Sources[0].Spool = nil
			return d
		}, "no entries"},
		"first entry is no directory": {func(w *world) *plan.Document {
			d := w.bare()
			d.Sources[0].Spool = plan.NewSpool()
			w.add(d, 0, file("."))
			return d
		}, "first entry"},
		"plan id leads elsewhere": {func(w *world) *plan.Document {
			d := w.bare()
			d.PlanID = "../../x"
			return d
		}, "plan_id"},
		"prune of a stranger": {func(w *world) *plan.Document {
			d := w.bare()
			d.Prune = []plan.Prune{{Snapshot: "other/2020-01-01-000000", Reason: "kept by no rule"}}
			return d
		}, "other/2020-01-01-000000"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("f", "x")
			w.refused(w.save(test.make(w)), execute.ErrRefused, test.text)
		})
	}
}

// forged replaces text in a plan and gives it a right digest again.
func forged(w *world, from, to string) *os.File {
	w.t.Helper()
	f := w.plan()
	text, err := os.ReadFile(f.Name())
	w.ok(err)
	if !bytes.Contains(text, []byte(from)) {
		w.t.Fatalf("the plan has no %s:\n%s", from, text)
	}
	text = bytes.Replace(text, []byte(from), []byte(to), 1)
	text = text[:bytes.LastIndex(text, []byte(`"digest"`))]
	return w.saveText(fmt.Appendf(text, "\"digest\":\"xxh64:%016x\"}\n", xxhash.Sum64(text)))
}

func TestDamagedPlansAreRefused(t *testing.T) {
	w := newWorld(t)
	w.write("f", "x")
	t.Run("forging works", func(t *testing.T) {
		w := newWorld(t)
		w.write("f", "x")
		w.apply(forged(w, `"small file"`, `"tiny file."`))
	})
	w.refused(forged(w, `"action":"copy"`, `"action":"exec"`), execute.ErrRefused, "unknown action")
	w.refused(forged(w, `"format_version":"1.`, `"format_version":"2.`), execute.ErrRefused, "version")
	w.refused(forged(w, `"format":"phlb-plan"`, `"format":"phlb-plot"`), execute.ErrRefused, "format")

	text, err := os.ReadFile(w.plan().Name())
	w.ok(err)
	w.refused(w.saveText(bytes.Replace(text, []byte(`"mode":"0644"`), []byte(`"mode":"0666"`), 1)), execute.ErrRefused, "digest")
	w.refused(w.saveText(text[:len(text)/2]), execute.ErrRefused, "")
	w.refused(w.saveText(nil), execute.ErrRefused, "")
	w.refused(w.saveText(append(text, "{}"...)), execute.ErrRefused, "")
	w.refused(w.saveText([]byte("not JSON")), execute.ErrRefused, "")
}

func TestExpectedSHA256(t *testing.T) {
	w := newWorld(t)
	w.write("f", "x")
	f := w.plan()
	text, err := os.ReadFile(f.Name())
	w.ok(err)
	sum := sha256.Sum256(text)
	expect := func(hex string) func(*execute.Options) {
		return func(o *execute.Options) { o.ExpectSHA256 = hex }
	}
	w.refused(f, execute.ErrRefused, "reviewed", expect(strings.Repeat("0", 64)))
	w.apply(f, expect(strings.ToUpper(hex.EncodeToString(sum[:]))))
}

func TestRootMovedOn(t *testing.T) {
	w := newWorld(t)
	w.write("f", "x")
	early := w.plan()
	done := w.plan()
	w.apply(done)
	w.refused(done, execute.ErrRefused, "already applied")
	w.refused(early, execute.ErrRefused, "come into being")

	second, again := w.plan(), w.plan()
	w.apply(again)
	w.refused(second, execute.ErrRefused, "newest snapshot")
	w.refused(again, execute.ErrRefused, "already applied")

	third := w.plan()
	w.ok(os.Rename(filepath.Join(w.root, ".phlb/root.json"), filepath.Join(w.dir, "kept")))
	w.refused(third, execute.ErrRefused, "not the planned root")
	w.ok(os.WriteFile(filepath.Join(w.root, ".phlb/root.json"), []byte(`{"id":"other","format_version":"1.0","generation":1}`), 0o600))
	w.refused(third, execute.ErrRefused, "another root")
}

func TestParentGone(t *testing.T) {
	w := newWorld(t)
	w.write("f", big("f", 2000))
	rep := w.backup()
	f := w.plan()
	w.ok(os.RemoveAll(w.snap(rep)))
	w.refused(f, execute.ErrRefused, "newest snapshot of home is none")
}

func TestNewerSnapshotOfPHLB(t *testing.T) {
	w := newWorld(t)
	w.write("f", "x")
	f := w.plan()
	w.ok(os.MkdirAll(filepath.Join(w.root, "home/2020-01-01-000000"), 0o755))
	w.refused(f, execute.ErrRefused, "newest snapshot")
	if _, err := os.Lstat(filepath.Join(w.root, ".phlb")); err == nil {
		t.Error(".phlb was made")
	}
}

func TestPlansForOtherNamesDoNotHinder(t *testing.T) {
	w := newWorld(t)
	w.write("f", "x")
	w.backup()
	first := w.plan()
	other := newWorldIn(t, tempDir(t))
	other.write("g", "y")
	w.more = fmt.Sprintf("- name: other\n  path: %q\n", other.src)
	w.apply(w.plan(func(o *plan.Options) { o.Sources = []string{"other"} }))
	w.apply(first)
}

func TestGuardsInThePlan(t *testing.T) {
	w := newWorld(t) // its source is empty
	f := w.plan()
	w.refused(f, execute.ErrGuard, "source")
	w.ok(os.RemoveAll(w.src))
	w.refused(w.plan(), execute.ErrGuard, "source")

	w.ok(os.Mkdir(w.src, 0o755))
	w.apply(w.plan(func(o *plan.Options) { o.Overrides = []string{"source"} }))
}

func TestGuardsCheckedAgain(t *testing.T) {
	w := newWorld(t)
	w.write("f", "x")
	f := w.plan()
	w.ok(os.Remove(filepath.Join(w.src, "f")))
	w.refused(f, execute.ErrGuard, "empty")
	w.ok(os.Remove(w.src))
	w.refused(f, execute.ErrGuard, "no such file")
	w.ok(os.WriteFile(w.src, nil, 0o600))
	w.refused(f, execute.ErrGuard, "not a directory")
}

func TestSecondSourceIsGuardedBeforeTheFirst(t *testing.T) {
	w := newWorld(t)
	w.write("f", "x")
	other := filepath.Join(w.dir, "other")
	w.ok(os.Mkdir(other, 0o755))
	w.ok(os.WriteFile(filepath.Join(other, "g"), nil, 0o644))
	w.more = fmt.Sprintf("- name: other\n  path: %q\n", other)
	f := w.plan()
	w.ok(os.Remove(filepath.Join(other, "g")))
	w.refused(f, execute.ErrGuard, "other is empty")
}

func TestSentinelCheckedAgain(t *testing.T) {
	w := newWorld(t)
	w.write("f", "x")
	p := w.planned()
	p.Sources[0].Settings.Require.Sentinel = ".mounted"
	w.refused(w.save(&p.Document), execute.ErrGuard, "sentinel")
	p.Overrides = []string{"sentinel"}
	w.apply(w.save(&p.Document))
}

func TestClockSetBack(t *testing.T) {
	w := newWorld(t)
	w.write("f", "x")
	w.backup()
	f := w.plan()
	w.now = w.now.AddDate(0, 0, -3)
	w.refused(f, execute.ErrGuard, "clock")
}

func TestTrippedGuardInAnApplyablePlan(t *testing.T) {
	w := newWorld(t)
	w.write("f", "x")
	p := w.planned()
	p.Sources[0].Guards = append(p.Sources[0].Guards, plan.Guard{Name: "min_files", Status: plan.GuardTripped, Detail: "1 file"})
	w.refused(w.save(&p.Document), execute.ErrGuard, "min_files")
}

func TestDestinationGone(t *testing.T) {
	w := newWorld(t)
	w.write("f", big("f", 2000))
	w.backup()
	f := w.plan()
	w.ok(os.Rename(w.root, w.root+".away"))
	if _, err := w.try(f); err == nil || !strings.Contains(err.Error(), "open destination") {
		t.Errorf("got %v", err)
	}
	if _, err := os.Lstat(w.root); err == nil {
		t.Error("the destination was made")
	}
}

// TestPlanAlteredWhileApplied writes into the open plan after it was checked:
// what is read again is refused, and what was kept is what was checked.
func TestPlanAlteredWhileApplied(t *testing.T) {
	w := newWorld(t)
	deep := strings.Repeat(strings.Repeat("d", 250)+"/", 4)
	for i := range 2600 { // 3 MiB of plan: more than is read ahead
		w.write(fmt.Sprintf("%sf%d", deep, i), "x")
	}
	f := w.plan()
	text, err := os.ReadFile(f.Name())
	w.ok(err)
	text = bytes.Replace(text, []byte(`/f999","size":1,"mode":"0644"`), []byte(`/f999","size":1,"mode":"0666"`), 1)
	text = text[:bytes.LastIndex(text, []byte(`"digest"`))]
	text = fmt.Appendf(text, "\"digest\":\"xxh64:%016x\"}\n", xxhash.Sum64(text))
	alter := func(f *os.File) func(*execute.Options) {
		return onEvent(func(n int, _ event.Event) {
			if n == 1 {
				w.ok(os.WriteFile(f.Name(), text, 0o600))
			}
		})
	}
	_, err = w.try(f, alter(f), func(o *execute.Options) { o.PlanMemory = -1 })
	if !errors.Is(err, execute.ErrRefused) || !strings.Contains(err.Error(), "altered") {
		t.Errorf("got %v", err)
	}
	same(t, "snapshots", len(w.snapshots()), 0)
	f = w.plan()
	w.whole(w.apply(f, alter(f)))
}

// TestPlanMemory applies plans whose entries stay in memory, find no room, and
// are to find none.
func TestPlanMemory(t *testing.T) {
	for _, memory := range []int64{0, 4000, -1} {
		w := newWorld(t)
		w.tree(2, 20)
		limit := func(o *execute.Options) { o.PlanMemory = memory }
		w.whole(w.apply(w.plan(), limit))
		w.write("d0/f1", big("changed", 5000))
		w.whole(w.apply(w.plan(), limit))
	}
}
