package execute_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"phlb/plan"
)

// danglingLookups lists entries that do not point to their content.
func (w *world) danglingLookups() map[string]string {
	w.t.Helper()
	bad := map[string]string{}
	files, err := filepath.Glob(filepath.Join(w.root, ".phlb/hash-lookup/*/*/*"))
	w.ok(err)
	for _, f := range files {
		path, err := os.ReadFile(f)
		w.ok(err)
		if o := look(filepath.Join(w.root, string(path))); o.Kind != "file" || o.Content != filepath.Base(f) {
			bad[string(path)] = o.Kind + " " + o.Content
		}
	}
	return bad
}

// entryOf returns what the lookup says of a content.
func (w *world) entryOf(content string) string {
	w.t.Helper()
	sum := sha(content).String()
	text, err := os.ReadFile(filepath.Join(w.root, ".phlb/hash-lookup", sum[:2], sum[2:4], sum))
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	w.ok(err)
	return string(text)
}

// TestLookupsMove: entries go where the content still is, near or far, and
// with it if it is gone.
func TestLookupsMove(t *testing.T) {
	w := newWorld(t)
	other := filepath.Join(w.dir, "other")
	w.ok(os.Mkdir(other, 0o755))
	w.more = "- name: other\n  path: " + other + "\n"
	home := func(o *plan.Options) { o.Sources = []string{"home"} }
	content := func(name string) string { return big(name, 2000) }
	w.write("stays", content("stays"))
	w.write("moves", content("moves"))
	w.write("mode", content("mode"))
	w.write("gone", content("gone"))
	w.write("elsewhere", content("elsewhere"))
	w.write("far", content("far"))
	first := *w.apply(w.plan(home)).Snapshot
	// far: in the second and third snapshot only, at another path.
	w.ok(os.Rename(filepath.Join(w.src, "far"), filepath.Join(w.src, "away")))
	w.ok(os.Rename(filepath.Join(w.src, "moves"), filepath.Join(w.src, "moved")))
	w.ok(os.Chmod(filepath.Join(w.src, "mode"), 0o600))
	w.ok(os.Remove(filepath.Join(w.src, "gone")))
	w.ok(os.Rename(filepath.Join(w.src, "elsewhere"), filepath.Join(other, "here")))
	second := *w.apply(w.plan()).Snapshot
	third := *w.apply(w.plan(home)).Snapshot
	w.ok(os.Remove(filepath.Join(w.src, "away")))
	w.apply(w.plan(home))
	fifth := *w.apply(w.plan(home)).Snapshot
	otherID := "other/" + second[len("home/"):]

	prune := func(ids ...string) {
		t.Helper()
		p := w.planned(pruneOnly, home)
		p.Keep = nil
		for _, id := range ids {
			p.Prune = append(p.Prune, plan.Prune{Snapshot: id})
		}
		same(t, "pruned", w.apply(w.save(&p.Document)).Pruned, ids)
		w.lookupsSound(true)
	}
	prune(first)
	for name, want := range map[string]string{
		"stays": fifth + "/stays", "moves": fifth + "/moved", "mode": fifth + "/mode", "gone": "",
		"elsewhere": otherID + "/here", "far": second + "/away",
	} {
		same(t, name, w.entryOf(content(name)), want)
	}
	prune(second)
	same(t, "far", w.entryOf(content("far")), third+"/away")
	prune(third)
	same(t, "far", w.entryOf(content("far")), "")
}

// TestLookupsMoveFar: what is linked nowhere near by is searched for as long
// as the link count says that there is something to be found.
func TestLookupsMoveFar(t *testing.T) {
	w := newWorld(t)
	w.write("a", big("a", 2000))
	w.write("always", big("always", 2000))
	var ids []string
	for i := range 7 {
		// a comes in the first, moves in the fourth and is gone elsewhere.
		switch i {
		case 1, 4:
			w.ok(os.Rename(filepath.Join(w.src, "a"), filepath.Join(w.dir, "kept")))
		case 3:
			w.ok(os.MkdirAll(filepath.Join(w.src, "x"), 0o755))
			w.ok(os.Rename(filepath.Join(w.dir, "kept"), filepath.Join(w.src, "a")))
		}
		ids = append(ids, *w.apply(w.plan()).Snapshot)
	}
	w.ok(os.RemoveAll(filepath.Join(w.root, ids[6])))
	p := w.planned(pruneOnly)
	p.Prune = append(p.Prune, plan.Prune{Snapshot: ids[0]})
	w.apply(w.save(&p.Document))
	same(t, "a", w.entryOf(big("a", 2000)), ids[3]+"/a")
	w.lookupsSound(true)
}

// TestLookupsMoveWithoutCatalogue: SHA256SUMS and inodes tell enough.
func TestLookupsMoveWithoutCatalogue(t *testing.T) {
	w := newWorld(t)
	ids := w.history(4)
	w.ok(os.RemoveAll(filepath.Join(w.root, ".phlb/catalog")))
	w.retain("keep_last: 2")
	rep := w.apply(w.plan(pruneOnly))
	same(t, "pruned", rep.Pruned, ids[:2])
	for p, o := range w.danglingLookups() {
		t.Errorf("%s: %s", p, o)
	}
	same(t, "always", w.entryOf(big("always", 1<<20)), ids[3]+"/always")
}

// TestLookupsMoveInMasses: where they did not come from phlb's own runs,
// samples tell that they must all be looked at.
func TestLookupsMoveInMasses(t *testing.T) {
	w := newWorld(t)
	for i := range 30 {
		w.write(fmt.Sprint("f", i), big(fmt.Sprint(i), 1500))
	}
	var ids []string
	for range 3 {
		ids = append(ids, *w.apply(w.plan()).Snapshot)
	}
	db, done := w.openLookups()
	for i := range 30 { // as rebuild does
		w.ok(db.Put(sha(big(fmt.Sprint(i), 1500)), fmt.Sprintf("%s/f%d", ids[1], i)))
	}
	done()
	p := w.planned(pruneOnly)
	p.Prune = append(p.Prune, plan.Prune{Snapshot: ids[1]})
	w.apply(w.save(&p.Document))
	w.lookupsSound(true)
	same(t, "f0", w.entryOf(big("0", 1500)), ids[2]+"/f0")
}

// TestLookupsMoveToWhatHasNoCatalogue: snapshots whose catalogue is missing or
// cut off are searched all the same, by their SHA256SUMS.
func TestLookupsMoveToWhatHasNoCatalogue(t *testing.T) {
	for name, harm := range map[string]func(w *world, ids []string) error{
		"all missing": func(w *world, _ []string) error { return os.RemoveAll(filepath.Join(w.root, ".phlb/catalog")) },
		"one missing": func(w *world, ids []string) error {
			return os.Remove(filepath.Join(w.root, ".phlb/catalog", ids[1]+".jsonl.zst"))
		},
		"cut off": func(w *world, ids []string) error {
			return os.Truncate(filepath.Join(w.root, ".phlb/catalog", ids[1]+".jsonl.zst"), 100)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("a.bin", big("a", 2000))
			w.write("top", big("top", 2000))
			w.write("SHA256SUMS", big("list", 2000))
			w.write("gone", big("gone", 2000))
			ids := []string{*w.apply(w.plan()).Snapshot}
			w.ok(os.MkdirAll(filepath.Join(w.src, "d/e"), 0o755))
			w.ok(os.Rename(filepath.Join(w.src, "a.bin"), filepath.Join(w.src, "b.bin")))
			w.ok(os.Rename(filepath.Join(w.src, "top"), filepath.Join(w.src, "d/e/below")))
			w.ok(os.Rename(filepath.Join(w.src, "SHA256SUMS"), filepath.Join(w.src, "d/SHA256SUMS")))
			w.ok(os.Remove(filepath.Join(w.src, "gone")))
			ids = append(ids, *w.apply(w.plan()).Snapshot)
			w.ok(harm(w, ids))
			w.retain("keep_last: 1")
			same(t, "pruned", w.apply(w.plan(pruneOnly)).Pruned, ids[:1])
			for content, want := range map[string]string{
				"a": ids[1] + "/b.bin", "top": ids[1] + "/d/e/below", "list": ids[1] + "/d/SHA256SUMS.source", "gone": "",
			} {
				same(t, content, w.entryOf(big(content, 2000)), want)
			}
			w.lookupsSound(true)
		})
	}
}

// TestLookupsMoveToAnotherInode: a content can be in a second inode, of which
// the link count of the one that goes tells nothing, and in a snapshot that is
// not the newest of its name.
func TestLookupsMoveToAnotherInode(t *testing.T) {
	for _, catalogues := range []bool{true, false} {
		t.Run(fmt.Sprint("catalogues ", catalogues), func(t *testing.T) {
			w := newWorld(t)
			other := filepath.Join(w.dir, "other")
			w.ok(os.Mkdir(other, 0o755))
			w.more = "- name: other\n  path: " + other + "\n"
			w.write("stays", big("stays", 2000))
			x, y := w.write("x", big("both", 2000)), filepath.Join(other, "y")
			w.ok(os.WriteFile(y, []byte(big("both", 2000)), 0o644))
			w.ok(os.WriteFile(filepath.Join(other, "stays"), []byte("there"), 0o644))
			w.ok(os.Chmod(x, 0o600))
			first := *w.apply(w.plan()).Snapshot
			kept := "other/" + first[len("home/"):]
			if a, b := look(filepath.Join(w.root, first, "x")), look(filepath.Join(w.root, kept, "y")); a.Nlink != 1 || b.Nlink != 1 || a.Ino == b.Ino {
				t.Fatalf("not two inodes: %+v, %+v", a, b)
			}
			w.ok(os.Remove(x))
			w.ok(os.Remove(y))
			for range 2 {
				w.apply(w.plan())
			}
			if !catalogues {
				w.ok(os.RemoveAll(filepath.Join(w.root, ".phlb/catalog")))
			}
			if got := w.entryOf(big("both", 2000)); got != first+"/x" {
				t.Fatalf("the entry is %q", got)
			}
			p := w.planned(pruneOnly)
			p.Prune = []plan.Prune{{Snapshot: first}}
			w.apply(w.save(&p.Document))
			same(t, "entry", w.entryOf(big("both", 2000)), kept+"/y")
			w.lookupsSound(true)
		})
	}
}

// TestLookupsMoveAlong: what only snapshots have that are pruned next moves to
// these, and with the last of them it is searched for, or stays.
func TestLookupsMoveAlong(t *testing.T) {
	for _, stays := range []bool{true, false} {
		t.Run(fmt.Sprint("stays ", stays), func(t *testing.T) {
			w := newWorld(t)
			w.write("always", big("always", 2000))
			w.write("gone", big("gone", 2000))
			w.write("moves", big("moves", 2000))
			var ids []string
			for i := range 5 {
				if i == 3 {
					w.ok(os.Remove(filepath.Join(w.src, "gone")))
					w.ok(os.Rename(filepath.Join(w.src, "moves"), filepath.Join(w.src, "moved")))
				}
				ids = append(ids, *w.apply(w.plan()).Snapshot)
			}
			w.retain("keep_last: 1")
			f := w.plan(pruneOnly)
			want, pruned := "", ids[:4]
			if stays {
				w.ok(os.WriteFile(filepath.Join(w.root, ids[2]+".pinned"), nil, 0o600))
				want, pruned = ids[2]+"/gone", []string{ids[0], ids[1], ids[3]}
			}
			same(t, "pruned", w.apply(f).Pruned, pruned)
			same(t, "gone", w.entryOf(big("gone", 2000)), want)
			if !stays { // else the pinned one has it, too
				same(t, "moves", w.entryOf(big("moves", 2000)), ids[4]+"/moved")
			}
			w.lookupsSound(true)
		})
	}
}
