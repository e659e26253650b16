//go:build unix

package plan_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"phlb/internal/retain"
	"phlb/internal/snapshot"
	"phlb/plan"
)

// retention sets the policy of the only source.
func (w *world) retention(p retain.Policy) { w.set().Retention = &p }

// fates returns what a plan does with the old snapshots: their times without
// the date, and the reasons.
func fates(p *plan.Plan) map[string]string {
	all := map[string]string{}
	for _, k := range p.Keep {
		all[k.Snapshot] = "keep: " + strings.Join(k.Reasons, ", ")
	}
	for _, r := range p.Prune {
		all[r.Snapshot] = "prune: " + r.Reason
	}
	return all
}

func (w *world) id0(p *planned) string { return p.Sources[0].Snapshot }

// setTime moves the world's clock.
func (w *world) setTime(text string) {
	w.tb.Helper()
	t, err := time.ParseInLocation("2006-01-02 15:04", text, time.UTC)
	w.must(err)
	w.now = t
}

func wantFates(tb testing.TB, p *planned, want map[string]string) {
	tb.Helper()
	if diff := cmp.Diff(want, fates(p.Plan)); diff != "" {
		tb.Errorf("(-want +got):\n%s", diff)
	}
}

func TestKeepAndPrune(t *testing.T) {
	w := newWorld(t)
	w.file("a", noise(1, 2000))
	var ids []string
	for _, at := range []string{"2030-01-01 10:00", "2030-01-01 20:00", "2030-01-02 10:00", "2030-01-03 10:00"} {
		w.setTime(at)
		ids = append(ids, w.id0(w.backup()))
	}
	w.setTime("2030-01-03 20:00")
	wantFates(t, w.plan(), map[string]string{
		ids[0]: "keep: no retention", ids[1]: "keep: no retention", ids[2]: "keep: no retention", ids[3]: "keep: no retention",
	})
	w.retention(retain.Policy{KeepLast: 1, KeepDaily: 3})
	p := w.plan()
	wantFates(t, p, map[string]string{
		ids[0]: "prune: kept by no rule", ids[1]: "keep: daily#3", ids[2]: "keep: daily#2", ids[3]: "prune: kept by no rule",
	})
	if p.Prune[0].Snapshot != ids[0] || p.Keep[0].Snapshot != ids[2] {
		t.Errorf("the order is %v, %v", p.Prune, p.Keep)
	}
	root, err := snapshot.Open(w.root)
	w.must(err)
	defer root.Close()
	w.must(root.Pin(snapshot.ID{Name: "home", Time: ids[0][len("home/"):]}))
	w.retention(retain.Policy{KeepLast: 1})
	wantFates(t, w.plan(), map[string]string{
		ids[0]: "keep: pinned", ids[1]: "prune: kept by no rule", ids[2]: "prune: kept by no rule", ids[3]: "prune: kept by no rule",
	})
}

// TestPlannedPartial: a plan that foresees unreadable files makes a partial
// snapshot, before which a complete one is preferred.
func TestPlannedPartial(t *testing.T) {
	w := newWorld(t)
	w.file("a", noise(1, 2000))
	w.setTime("2030-01-01 10:00")
	first := w.id0(w.backup())
	w.setTime("2030-01-01 20:00")
	w.retention(retain.Policy{KeepDaily: 1})
	wantFates(t, w.plan(), map[string]string{first: "prune: kept by no rule"})
	w.must(os.Mkdir(w.at(strings.Repeat("n", 249)), 0o700), os.WriteFile(w.at("SHA256SUMS"+strings.Repeat(".source", 35)), nil, 0o600))
	p := w.plan()
	if p.Sources[0].Spool.Totals().Skip.Files == 0 {
		t.Fatal("nothing is skipped")
	}
	wantFates(t, p, map[string]string{first: "keep: daily#1, newest complete"})
}

func TestGuardedSourceNeverPrunes(t *testing.T) {
	w := newWorld(t)
	w.file("a", noise(1, 2000))
	first, second := w.id0(w.backup()), w.id0(w.backup())
	w.retention(retain.Policy{KeepLast: 1})
	w.must(os.Rename(w.src, w.src+".away"), os.Mkdir(w.src, 0o755))
	p := w.plan()
	if p.Applyable {
		t.Fatal("applyable")
	}
	wantFates(t, p, map[string]string{first: "keep: guard tripped", second: "keep: guard tripped"})
	w.opts.PruneOnly = true
	p = w.plan()
	if !p.Applyable || !p.PruneOnly || len(p.Sources) != 1 || p.Sources[0].Snapshot != "" || p.Sources[0].Parent == nil || len(p.entries) > 0 {
		t.Errorf("prune only: %+v", p.Document)
	}
	wantFates(t, p, map[string]string{first: "prune: kept by no rule", second: "keep: last#1, newest, newest complete"})
	for _, g := range p.Sources[0].Guards {
		if g.Name != "clock" {
			t.Errorf("guard %s is checked", g.Name)
		}
	}
	w.setTime("2020-01-01 00:00")
	if p = w.plan(); p.Applyable || len(p.Prune) > 0 {
		t.Errorf("with a wrong clock: %+v", p.Document)
	}
}

func TestOnlyChosenNamesArePruned(t *testing.T) {
	w := newWorld(t)
	w.file("a", noise(1, 2000))
	w.backup()
	w.backup()
	other := w.m.Sources[0]
	w.retention(retain.Policy{KeepLast: 1})
	other.Name = "other"
	w.m.Sources = append(w.m.Sources, other)
	w.opts.Sources = []string{"other"}
	if p := w.plan(); len(p.Prune)+len(p.Keep) > 0 {
		t.Errorf("%v %v", p.Prune, p.Keep)
	}
	w.opts.Sources = nil
	w.m.Sources = w.m.Sources[1:]
	p := w.plan()
	if len(p.Prune)+len(p.Keep) > 0 || !cmp.Equal(p.Unlisted, []string{"home"}) {
		t.Errorf("a name that is not listed: %v %v %v", p.Prune, p.Keep, p.Unlisted)
	}
}

// freesOf counts independently of catalogues: what comes free as each of
// the snapshots goes, in order. linked are the plan's link targets.
func freesOf(tb testing.TB, root string, p *planned) []int64 {
	tb.Helper()
	links := map[uint64]uint64{}
	linked := map[uint64]bool{}
	for _, e := range p.entries {
		if e.Action == plan.ActionLink {
			if info, err := os.Lstat(filepath.Join(root, e.Target)); err == nil {
				linked[info.Sys().(*syscall.Stat_t).Ino] = true
			}
		}
	}
	var frees []int64
	for _, r := range p.Prune {
		var sum int64
		err := filepath.WalkDir(filepath.Join(root, r.Snapshot), func(_ string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			st := info.Sys().(*syscall.Stat_t)
			if links[st.Ino]++; links[st.Ino] == uint64(st.Nlink) && !linked[st.Ino] {
				sum += st.Size
			}
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
		frees = append(frees, sum)
	}
	return frees
}

// TestFreesBytes compares what plans say with what a walk of the snapshots
// finds, over random histories, with and without catalogues.
func TestFreesBytes(t *testing.T) {
	for seed := range 8 {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			w := newWorld(t)
			g := rapid.Custom(func(t *rapid.T) []int { return rapid.SliceOfN(rapid.IntRange(0, 99), 60, 60).Draw(t, "steps") }).Example(seed)
			for day := range 6 {
				for _, n := range g[day*10 : day*10+6] {
					name := fmt.Sprintf("d%d/f%d", n%3, n%7)
					switch {
					case n < 70:
						w.file(name, noise(uint64(n%20), 900+n%20*10))
					case n < 85:
						_ = os.Remove(w.at(name))
					default:
						_ = os.MkdirAll(w.at("moved"), 0o755)
						_ = os.Rename(w.at(name), w.at("moved/"+fmt.Sprint(n)))
					}
				}
				w.file("always", noise(99, 5000))
				if day < 5 {
					w.backup()
				}
			}
			w.retention(retain.Policy{KeepLast: 1 + g[58]%3})
			if g[59]%2 == 0 {
				w.retention(retain.Policy{KeepLast: 1, KeepWithin: retain.Span{Hours: 1}})
				root, err := snapshot.Open(w.root)
				w.must(err)
				defer root.Close()
				times, err := root.Times("home")
				w.must(err)
				w.retention(retain.Policy{KeepLast: 1})
				w.must(root.Pin(snapshot.ID{Name: "home", Time: times[2]}))
			}
			if g[57]%4 == 0 {
				w.must(os.RemoveAll(filepath.Join(w.root, ".phlb/catalog")))
			}
			p := w.plan()
			if len(p.Prune) == 0 {
				t.Fatal("nothing is pruned")
			}
			var got []int64
			for _, r := range p.Prune {
				got = append(got, r.FreesBytes)
			}
			if diff := cmp.Diff(freesOf(t, w.root, p), got); diff != "" {
				t.Errorf("%v\n(-walked +planned):\n%s", p.Prune, diff)
			}
		})
	}
}

// TestFreesWithDamage: old snapshots that are not whole do not keep anybody
// from planning.
func TestFreesWithDamage(t *testing.T) {
	w := newWorld(t)
	w.file("a/b/c", noise(1, 2000))
	w.file("a/d", noise(2, 3000))
	var ids []string
	for range 4 {
		w.must(os.RemoveAll(w.at("x")))
		w.file("x", noise(uint64(len(ids))+10, 1500))
		ids = append(ids, w.id0(w.backup()))
	}
	at := func(i int, rel string) string { return filepath.Join(w.root, ids[i], rel) }
	w.must(os.RemoveAll(at(0, "a/b")), os.Remove(at(1, "x")), os.Symlink("/", at(1, "x")))
	w.must(os.Truncate(filepath.Join(w.root, ".phlb/catalog", ids[2]+".jsonl.zst"), 60))
	w.retention(retain.Policy{KeepLast: 1})
	p := w.plan()
	if len(p.Prune) != 4 || p.Prune[0].FreesBytes < 1500 {
		t.Errorf("%+v", p.Prune)
	}
}

// TestTimesOfRetention: the catalogue's UTC decides, and without it the name
// in the manifest's zone.
func TestTimesOfRetention(t *testing.T) {
	w := newWorld(t)
	w.file("a", noise(1, 2000))
	berlin, err := time.LoadLocation("Europe/Berlin")
	w.must(err)
	w.m.Location = berlin
	w.setTime("2030-01-01 22:30") // 23:30 in Berlin
	first := w.id0(w.backup())
	w.setTime("2030-01-01 23:30") // the next day there
	w.retention(retain.Policy{KeepDaily: 2})
	wantFates(t, w.plan(), map[string]string{first: "keep: daily#2"})
	w.m.Location = time.UTC
	wantFates(t, w.plan(), map[string]string{first: "keep: oldest:daily"})
	w.must(os.RemoveAll(filepath.Join(w.root, ".phlb/catalog")))
	// The name reads 23:30, whatever the zone.
	w.m.Location = berlin
	wantFates(t, w.plan(), map[string]string{first: "keep: daily#2"})
}
