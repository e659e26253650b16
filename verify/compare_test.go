package verify

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"phlb/internal/fsys"
	"phlb/internal/scan"
	"phlb/internal/snapshot"
	"phlb/internal/treetest"
)

func (w *world) compare(source, id string, o CompareOptions) *CompareResult {
	w.t.Helper()
	r, err := w.tryCompare(w.t.Context(), source, id, o)
	must(w.t, err)
	return r
}

func (w *world) tryCompare(ctx context.Context, source, id string, o CompareOptions) (*CompareResult, error) {
	w.t.Helper()
	dir, err := fsys.Open(source)
	must(w.t, err)
	defer dir.Close()
	snap, err := snapshot.ParseID(id)
	must(w.t, err)
	o.Workers = 3
	return Compare(ctx, dir, w.open(), snap, o)
}

func wantDifferences(t testing.TB, r *CompareResult, want ...string) {
	t.Helper()
	got := []string{}
	for _, p := range r.Paths {
		got = append(got, string(p.Difference)+" "+p.Path)
	}
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
}

// TestCompareFixture compares what PHLB stored with what it stored it from.
func TestCompareFixture(t *testing.T) {
	p := treetest.UnpackPHLB(t)
	w := &world{t, p.Root}
	matcher, err := scan.NewMatcher([]scan.Pattern{{Text: ".cache/"}})
	must(t, err)
	o := CompareOptions{Scan: scan.Options{Excludes: matcher}}
	before := state(t, p.Root)
	r := w.compare(p.Sources+"/photos-2", treetest.PHLBSecond, o)
	wantDifferences(t, r)
	if r.TotalFiles != 11 || r.Successful != 11 || r.Small != 2 || r.Skipped != 1 || r.TotalBytes != r.SuccessfulBytes || r.Different() {
		t.Errorf("%+v", r)
	}
	r = w.compare(p.Sources+"/photos-2", treetest.PHLBFirst, o)
	wantDifferences(t, r,
		"gone_from_source 2025/trip/b.raw", "new_in_source 2026/b-moved.raw", "new_in_source 2026/new.bin",
		"new_in_source 2026/same-size-new-content.raw", "hash_differs 2026/with space.txt", "gone_from_source 2026/zero")
	if r.Successful != 7 || r.NewInSource != 3 || r.HashDiffers != 1 || r.GoneFromSource != 2 || !r.Different() {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff(before, state(t, p.Root)); diff != "" {
		t.Errorf("compare wrote:\n%s", diff)
	}
}

func TestCompareDifferences(t *testing.T) {
	w := newWorld(t)
	source := t.TempDir()
	tree := sampleTree()
	tree["SHA256SUMS"] = treetest.File{Content: "the source's own"}
	treetest.Build(t, source, tree)
	stored := sampleTree()
	stored["SHA256SUMS.source"] = tree["SHA256SUMS"]
	w.snapshot(first, stored)
	must(t, os.WriteFile(w.at(first+"-report.json"), []byte(`{"status":"complete"}`), 0o600))
	w.rebuild()
	wantDifferences(t, w.compare(source, first, CompareOptions{}))

	edit(t, source+"/a.txt", func(s string) string { return s[1:] + "!" })
	edit(t, source+"/d/b.txt", func(s string) string { return s + "!" })
	must(t, os.Remove(source+"/d/e/deep"))
	must(t, os.Remove(source+"/d/zero"))
	must(t, os.Mkdir(source+"/d/zero", 0o755))
	must(t, os.RemoveAll(source+"/d-after"))
	must(t, os.Remove(source+"/d/ln"))
	must(t, os.Symlink("elsewhere", source+"/d/ln"))
	must(t, os.Symlink("elsewhere", source+"/d/new link"))
	must(t, os.Mkdir(source+"/new dir", 0o755))
	must(t, os.WriteFile(source+"/new dir/f", nil, 0o644))
	edit(t, source+"/SHA256SUMS", strings.ToUpper)
	must(t, os.RemoveAll(w.at(".phlb/size-lookup/12/05")))
	for hash, path := range w.entries() {
		if strings.HasSuffix(path, "with space") {
			must(t, os.Remove(w.at(".phlb/hash-lookup", hash[:2], hash[2:4], hash)))
		}
	}
	r := w.compare(source, first, CompareOptions{})
	wantDifferences(t, r,
		"hash_differs SHA256SUMS", "hash_differs a.txt", "size_differs d/b.txt", "gone_from_source d/e/deep",
		"symlink_differs d/ln", "symlink_differs d/new link", "type_differs d/zero", "gone_from_source d-after",
		"type_differs new dir", "new_in_source new dir/f",
		"missing_in_hash_lookup with space", "missing_in_size_lookup with space")
	want := CompareResult{
		Snapshot: first, TotalFiles: 6, TotalBytes: r.TotalBytes, Successful: 2, SuccessfulBytes: 1205 + 5, Small: 1,
		NewInSource: 1, SizeDiffers: 1, HashDiffers: 2, TypeDiffers: 2, SymlinkDiffers: 2, GoneFromSource: 2,
		NotInSizeLookup: 1, NotInHashLookup: 1, Paths: r.Paths, Duration: r.Duration,
	}
	if diff := cmp.Diff(want, *r); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestCompareUnreadable(t *testing.T) {
	if !treetest.AsOrdinaryUser(t) {
		return
	}
	w := newWorld(t)
	w.snapshot(first, sampleTree())
	source := t.TempDir()
	treetest.Build(t, source, sampleTree())
	must(t, os.Chmod(source+"/a.txt", 0))
	must(t, os.Chmod(w.at(first, "d/b.txt"), 0))
	r := w.compare(source, first, CompareOptions{})
	if r.Errors != 2 || r.Successful != 5 {
		t.Errorf("%+v", r)
	}
}

func TestCompareFailures(t *testing.T) {
	w := newWorld(t)
	w.snapshot(first, sampleTree())
	source := t.TempDir()
	treetest.Build(t, source, sampleTree())
	if _, err := w.tryCompare(t.Context(), source, second, CompareOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a snapshot that is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.tryCompare(ctx, source, first, CompareOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestCompareJSON(t *testing.T) {
	text, err := json.Marshal(CompareResult{Snapshot: first, Paths: []Compared{{HashDiffers, "\xff", ""}}})
	must(t, err)
	for _, want := range []string{
		`"total_files":0`, `"successful":0`, `"new_in_source":0`, `"size_differs":0`, `"hash_differs":0`, `"small":0`,
		`"missing_in_size_lookup":0`, `"missing_in_hash_lookup":0`, `"errors":0`, `"gone_from_source":0`,
		`"paths":[{"difference":"hash_differs","path_b64":"/w=="}]`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

// TestCompareContent: files of any two contents of one size are told apart
// exactly when they differ.
func TestCompareContent(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.SampledFrom([]int{1, 999, 1000, bufferSize/2 - 1, bufferSize / 2, bufferSize/2 + 1, bufferSize + 3}).Draw(rt, "size")
		content := []byte(strings.Repeat("x", size))
		base, err := os.MkdirTemp(t.TempDir(), "pair")
		must(t, err)
		w := &world{t, base + "/root"}
		w.snapshot(first, treetest.Tree{"f": treetest.File{Content: string(content)}})
		at := rapid.SampledFrom([]int{-1, 0, size / 2, size - 1}).Draw(rt, "differs at")
		if at >= 0 {
			content[at] = 'y'
		}
		treetest.Build(t, base+"/source", treetest.Tree{"f": treetest.File{Content: string(content)}})
		r := w.compare(base+"/source", first, CompareOptions{})
		if r.HashDiffers+r.Successful != 1 || (r.HashDiffers == 1) != (at >= 0) {
			rt.Fatalf("%+v", r)
		}
	})
}
