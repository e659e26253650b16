package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"phlb/internal/event"
	"phlb/internal/snapshot"
	"phlb/internal/treetest"
)

// sampleTree has a file of each sort.
func sampleTree() treetest.Tree {
	return treetest.Tree{
		"a.txt":       treetest.File{Content: big("a"), Mtime: fixed},
		"d/b.txt":     treetest.File{Content: big("b"), Mtime: fixed},
		"d/small":     treetest.File{Content: "small", Mtime: fixed},
		"d/e/deep":    treetest.File{Content: big("deep"), Mtime: fixed},
		"d/ln":        treetest.Symlink("b.txt"),
		"d/zero":      treetest.File{Mtime: fixed},
		"empty":       treetest.Dir{},
		"with space":  treetest.File{Content: big("space"), Mtime: fixed},
		"d-after/two": treetest.File{Content: big("two"), Mtime: fixed},
	}
}

func TestVerifyClean(t *testing.T) {
	w := newWorld(t)
	w.snapshot(first, sampleTree())
	w.snapshot("hosts/web/2026-01-01-000000", sampleTree())
	before := state(t, w.path)
	r := w.verify(Options{})
	wantFindings(t, r)
	if r.Snapshots != 2 || r.Directories != 10 || r.Files != 14 || r.Inodes != 14 || r.Incomplete {
		t.Errorf("counts: %+v", r)
	}
	if want := int64(2 * (len("absmalldeepspacetwo") + 5*1200)); r.Bytes != want {
		t.Errorf("%d bytes, want %d", r.Bytes, want)
	}
	if diff := cmp.Diff(before, state(t, w.path)); diff != "" {
		t.Errorf("verify wrote:\n%s", diff)
	}
}

func TestVerifyFixture(t *testing.T) {
	p := treetest.UnpackPHLB(t)
	w := &world{t, p.Root}
	r := w.verify(Options{})
	wantFindings(t, r)
	if r.Snapshots != 2 || r.Files != 21 || r.Inodes != 14 {
		t.Errorf("counts: %+v", r)
	}
}

// TestDamages does one harm at a time, without and with a catalogue.
func TestDamages(t *testing.T) {
	hex := strings.Repeat("0", 64)
	for _, tc := range []struct {
		name    string
		harm    func(t *testing.T, dir string)
		want    []string
		catalog []string // findings that only a catalogue brings
	}{
		{"flipped byte", func(t *testing.T, dir string) {
			(&world{t, dir}).flip(700, "d/b.txt")
		}, []string{"changed d/b.txt"}, nil},
		{"flipped byte of a small file", func(t *testing.T, dir string) {
			(&world{t, dir}).flip(0, "d/small")
		}, []string{"changed d/small"}, nil},
		{"file deleted", func(t *testing.T, dir string) {
			must(t, os.Remove(dir+"/d/b.txt"))
		}, []string{"missing d/b.txt"}, nil},
		{"file added", func(t *testing.T, dir string) {
			must(t, os.WriteFile(dir+"/d/new", nil, 0o644))
		}, []string{"unlisted d/new"}, nil},
		{"truncated", func(t *testing.T, dir string) {
			must(t, os.Truncate(dir+"/a.txt", 10))
		}, []string{"changed a.txt"}, nil},
		{"garbled line", func(t *testing.T, dir string) {
			edit(t, dir+"/d/SHA256SUMS", func(s string) string { return "x" + s[1:] })
		}, []string{"bad-line d/SHA256SUMS", "unlisted d/b.txt"}, nil},
		{"other hash in a line", func(t *testing.T, dir string) {
			edit(t, dir+"/d/SHA256SUMS", func(s string) string { return hex + s[64:] })
		}, []string{"changed d/b.txt"}, []string{"catalog d/b.txt"}},
		{"line twice", func(t *testing.T, dir string) {
			edit(t, dir+"/d/SHA256SUMS", func(s string) string { return s + s })
		}, nil, nil},
		{"contradictory lines", func(t *testing.T, dir string) {
			edit(t, dir+"/d/SHA256SUMS", func(s string) string { return hex + "  small\n" + s })
		}, []string{"bad-line d/SHA256SUMS"}, nil},
		{"contradictory lines, both wrong", func(t *testing.T, dir string) {
			other := strings.Repeat("1", 64)
			edit(t, dir+"/d/SHA256SUMS", func(s string) string {
				return hex + "  b.txt\n" + other + "  b.txt\n" + s[strings.Index(s, "\n")+1:]
			})
		}, []string{"bad-line d/SHA256SUMS", "changed d/b.txt"}, []string{"catalog d/b.txt"}},
		{"line for SHA256SUMS", func(t *testing.T, dir string) {
			edit(t, dir+"/d/SHA256SUMS", func(s string) string { return s + hex + "  SHA256SUMS\n" })
		}, []string{"bad-line d/SHA256SUMS"}, nil},
		{"no SHA256SUMS", func(t *testing.T, dir string) {
			must(t, os.Remove(dir+"/SHA256SUMS"))
		}, []string{"unlisted a.txt", "unlisted with space"}, nil},
		{"no checksum file at all", func(t *testing.T, dir string) {
			must(t, os.WriteFile(dir+"/SHA256SUMS", []byte(strings.Repeat("junk\n", 2000)), 0o644))
		}, []string{"unreadable SHA256SUMS"}, nil},
		{"SHA256SUMS a directory", func(t *testing.T, dir string) {
			must(t, os.Remove(dir+"/SHA256SUMS"))
			must(t, os.Mkdir(dir+"/SHA256SUMS", 0o755))
		}, []string{"type SHA256SUMS"}, nil},
		{"file became a symlink", func(t *testing.T, dir string) {
			must(t, os.Rename(dir+"/d/b.txt", dir+"/d/b.away"))
			must(t, os.Symlink("b.away", dir+"/d/b.txt"))
		}, []string{"type d/b.txt", "unlisted d/b.away"}, nil},
		{"file became a directory", func(t *testing.T, dir string) {
			must(t, os.Remove(dir+"/d/b.txt"))
			must(t, os.Mkdir(dir+"/d/b.txt", 0o755))
		}, []string{"type d/b.txt"}, nil},
		{"symlink changed", func(t *testing.T, dir string) {
			must(t, os.Remove(dir+"/d/ln"))
			must(t, os.Symlink("small", dir+"/d/ln"))
		}, nil, []string{"catalog d/ln"}},
		{"symlink became a file", func(t *testing.T, dir string) {
			must(t, os.Remove(dir+"/d/ln"))
			must(t, os.WriteFile(dir+"/d/ln", nil, 0o644))
		}, []string{"unlisted d/ln"}, nil},
		{"empty directory deleted", func(t *testing.T, dir string) {
			must(t, os.Remove(dir+"/empty"))
		}, nil, []string{"missing empty"}},
		{"directory deleted", func(t *testing.T, dir string) {
			must(t, os.RemoveAll(dir+"/d"))
		}, nil, []string{"missing d"}},
		{"symlink deleted", func(t *testing.T, dir string) {
			must(t, os.Remove(dir+"/d/ln"))
		}, nil, []string{"missing d/ln"}},
		{"file deleted with its line", func(t *testing.T, dir string) {
			must(t, os.Remove(dir+"/a.txt"))
			edit(t, dir+"/SHA256SUMS", func(s string) string { return s[strings.Index(s, "\n")+1:] })
		}, nil, []string{"missing a.txt"}},
		{"file added with a line", func(t *testing.T, dir string) {
			must(t, os.WriteFile(dir+"/d/new", nil, 0o644))
			edit(t, dir+"/d/SHA256SUMS", func(s string) string { return s + fmt.Sprintf("%x  new\n", sumOf(nil)) })
		}, nil, []string{"catalog d/new"}},
		{"symlink added", func(t *testing.T, dir string) {
			must(t, os.Symlink("b.txt", dir+"/d/new"))
		}, nil, []string{"catalog d/new"}},
		{"directory became a file", func(t *testing.T, dir string) {
			must(t, os.RemoveAll(dir+"/d"))
			must(t, os.WriteFile(dir+"/d", nil, 0o644))
		}, []string{"unlisted d"}, nil},
		{"directory added", func(t *testing.T, dir string) {
			must(t, os.MkdirAll(dir+"/dd/sub", 0o755))
			must(t, os.WriteFile(dir+"/dd/sub/f", nil, 0o644))
		}, []string{"unlisted dd/sub/f"}, []string{"catalog dd"}},
	} {
		for _, withCatalog := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/catalog=%v", tc.name, withCatalog), func(t *testing.T) {
				w := newWorld(t)
				w.snapshot(first, sampleTree())
				want := tc.want
				if withCatalog {
					w.rebuild()
					want = slices.Concat(tc.want, tc.catalog)
				}
				tc.harm(t, w.at(first))
				full := []string{}
				for _, finding := range want {
					full = append(full, strings.Replace(finding, " ", " "+first+" ", 1))
				}
				wantFindings(t, w.verify(Options{}), full...)
			})
		}
	}
}

func edit(t *testing.T, place string, change func(string) string) {
	t.Helper()
	text, err := os.ReadFile(place)
	must(t, err)
	must(t, os.Remove(place)) // it may be linked
	must(t, os.WriteFile(place, []byte(change(string(text))), 0o644))
}

func TestUnreadable(t *testing.T) {
	if !treetest.AsOrdinaryUser(t) {
		return
	}
	w := newWorld(t)
	w.snapshot(first, sampleTree())
	w.link(first+"/d/b.txt", second+"/other")
	w.sumAll(second)
	must(t, os.Chmod(w.at(first, "d/b.txt"), 0))
	must(t, os.Chmod(w.at(first, "d/e"), 0))
	must(t, os.Chmod(w.at(first, "d-after/SHA256SUMS"), 0))
	t.Cleanup(func() { _ = os.Chmod(w.at(first, "d/e"), 0o755) })
	wantFindings(t, w.verify(Options{}),
		"unreadable "+first+" d/b.txt", "unreadable "+second+" other",
		"unreadable "+first+" d/e", "unreadable "+first+" d-after/SHA256SUMS")
}

// TestDamageNamesAllPaths: one flipped byte is reported for each path of its
// inode, over all names and snapshots, lines or not.
func TestDamageNamesAllPaths(t *testing.T) {
	for _, workers := range []int{1, 4} {
		w := newWorld(t)
		w.snapshot(first, sampleTree())
		other := "web/2026-03-01-000000"
		w.link(first+"/d/b.txt", second+"/x/moved")
		w.link(first+"/d/b.txt", second+"/copy")
		w.link(first+"/d/b.txt", other+"/nowhere listed")
		w.link(first+"/a.txt", second+"/fine")
		w.sumAll(second)
		w.flip(3, first, "d/b.txt")
		r := w.verify(Options{Workers: workers})
		wantFindings(t, r,
			"changed "+first+" d/b.txt", "changed "+second+" copy", "changed "+second+" x/moved",
			"changed "+other+" nowhere listed", "unlisted "+other+" nowhere listed")
		if r.Inodes != 7 {
			t.Errorf("read %d inodes, want 7", r.Inodes)
		}
		for _, f := range r.Findings {
			if f.Inode != r.Findings[0].Inode || f.Inode == 0 {
				t.Errorf("%s: inode %d", f.Path, f.Inode)
			}
			if f.Kind == Changed && (f.Actual.IsZero() || f.Actual == f.Recorded) {
				t.Errorf("%s: hashes %v and %v", f.Path, f.Recorded, f.Actual)
			}
		}
	}
}

func TestLinkedChecksumFile(t *testing.T) {
	w := newWorld(t)
	w.snapshot(first, sampleTree())
	w.link(first+"/d/e/deep", second+"/e/deep")
	w.link(first+"/d/e/SHA256SUMS", second+"/e/SHA256SUMS")
	wantFindings(t, w.verify(Options{}))
}

func TestChosenSnapshots(t *testing.T) {
	w := newWorld(t)
	w.snapshot(first, sampleTree())
	w.snapshot(second, sampleTree())
	w.flip(0, first, "a.txt")
	id, err := snapshot.ParseID(second)
	must(t, err)
	r := w.verify(Options{Snapshots: []snapshot.ID{id, id}})
	wantFindings(t, r)
	if r.Snapshots != 1 {
		t.Errorf("%d snapshots", r.Snapshots)
	}
	gone := snapshot.ID{Name: "home", Time: "2020-01-01-000000"}
	if _, err := Verify(t.Context(), w.open(), Options{Snapshots: []snapshot.ID{gone}}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a snapshot that is not there: %v", err)
	}
}

func TestDamagedCatalog(t *testing.T) {
	for name, harm := range map[string]func([]byte) []byte{
		"cut off": func(b []byte) []byte { return b[:len(b)-8] },
		"garbage": func([]byte) []byte { return []byte("garbage") },
		"empty":   func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.snapshot(first, sampleTree())
			w.rebuild()
			place := w.at(".phlb/catalog", first+".jsonl.zst")
			b, err := os.ReadFile(place)
			must(t, err)
			must(t, os.WriteFile(place, harm(b), 0o600))
			damaged := w.verify(Options{})
			wantFindings(t, damaged, "catalog "+first+" .")
			if damaged.Damaged() {
				t.Error("a cache that is lost counts as damage")
			}
			w.flip(0, first, "a.txt")
			if !w.verify(Options{}).Damaged() {
				t.Error("a flipped byte beside it does not")
			}
			w.flip(0, first, "a.txt")
			r := w.rebuild()
			wantFindings(t, &r.Result)
			if r.Catalogs.Replaced != 1 {
				t.Errorf("catalogues: %+v", r.Catalogs)
			}
			wantFindings(t, w.verify(Options{}))
		})
	}
}

func TestCatalogOfAnother(t *testing.T) {
	w := newWorld(t)
	w.snapshot(first, sampleTree())
	w.snapshot(second, treetest.Tree{"x": treetest.File{Content: "x"}})
	w.rebuild()
	must(t, os.Rename(w.at(".phlb/catalog", second+".jsonl.zst"), w.at(".phlb/catalog", first+".jsonl.zst")))
	r := w.verify(Options{})
	wantFindings(t, r, "catalog "+first+" .")
	if r.Damaged() {
		t.Error("it counts as damage")
	}
}

// TestFlippedByteInCatalog: wherever it is, nothing that the catalogue says
// before it is held against the snapshot.
func TestFlippedByteInCatalog(t *testing.T) {
	w := newWorld(t)
	w.snapshot(first, manyFiles(300))
	w.rebuild()
	place := w.at(".phlb/catalog", first+".jsonl.zst")
	good, err := os.ReadFile(place)
	must(t, err)
	seen := 0
	for at := 0; at < len(good); at += max(1, len(good)/60) {
		bad := slices.Clone(good)
		bad[at] ^= 0x10
		must(t, os.WriteFile(place, bad, 0o600))
		r := w.verify(Options{SamplePercent: 0.001})
		if r.Damaged() {
			t.Errorf("byte %d of %d: %v", at, len(good), brief(r))
		}
		seen += len(r.Findings)
	}
	if seen < 30 {
		t.Errorf("only %d flipped bytes were noticed", seen)
	}
}

func TestUnreadableCatalog(t *testing.T) {
	if !treetest.AsOrdinaryUser(t) {
		return
	}
	w := newWorld(t)
	w.snapshot(first, sampleTree())
	w.rebuild()
	must(t, os.Chmod(w.at(".phlb/catalog", first+".jsonl.zst"), 0))
	r := w.verify(Options{})
	wantFindings(t, r, "catalog "+first+" .")
	if r.Damaged() {
		t.Error("it counts as damage")
	}
}

func TestOmittedFindingsAreDamage(t *testing.T) {
	r := &Result{Findings: []Finding{{Kind: Catalog, Snapshot: first, Path: "."}}, FindingsOmitted: 1}
	if !r.Damaged() {
		t.Error("what was omitted may be damage")
	}
}

func manyFiles(n int) treetest.Tree {
	tree := treetest.Tree{}
	for i := range n {
		tree[fmt.Sprintf("d%d/f%d", i%7, i)] = treetest.File{Content: fmt.Sprint(i)}
	}
	return tree
}

func TestSample(t *testing.T) {
	w := newWorld(t)
	w.snapshot(first, manyFiles(600))
	for i := range 600 {
		w.flip(0, first, fmt.Sprintf("d%d/f%d", i%7, i))
	}
	find := func(percent float64, seed uint64) []string {
		r := w.verify(Options{SamplePercent: percent, Seed: seed})
		if r.Files+r.NotSampled != 600 || r.Files != r.Inodes || len(r.Findings) != int(r.Files) {
			t.Errorf("%v%%: %d files, %d not, %d findings", percent, r.Files, r.NotSampled, len(r.Findings))
		}
		return brief(r)
	}
	one, again, other := find(25, 1), find(25, 1), find(25, 2)
	if !slices.Equal(one, again) {
		t.Error("the same seed chose other files")
	}
	if slices.Equal(one, other) {
		t.Error("another seed chose the same files")
	}
	if len(one) < 90 || len(one) > 210 {
		t.Errorf("25%% of 600 files: %d", len(one))
	}
	for _, percent := range []float64{0, 100, 250} {
		if n := len(find(percent, 1)); n != 600 {
			t.Errorf("%v%%: %d files, want all", percent, n)
		}
	}
}

// TestSampleKeepsLooking: what needs no reading is found in any sample.
func TestSampleKeepsLooking(t *testing.T) {
	w := newWorld(t)
	w.snapshot(first, manyFiles(50))
	must(t, os.Remove(w.at(first, "d0/f0")))
	must(t, os.WriteFile(w.at(first, "d1/more"), nil, 0o644))
	wantFindings(t, w.verify(Options{SamplePercent: 0.0001}), "missing "+first+" d0/f0", "unlisted "+first+" d1/more")
}

// ticking is a clock that goes on by a second each time it is asked.
type ticking struct {
	mu  sync.Mutex
	now time.Time
}

func (c *ticking) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Second)
	return c.now
}

func TestMaxDuration(t *testing.T) {
	w := newWorld(t)
	w.snapshot(first, manyFiles(500))
	w.snapshot(second, manyFiles(500))
	r := w.verify(Options{Workers: 2, MaxDuration: 300 * time.Second, Now: (&ticking{}).Now})
	wantFindings(t, r)
	if !r.Incomplete || r.Files == 0 || r.Files >= 1000 {
		t.Errorf("incomplete %v after %d files", r.Incomplete, r.Files)
	}
	if r.Duration < 300*time.Second {
		t.Errorf("duration %v", r.Duration)
	}
	r = w.verify(Options{MaxDuration: time.Hour * 10, Now: (&ticking{}).Now})
	if r.Incomplete || r.Files != 1000 {
		t.Errorf("enough time: incomplete %v after %d files", r.Incomplete, r.Files)
	}
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	w.snapshot(first, manyFiles(500))
	ctx, cancel := context.WithCancel(t.Context())
	var once sync.Once
	r, err := Verify(ctx, w.open(), Options{Events: event.Func(func(e event.Event) {
		if e.Kind == event.Advance {
			once.Do(cancel)
		}
	})})
	if !errors.Is(err, context.Canceled) || r == nil || !r.Incomplete {
		t.Errorf("%v, %+v", err, r)
	}
}

func TestEvents(t *testing.T) {
	w := newWorld(t)
	w.snapshot(first, sampleTree())
	var mu sync.Mutex
	var files, bytes int64
	var kinds []event.Kind
	r := w.verify(Options{Events: event.Func(func(e event.Event) {
		mu.Lock()
		defer mu.Unlock()
		if e.Kind == event.Advance {
			files, bytes = files+e.Files, bytes+e.Bytes
			return
		}
		kinds = append(kinds, e.Kind)
	})})
	if files != r.Files || bytes != r.Bytes {
		t.Errorf("events told of %d files, %d bytes; the result of %d, %d", files, bytes, r.Files, r.Bytes)
	}
	if !slices.Equal(kinds, []event.Kind{event.Start, event.End}) {
		t.Errorf("events %v", kinds)
	}
}

// TestLargeFile: it is told of on its own, and its second name waits for it.
func TestLargeFile(t *testing.T) {
	w := newWorld(t)
	must(t, os.MkdirAll(w.at(first), 0o755))
	must(t, os.WriteFile(w.at(first, "big"), nil, 0o644))
	must(t, os.Truncate(w.at(first, "big"), event.LargeFile))
	w.link(first+"/big", second+"/d/big")
	sum := sumOf(make([]byte, event.LargeFile))
	must(t, os.WriteFile(w.at(first, "SHA256SUMS"), fmt.Appendf(nil, "%x  big\n", sum), 0o644))
	must(t, os.WriteFile(w.at(second, "d/SHA256SUMS"), fmt.Appendf(nil, "%064x  big\n", 1), 0o644))
	var mu sync.Mutex
	var told []string
	var bytes int64
	r := w.verify(Options{Events: event.Func(func(e event.Event) {
		mu.Lock()
		defer mu.Unlock()
		bytes += e.Bytes
		if e.Kind == event.File || e.Kind == event.FileDone {
			told = append(told, e.Kind.String()+" "+e.Path)
		}
	})})
	wantFindings(t, r, "changed "+second+" d/big")
	if len(told) != 2 || !strings.HasPrefix(told[0], "file home/") || !strings.HasPrefix(told[1], "file done home/") {
		t.Errorf("told %q", told)
	}
	if r.Bytes != event.LargeFile || bytes != 2*event.LargeFile || r.Inodes != 1 {
		t.Errorf("read %d bytes, told of %d, %d inodes", r.Bytes, bytes, r.Inodes)
	}
}

// TestManyInOneDirectory: batches are handed to other workers.
func TestManyInOneDirectory(t *testing.T) {
	w := newWorld(t)
	tree := treetest.Tree{}
	for i := range 3*batchFiles + 1 {
		tree[fmt.Sprintf("f%04d", i)] = treetest.File{Content: fmt.Sprint(i)}
	}
	w.snapshot(first, tree)
	w.flip(0, first, "f0000")
	w.flip(0, first, "f0384")
	r := w.verify(Options{})
	wantFindings(t, r, "changed "+first+" f0000", "changed "+first+" f0384")
	if r.Files != int64(len(tree)) {
		t.Errorf("%d files", r.Files)
	}
}

func TestFindingsAreBounded(t *testing.T) {
	c := newCollector((*Finding).Compare)
	c.limit = 10
	for i := range 95 {
		c.add(Finding{Kind: Changed, Path: fmt.Sprintf("%02d", (i*37)%95)})
	}
	kept, dropped := c.sorted()
	if len(kept) != 10 || dropped != 85 {
		t.Fatalf("%d kept, %d dropped", len(kept), dropped)
	}
	for i, f := range kept {
		if f.Path != fmt.Sprintf("%02d", i) {
			t.Errorf("at %d: %s", i, f.Path)
		}
	}
}

func TestResultJSON(t *testing.T) {
	r := &Result{Findings: []Finding{
		{Kind: Changed, Snapshot: first, Path: "a", Recorded: [32]byte{1}, Actual: [32]byte{2}, Inode: 5},
		{Kind: Missing, Snapshot: first, Path: "\xff"},
	}}
	text, err := json.Marshal(r)
	must(t, err)
	want := `{"snapshots":0,"directories":0,"files":0,"inodes":0,"bytes":0,"not_sampled":0,"incomplete":false,"findings":[` +
		`{"kind":"changed","snapshot":"home/2026-01-01-000000","path":"a","recorded_sha256":"01` + strings.Repeat("0", 62) +
		`","actual_sha256":"02` + strings.Repeat("0", 62) + `","inode":5},` +
		`{"kind":"missing","snapshot":"home/2026-01-01-000000","path_b64":"/w=="}],"findings_omitted":0,"duration_ns":0}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestDeepTree goes deeper than a process may have files open.
func TestDeepTree(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("such paths need a prefix on Windows")
	}
	w := newWorld(t)
	dir := w.at(first)
	must(t, os.MkdirAll(dir, 0o755))
	deep := strings.Repeat("d/", 1900)
	must(t, os.MkdirAll(filepath.Join(dir, deep), 0o755))
	must(t, os.WriteFile(filepath.Join(dir, deep, "f"), []byte("x"), 0o644))
	wantFindings(t, w.verify(Options{}), "unlisted "+first+" "+deep+"f")
	r := w.rebuild()
	if r.Sums.Unvouched != 1 || len(r.Errors) != 0 {
		t.Errorf("rebuild: %+v, %v", r.Sums, r.Errors)
	}
	wantFindings(t, w.verify(Options{}))
}

// drawRoot builds a root of random snapshots with hard links between them.
// It returns the paths of each inode's files, by any of them.
func drawRoot(t *rapid.T, w *world) [][]string {
	ids := []string{first, second, "x/y/2026-01-03-000000"}
	var groups [][]string
	taken := map[string]bool{}
	names := rapid.SampledFrom([]string{"a", "b", "c d", "a-b", "ü", "\\n"})
	dirs := rapid.SampledFrom([]string{"", "p/", "p/q/", "p-/", "r/"})
	for i := range rapid.IntRange(1, 12).Draw(t, "files") {
		var group []string
		for range rapid.IntRange(1, 4).Draw(t, "links") {
			p := rapid.SampledFrom(ids).Draw(t, "snapshot") + "/" + dirs.Draw(t, "dir") + names.Draw(t, "name")
			if taken[p] {
				continue
			}
			taken[p] = true
			if len(group) > 0 {
				w.link(group[0], p)
			} else {
				must(w.t, os.MkdirAll(filepath.Dir(w.at(p)), 0o755))
				size := rapid.SampledFrom([]int{1, 900, 1000, 5000, bufferSize + 1}).Draw(t, "size")
				must(w.t, os.WriteFile(w.at(p), []byte(strings.Repeat(fmt.Sprint(i), size)), 0o644))
			}
			group = append(group, p)
		}
		if len(group) > 0 {
			groups = append(groups, group)
		}
	}
	for _, id := range ids {
		if _, err := os.Stat(w.at(id)); err == nil {
			w.sumAll(id)
			escapeSums(w.t, w.at(id))
		}
	}
	return groups
}

// escapeSums rewrites the lines of names with a backslash as sha256sum does.
func escapeSums(t testing.TB, dir string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(place string, e fs.DirEntry, err error) error {
		if err != nil || e.Name() != "SHA256SUMS" {
			return err
		}
		text, err := os.ReadFile(place)
		must(t, err)
		lines := strings.SplitAfter(string(text), "\n")
		for i, l := range lines {
			if strings.Contains(l, `\`) {
				lines[i] = `\` + strings.ReplaceAll(l, `\`, `\\`)
			}
		}
		return os.WriteFile(place, []byte(strings.Join(lines, "")), 0o644)
	}))
}

// TestOneFlippedByte: a clean root has no findings, and one flipped byte has
// exactly the paths of its inode.
func TestOneFlippedByte(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("names with a backslash")
	}
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "root")
		must(t, err)
		w := &world{t, dir}
		groups := drawRoot(rt, w)
		if rapid.Bool().Draw(rt, "catalogues") {
			w.rebuild()
		}
		if r := w.verify(Options{}); len(r.Findings) > 0 || r.Inodes != int64(len(groups)) {
			rt.Fatalf("clean root: %v, %d inodes of %d", brief(r), r.Inodes, len(groups))
		}
		hit := rapid.SampledFrom(groups).Draw(rt, "hit")
		info, err := os.Stat(w.at(hit[0]))
		must(t, err)
		w.flip(rapid.Int64Range(0, info.Size()-1).Draw(rt, "at"), hit[0])
		var got []string
		for _, f := range w.verify(Options{}).Findings {
			if f.Kind != Changed {
				rt.Errorf("%v", f)
			}
			got = append(got, f.Snapshot+"/"+f.Path)
		}
		slices.Sort(got)
		slices.Sort(hit)
		if !slices.Equal(got, hit) {
			rt.Fatalf("found %q, want %q", got, hit)
		}
	})
}
