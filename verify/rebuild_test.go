package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"phlb/internal/catalog"
	"phlb/internal/fsys"
	"phlb/internal/lookup"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/treetest"
)

// entries returns the hash lookup's entries: path by hash.
func (w *world) entries() map[string]string {
	w.t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(w.at(".phlb/hash-lookup"), func(place string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := os.ReadFile(place)
		all[e.Name()] = string(text)
		return err
	})
	if !errors.Is(err, fs.ErrNotExist) {
		must(w.t, err)
	}
	return all
}

// sizes returns the names in the size lookup.
func (w *world) sizes() []string {
	w.t.Helper()
	var all []string
	must(w.t, filepath.WalkDir(w.at(".phlb/size-lookup"), func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			all = append(all, e.Name())
		}
		return err
	}))
	slices.Sort(all)
	return all
}

// records reads a catalogue.
func (w *world) records(id string) (h catalog.Header, list []catalog.Record, end catalog.Trailer) {
	w.t.Helper()
	f, err := os.Open(w.at(".phlb/catalog", id+".jsonl.zst"))
	must(w.t, err)
	defer f.Close()
	r, err := catalog.NewReader(f)
	must(w.t, err)
	defer r.Close()
	for {
		var rec catalog.Record
		if err := r.Next(&rec); err == io.EOF {
			return r.Header(), list, r.Trailer()
		} else {
			must(w.t, err)
		}
		list = append(list, rec)
	}
}

func TestRebuildFromNothing(t *testing.T) {
	w := newWorld(t)
	w.snapshot(first, sampleTree())
	w.snapshot("web/2026-01-03-000000", treetest.Tree{
		"z/b":  treetest.File{Content: big("b")},
		"y/b":  treetest.File{Content: big("b")},
		"more": treetest.File{Content: big("more")},
	})
	before := state(t, w.at("home"))
	r := w.rebuild()
	wantFindings(t, &r.Result)
	if !r.RootCreated || r.Hashes != (LookupCounts{Added: 6}) || r.Sizes != (LookupCounts{Added: 4}) ||
		r.Catalogs != (CatalogCounts{Written: 2}) || r.Sums != (SumsCounts{}) || len(r.Errors)+len(r.Strays) > 0 {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff(before, state(t, w.at("home"))); diff != "" {
		t.Errorf("rebuild touched a snapshot:\n%s", diff)
	}
	var paths []string
	for _, p := range w.entries() {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	want := []string{ // the newest snapshot's smallest path
		first + "/a.txt", first + "/d-after/two", first + "/d/e/deep", first + "/with space",
		"web/2026-01-03-000000/more", "web/2026-01-03-000000/y/b",
	}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"1201", "1203", "1204", "1205"}, w.sizes()); diff != "" {
		t.Errorf("sizes (-want +got):\n%s", diff)
	}
	s, ok, err := w.open().State()
	if err != nil || !ok || s.ID != "an-id" {
		t.Errorf("root.json: %+v, %v, %v", s, ok, err)
	}
}

// TestRebuildTwice: a second run writes nothing, a third after .phlb was
// lost makes the same again.
func TestRebuildTwice(t *testing.T) {
	for name, make := range map[string]func(*world){
		"own":  func(w *world) { w.snapshot(first, sampleTree()); w.snapshot(second, sampleTree()) },
		"PHLB": func(w *world) { w.path = treetest.UnpackPHLB(t).Root },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			make(w)
			w.rebuild()
			before, entries, sizes := state(t, w.path), w.entries(), w.sizes()
			r := w.rebuild()
			if diff := cmp.Diff(before, state(t, w.path)); diff != "" {
				t.Errorf("the second run wrote:\n%s", diff)
			}
			if r.RootCreated || r.Hashes != (LookupCounts{Kept: int64(len(entries))}) ||
				r.Sizes != (LookupCounts{Kept: int64(len(sizes))}) || r.Catalogs != (CatalogCounts{Kept: 2}) {
				t.Errorf("%+v", r)
			}
			must(t, os.RemoveAll(w.at(".phlb")))
			r = w.rebuild()
			if !r.RootCreated || r.Hashes.Added != int64(len(entries)) || r.Catalogs.Written != 2 {
				t.Errorf("from nothing: %+v", r)
			}
			wantFindings(t, w.verify(Options{}))
			if !slices.Equal(sizes, w.sizes()) || len(entries) != len(w.entries()) {
				t.Error("other lookups than before")
			}
		})
	}
}

// TestRebuildKeepsPHLB: a lookup that PHLB wrote is right as it is.
func TestRebuildKeepsPHLB(t *testing.T) {
	w := &world{t, treetest.UnpackPHLB(t).Root}
	lookups, snapshots := state(t, w.at(".phlb")), state(t, w.at("photos"))
	r := w.rebuild()
	wantFindings(t, &r.Result)
	if !r.RootCreated || r.Hashes != (LookupCounts{Kept: 9}) || r.Sizes != (LookupCounts{Kept: 6}) {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff(snapshots, state(t, w.at("photos"))); diff != "" {
		t.Errorf("rebuild touched a snapshot:\n%s", diff)
	}
	after := state(t, w.at(".phlb"))
	for place, was := range lookups {
		if place != w.at(".phlb") && after[place] != was {
			t.Errorf("%s: %s, was %s", place, after[place], was)
		}
	}
}

func TestRebuildLookupRepairs(t *testing.T) {
	w := newWorld(t)
	w.snapshot(first, sampleTree())
	w.snapshot(second, sampleTree())
	w.rebuild()
	good := w.entries()
	hashes := map[string]string{} // by file name
	for hash, path := range good {
		hashes[filepath.Base(path)] = hash
	}
	entry := func(name string) string {
		h := hashes[name]
		return w.at(".phlb/hash-lookup", h[:2], h[2:4], h)
	}
	write := func(place, text string) {
		must(t, os.MkdirAll(filepath.Dir(place), 0o700))
		must(t, os.WriteFile(place, []byte(text), 0o600))
	}
	write(entry("a.txt"), first+"/a.txt")           // right, though not ours
	write(entry("b.txt"), first+"/gone")            // points to nothing
	write(entry("deep"), second+"/a.txt")           // other content
	write(entry("two"), "/etc/passwd")              // no path
	must(t, os.Remove(entry("with space")))         // missing
	write(w.at(".phlb/size-lookup/99/99/9999"), "") // no such size
	must(t, os.Remove(w.at(".phlb/size-lookup/12/03/1203")))
	unknown := strings.Repeat("ab", 32)
	write(w.at(".phlb/hash-lookup/ab/ab", unknown), first+"/a.txt")
	useless := strings.Repeat("cd", 32)
	write(w.at(".phlb/hash-lookup/cd/cd", useless), "")
	write(w.at(".phlb/hash-lookup/ab/ab/notes"), "mine")
	write(w.at(".phlb/size-lookup/readme"), "mine")
	write(w.at(".phlb/catalog/odd"), "mine")
	write(w.at(".phlb/catalog/gone/2026-01-01-000000.jsonl.zst"), "of a snapshot that is gone")
	write(w.at(".phlb/catalog/gone/2026-01-01-000000.moved"), "of the same")
	write(w.at(".phlb/catalog", first+".moved"), "of one that is there")

	r := w.rebuild()
	wantFindings(t, &r.Result)
	if want := (LookupCounts{Kept: 1, Added: 1, Repaired: 3, Removed: 2}); r.Hashes != want {
		t.Errorf("hashes %+v, want %+v", r.Hashes, want)
	}
	if want := (LookupCounts{Kept: 3, Added: 1, Removed: 1}); r.Sizes != want {
		t.Errorf("sizes %+v, want %+v", r.Sizes, want)
	}
	if want := (CatalogCounts{Kept: 2, Removed: 1}); r.Catalogs != want {
		t.Errorf("catalogues %+v, want %+v", r.Catalogs, want)
	}
	wantStrays := []Path{".phlb/catalog/odd", ".phlb/hash-lookup/ab/ab/notes", ".phlb/size-lookup/readme"}
	if diff := cmp.Diff(wantStrays, r.Strays); diff != "" {
		t.Errorf("strays (-want +got):\n%s", diff)
	}
	for _, p := range wantStrays {
		if text, err := os.ReadFile(w.at(string(p))); err != nil || string(text) != "mine" {
			t.Errorf("%s: %q, %v", p, text, err)
		}
	}
	if _, err := os.Stat(w.at(".phlb/catalog/gone")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the directory of a name that is gone: %v", err)
	}
	must(t, os.Remove(w.at(".phlb/hash-lookup/ab/ab/notes")))
	good[hashes["a.txt"]] = first + "/a.txt"
	if diff := cmp.Diff(good, w.entries()); diff != "" {
		t.Errorf("entries (-want +got):\n%s", diff)
	}
}

// TestRebuildNeverBlesses: damaged content gets no entry, and an entry that
// leads to it is moved or removed.
func TestRebuildNeverBlesses(t *testing.T) {
	w := newWorld(t)
	w.snapshot(first, sampleTree())
	w.rebuild()
	// The only other copy of a.txt, and paths that share damaged inodes.
	w.snapshot(second, treetest.Tree{"a": treetest.File{Content: big("a")}})
	w.link(first+"/d/b.txt", second+"/no line")
	must(t, os.Remove(w.at(".phlb/catalog", first+".jsonl.zst")))
	w.flip(5, first, "a.txt")
	w.flip(5, first, "d/b.txt")
	w.flip(0, first, "d/small")
	sums := state(t, w.at(first))

	r := w.rebuild()
	damage := []string{
		"changed " + first + " a.txt", "changed " + first + " d/b.txt", "changed " + first + " d/small",
		"changed " + second + " no line", "unlisted " + second + " no line",
	}
	wantFindings(t, &r.Result, damage...)
	if want := (LookupCounts{Kept: 3, Repaired: 1, Removed: 1}); r.Hashes != want {
		t.Errorf("hashes %+v, want %+v", r.Hashes, want)
	}
	if r.Sums != (SumsCounts{}) {
		t.Errorf("lines were added: %+v", r.Sums)
	}
	if diff := cmp.Diff(sums, state(t, w.at(first))); diff != "" {
		t.Errorf("rebuild touched a snapshot:\n%s", diff)
	}
	for hash, path := range w.entries() {
		if path == first+"/a.txt" || strings.HasSuffix(path, "b.txt") || strings.HasSuffix(path, "no line") {
			t.Errorf("entry %s leads to damage: %s", hash, path)
		}
	}
	_, records, _ := w.records(first)
	for _, rec := range records {
		isDamaged := rec.Path == "a.txt" || rec.Path == "d/b.txt" || rec.Path == "d/small"
		if rec.Kind == meta.File && rec.SHA256.IsZero() != isDamaged {
			t.Errorf("the catalogue has %q for %s", rec.SHA256, rec.Path)
		}
	}
	wantFindings(t, w.verify(Options{}), damage...)
}

func TestRebuildLines(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("modes and links differ on Windows")
	}
	w := newWorld(t)
	tree := sampleTree()
	tree["d/e"] = treetest.Dir{Mode: 0o750, Mtime: fixed}
	w.snapshot(first, tree)
	w.rebuild()
	w.snapshot(second, treetest.Tree{
		"p/keep":  treetest.File{Content: big("keep")},
		"p/lost":  treetest.File{Content: "lost"},
		"p":       treetest.Dir{Mode: 0o711, Mtime: fixed},
		"q/alone": treetest.File{Content: "alone"},
	})
	w.link(first+"/d/b.txt", second+"/p/linked")
	// A checksum file that another snapshot shares.
	other := "home/2026-01-03-000000"
	w.link(second+"/p/keep", other+"/keep")
	w.link(second+"/p/lost", other+"/lost")
	w.link(first+"/d/b.txt", other+"/linked")
	sumDir(t, w.at(second, "p"))
	w.link(second+"/p/SHA256SUMS", other+"/SHA256SUMS")
	drop := func(name string) func(string) string {
		return func(s string) string {
			lines := strings.SplitAfter(s, "\n")
			return strings.Join(slices.DeleteFunc(lines, func(l string) bool { return strings.HasSuffix(l, "  "+name+"\n") }), "")
		}
	}
	edit(t, w.at(first, "d/e/SHA256SUMS"), drop("deep"))    // the catalogue vouches
	edit(t, w.at(second, "q/SHA256SUMS"), drop("alone"))    // nothing vouches
	must(t, os.WriteFile(w.at(other, "extra"), nil, 0o644)) // must not change p's file
	text, err := os.ReadFile(w.at(second, "p/SHA256SUMS"))
	must(t, err)
	must(t, os.WriteFile(w.at(second, "p/SHA256SUMS"), []byte(drop("linked")(string(text))), 0o644)) // in both
	for _, dir := range []string{w.at(first, "d/e"), w.at(second, "p")} {
		must(t, os.Chtimes(dir, fixed, fixed))
	}

	r := w.rebuild()
	wantFindings(t, &r.Result)
	if want := (SumsCounts{Files: 4, Vouched: 3, Unvouched: 2}); r.Sums != want {
		t.Errorf("%+v, want %+v", r.Sums, want)
	}
	wantFindings(t, w.verify(Options{}))
	for dir, want := range map[string]os.FileMode{
		first + "/d/e": 0o640, second + "/p": 0o600, second + "/q": 0o644,
	} {
		info, err := os.Stat(w.at(dir, "SHA256SUMS"))
		must(t, err)
		if info.Mode().Perm() != want {
			t.Errorf("%s/SHA256SUMS: %v, want %v", dir, info.Mode(), want)
		}
	}
	for dir, want := range map[string]os.FileMode{first + "/d/e": 0o750, second + "/p": 0o711} {
		info, err := os.Stat(w.at(dir))
		must(t, err)
		if !info.ModTime().Equal(fixed) || info.Mode().Perm() != want {
			t.Errorf("%s: %v %v", dir, info.Mode(), info.ModTime())
		}
	}
	checkWithCoreutils(t, w.path)
	left, err := filepath.Glob(w.at(".phlb", ".SHA*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// checkWithCoreutils lets the judge of the format check every SHA256SUMS.
func checkWithCoreutils(t *testing.T, dir string) {
	t.Helper()
	tool, err := exec.LookPath("sha256sum")
	if err != nil {
		t.Log("not checked: sha256sum is not installed")
		return
	}
	must(t, filepath.WalkDir(dir, func(place string, e fs.DirEntry, err error) error {
		if err != nil || e.Name() != "SHA256SUMS" {
			return err
		}
		cmd := exec.Command(tool, "-c", "--quiet", "--strict", "SHA256SUMS")
		cmd.Dir = filepath.Dir(place)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", place, err, out)
		}
		return nil
	}))
}

// TestRebuildKeepsOtherLines: those of missing files stay as evidence, those
// that cannot be understood go.
func TestRebuildKeepsOtherLines(t *testing.T) {
	w := newWorld(t)
	w.snapshot(first, treetest.Tree{"b": treetest.File{Content: "b"}, "new\nline": treetest.File{Content: "n"}})
	gone := strings.Repeat("1", 64) + "  gone\n"
	must(t, os.WriteFile(w.at(first, "SHA256SUMS"), []byte("junk\n"+gone), 0o644))
	r := w.rebuild()
	wantFindings(t, &r.Result, "bad-line "+first+" SHA256SUMS", "missing "+first+" gone")
	text, err := os.ReadFile(w.at(first, "SHA256SUMS"))
	must(t, err)
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if len(lines) != 3 || !strings.HasSuffix(lines[0], "  b") || lines[1]+"\n" != gone || !strings.HasSuffix(lines[2], `  new\nline`) {
		t.Errorf("SHA256SUMS:\n%s", text)
	}
}

func TestRebuildReadOnlyDirectory(t *testing.T) {
	if !treetest.AsOrdinaryUser(t) {
		return
	}
	w := newWorld(t)
	w.snapshot(first, treetest.Tree{
		"ro/a":      treetest.File{Content: "a", Mode: 0o444},
		"closed/in": treetest.File{Content: "in"},
	})
	must(t, os.Chmod(w.at(first, "ro"), 0o755))
	must(t, os.Remove(w.at(first, "ro/SHA256SUMS")))
	must(t, os.Chtimes(w.at(first, "ro"), fixed, fixed))
	must(t, os.Chmod(w.at(first, "ro"), 0o555))
	must(t, os.Chmod(w.at(first, "closed"), 0o300))
	t.Cleanup(func() {
		_ = os.Chmod(w.at(first, "ro"), 0o755)
		_ = os.Chmod(w.at(first, "closed"), 0o755)
	})
	r := w.rebuild()
	// Both a directory that may not be written to and one that may not be
	// read; neither stops the rest.
	wantFindings(t, &r.Result, "unreadable "+first+" closed")
	info, err := os.Stat(w.at(first, "ro"))
	must(t, err)
	if info.Mode().Perm() != 0o555 || !info.ModTime().Equal(fixed) || r.Sums.Unvouched != 1 {
		t.Errorf("%v %v, %+v, %v", info.Mode(), info.ModTime(), r.Sums, r.Errors)
	}
	if len(r.Errors) != 1 || r.Catalogs.Written != 0 {
		t.Errorf("a catalogue that would not be whole: %+v, %v", r.Catalogs, r.Errors)
	}
}

func TestRebuiltCatalog(t *testing.T) {
	w := newWorld(t)
	w.snapshot(first, treetest.Tree{
		"SHA256SUMS.source":                          treetest.File{Content: "mine"},
		"SHA256SUMS.a":                               treetest.File{Content: "a"},
		"SHA256SUMS.source.source":                   treetest.Dir{},
		"SHA256SUMS.source.source/SHA256SUMS.source": treetest.Symlink("x"),
		"a.txt": treetest.File{Content: big("a"), Mode: 0o640, Mtime: fixed},
		"a":     treetest.Dir{Mode: 0o700, Mtime: fixed},
	})
	report, err := json.Marshal(map[string]any{
		"format": "phlb-report", "status": "complete", "source": "/home/me", "plan_id": "p-1",
		"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T00:01:00Z",
	})
	must(t, err)
	must(t, os.WriteFile(w.at(first+"-report.json"), report, 0o600))
	w.snapshot(second, treetest.Tree{"SHA256SUMS.source": treetest.File{Content: "PHLB's"}})
	wantFindings(t, &w.rebuild().Result)

	h, records, end := w.records(first)
	if h.Origin != catalog.OriginRebuild || h.Source != "/home/me" || h.PlanID != "p-1" ||
		!h.Started.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("header %+v", h)
	}
	if end.Status != catalog.StatusComplete || end.Files != 3 || end.Bytes != 4+1+1201 {
		t.Errorf("trailer %+v", end)
	}
	var paths []string
	for _, r := range records {
		paths = append(paths, r.Path)
		if r.Ino != 0 || !r.Ctime.IsZero() || r.Stored != nil {
			t.Errorf("%s: facts about the source that nobody knows: %+v", r.Path, r)
		}
	}
	want := []string{".", "SHA256SUMS", "SHA256SUMS.a", "SHA256SUMS.source", "SHA256SUMS.source/SHA256SUMS", "a", "a.txt"}
	if diff := cmp.Diff(want, paths); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
	last := records[len(records)-1]
	if last.Size != 1201 || !last.Mtime.Std().Equal(fixed) || last.SHA256.IsZero() || runtime.GOOS != "windows" && last.Mode != 0o640 {
		t.Errorf("%+v", last)
	}
	h, records, end = w.records(second)
	if !h.Started.IsZero() || end.Status != catalog.StatusPartial || records[1].Path != "SHA256SUMS.source" {
		t.Errorf("of a snapshot without a report: %+v, %+v, %+v", h, end, records[1])
	}
	wantFindings(t, w.verify(Options{}))
	r := w.rebuild()
	if r.Catalogs.Kept != 2 {
		t.Errorf("%+v", r.Catalogs)
	}
}

func TestRebuildDamagedState(t *testing.T) {
	w := newWorld(t)
	w.snapshot(first, sampleTree())
	must(t, os.Mkdir(w.at(".phlb"), 0o700))
	must(t, os.WriteFile(w.at(".phlb/root.json"), []byte("{"), 0o600))
	if r := w.rebuild(); !r.RootCreated {
		t.Error("a damaged root.json was kept")
	}
	if text, err := os.ReadFile(w.at(".phlb/root.json.damaged")); err != nil || string(text) != "{" {
		t.Errorf("it was not set aside: %q, %v", text, err)
	}
	must(t, os.WriteFile(w.at(".phlb/root.json"), []byte(`{"id":"x","format_version":"9.0"}`), 0o600))
	before := state(t, w.path)
	_, err := Rebuild(t.Context(), w.open(), RebuildOptions{NewID: func() string { return "no" }})
	if !errors.Is(err, snapshot.ErrFormat) {
		t.Errorf("a root of another major version: %v", err)
	}
	if diff := cmp.Diff(before, state(t, w.path)); diff != "" {
		t.Errorf("it was written to:\n%s", diff)
	}
}

func TestRebuildCancelled(t *testing.T) {
	w := newWorld(t)
	w.snapshot(first, sampleTree())
	w.rebuild()
	before := state(t, w.path)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Rebuild(ctx, w.open(), RebuildOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if diff := cmp.Diff(before, state(t, w.path)); diff != "" {
		t.Errorf("it wrote:\n%s", diff)
	}
}

// TestRebuildFaults fails every writing call once. Snapshots stay as they
// are, a full disk ends the run, and a later run brings everything back.
func TestRebuildFaults(t *testing.T) {
	for n := 1; ; n++ {
		w := newWorld(t)
		w.snapshot(first, sampleTree())
		must(t, os.Remove(w.at(first, "d/SHA256SUMS")))
		before := state(t, w.at(first, "d/e"))
		calls := 0
		root, err := snapshot.Open(w.path, fsys.WithFaults(func(op fsys.Op, name string) error {
			if calls++; calls == n {
				return errFull
			}
			return nil
		}))
		must(t, err)
		_, err = Rebuild(t.Context(), root, RebuildOptions{Workers: 1, NewID: func() string { return "an-id" }})
		root.Close()
		if calls < n {
			if err != nil || n < 20 {
				t.Errorf("%d calls, then %v", calls, err)
			}
			return
		}
		if diff := cmp.Diff(before, state(t, w.at(first, "d/e"))); diff != "" {
			t.Errorf("call %d failed: a snapshot changed:\n%s", n, diff)
		}
		r := w.rebuild()
		if len(r.Errors)+len(r.Findings) > 0 {
			t.Errorf("after call %d failed: %v, %v", n, r.Errors, brief(&r.Result))
		}
		wantFindings(t, w.verify(Options{}))
		if got := len(w.entries()); got != 5 {
			t.Errorf("after call %d failed: %d entries", n, got)
		}
	}
}

// TestRebuildProperty: whatever the root, rebuild makes each content's entry
// lead to a file that has it, and is done after one run.
func TestRebuildProperty(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("names with a backslash")
	}
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "root")
		must(t, err)
		w := &world{t, dir}
		groups := drawRoot(rt, w)
		if rapid.Bool().Draw(rt, "lose a checksum file") {
			_ = os.Remove(filepath.Join(filepath.Dir(w.at(rapid.SampledFrom(groups).Draw(rt, "beside")[0])), "SHA256SUMS"))
		}
		w.rebuild()
		wantFindings(t, w.verify(Options{}))
		want := map[string]bool{}
		for _, g := range groups {
			content, err := os.ReadFile(w.at(g[0]))
			must(t, err)
			if len(content) >= lookup.MinSize {
				want[string(content)] = true
			}
		}
		entries := w.entries()
		for hash, path := range entries {
			content, err := os.ReadFile(w.at(path))
			must(t, err)
			if got := fmt.Sprintf("%x", sumOf(content)); got != hash || !want[string(content)] {
				rt.Fatalf("entry %s leads to %s, which has %s", hash, path, got)
			}
		}
		if len(entries) != len(want) {
			rt.Fatalf("%d entries, want %d", len(entries), len(want))
		}
		before := state(t, w.path)
		w.rebuild()
		if diff := cmp.Diff(before, state(t, w.path)); diff != "" {
			rt.Fatalf("the second run wrote:\n%s", diff)
		}
	})
}

func TestRebuildResultJSON(t *testing.T) {
	r := RebuildResult{Strays: []Path{"a", "\xff"}, Errors: []FileError{{"\xfe", "no"}}}
	text, err := json.Marshal(r)
	must(t, err)
	for _, want := range []string{
		`"strays":["a",{"path_b64":"/w=="}]`, `"errors":[{"path_b64":"/g==","error":"no"}]`,
		`"hashes":{"kept":0,"added":0,"repaired":0,"removed":0}`, `"files":0`, `"root_created":false`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}
