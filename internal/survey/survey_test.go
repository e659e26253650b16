package survey

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"phlb/internal/listing"
	"phlb/internal/snapshot"
	"phlb/internal/treetest"
)

// TestInodes compares the table with a plain map, however many workers there
// are.
func TestInodes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		snapshots := rapid.IntRange(1, 6).Draw(t, "snapshots")
		ino := rapid.Uint64Range(1, rapid.SampledFrom([]uint64{5, 300}).Draw(t, "inodes"))
		counts := make([]count, snapshots)
		holders := map[[2]uint64]map[int]bool{}
		alone := int64(0)
		for i := range counts {
			c := &counts[i]
			c.dev = rapid.Uint64Range(1, 2).Draw(t, "device")
			for _, n := range rapid.SliceOfN(ino, 0, 200).Draw(t, "list") {
				c.shared = append(c.shared, stored{n, int64(n) * 10})
				key := [2]uint64{c.dev, n}
				if holders[key] == nil {
					holders[key] = map[int]bool{}
				}
				holders[key][i] = true
			}
			c.aloneFiles, c.aloneBytes = rapid.Int64Range(0, 3).Draw(t, "alone"), 7
			alone += c.aloneFiles
		}
		table := newInodes(snapshots)
		var wg sync.WaitGroup
		for i := range counts {
			wg.Go(func() { table.add(i, &counts[i]) })
		}
		wg.Wait()
		if files, _ := table.total(); files != int64(len(holders))+alone {
			t.Fatalf("%d stored files, want %d", files, int64(len(holders))+alone)
		}
		for i := range counts {
			wantFiles, wantBytes := counts[i].aloneFiles, counts[i].aloneBytes
			for key, list := range holders {
				if len(list) == 1 && list[i] {
					wantFiles++
					wantBytes += int64(key[1]) * 10
				}
			}
			if files, bytes := table.unique(i); files != wantFiles || bytes != wantBytes {
				t.Fatalf("snapshot %d: %d files of %d bytes, want %d of %d", i, files, bytes, wantFiles, wantBytes)
			}
		}
	})
}

func open(t *testing.T, path string) *snapshot.Root {
	t.Helper()
	root, err := snapshot.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// TestPHLB surveys a root that PHLB made, and compares with what a walk by
// plain calls tells.
func TestPHLB(t *testing.T) {
	phlb := treetest.UnpackPHLB(t)
	res, err := Survey(t.Context(), open(t, phlb.Root), Options{Workers: 2, Location: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Snapshots) != 2 {
		t.Fatalf("%+v", res.Snapshots)
	}
	type seen struct {
		info os.FileInfo
		in   map[string]bool
	}
	var all []*seen
	for _, s := range res.Snapshots {
		files, bytes := int64(0), int64(0)
		err := filepath.WalkDir(filepath.Join(phlb.Root, s.Snapshot), func(_ string, e os.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() || e.Name() == "SHA256SUMS" {
				return err
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			files++
			bytes += info.Size()
			for _, a := range all {
				if os.SameFile(a.info, info) {
					a.in[s.Snapshot] = true
					return nil
				}
			}
			all = append(all, &seen{info, map[string]bool{s.Snapshot: true}})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if s.Files != files || s.Bytes != bytes || s.CountedFrom != listing.FromFiles || s.Notice != "" {
			t.Errorf("%+v, want %d files of %d bytes", s, files, bytes)
		}
	}
	for _, s := range res.Snapshots {
		files, bytes := int64(0), int64(0)
		for _, a := range all {
			if a.in[s.Snapshot] && len(a.in) == 1 {
				files++
				bytes += a.info.Size()
			}
		}
		if s.UniqueFiles != files || s.UniqueBytes != bytes {
			t.Errorf("%s: only it holds %d files of %d bytes, want %d of %d", s.Snapshot, s.UniqueFiles, s.UniqueBytes, files, bytes)
		}
	}
	first := res.Snapshots[0]
	if first.Snapshot != treetest.PHLBFirst || !first.IsComplete() || first.Time != time.Date(2026, 11, 23, 14, 6, 46, 0, time.UTC) {
		t.Errorf("%+v", first)
	}
	if res.StoredFiles != int64(len(all)) {
		t.Errorf("%d stored files, want %d", res.StoredFiles, len(all))
	}
}

// TestStatusAndPins: a snapshot without a report or summary is partial.
func TestStatusAndPins(t *testing.T) {
	dir := t.TempDir()
	const a, b = "2026-11-23-140000", "2026-11-24-140000"
	treetest.Build(t, dir, treetest.Tree{
		"home/" + a + "/x":              treetest.File{Content: "x"},
		"home/" + b + "/x":              treetest.File{Content: "x"},
		"home/" + b + ".pinned":         treetest.File{},
		"home/" + b + "-summary.txt":    treetest.File{},
		"other/name/" + a + "/y":        treetest.File{Content: "yy"},
		"home/2026-11-25-140000.pinned": treetest.File{},
	})
	res, err := Survey(t.Context(), open(t, dir), Options{Name: func(n string) bool { return n == "home" }})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Snapshots) != 2 || res.StoredFiles != 3 {
		t.Fatalf("%+v", res)
	}
	if s := res.Snapshots[0]; s.IsComplete() || s.Pinned || s.UniqueBytes != 1 {
		t.Errorf("%+v", s)
	}
	if s := res.Snapshots[1]; !s.IsComplete() || !s.Pinned || s.Snapshot != "home/"+b {
		t.Errorf("%+v", s)
	}
}

func TestEndedContext(t *testing.T) {
	dir := t.TempDir()
	treetest.Build(t, dir, treetest.Tree{"home/2026-11-23-140000/x": treetest.File{Content: "x"}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Survey(ctx, open(t, dir), Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
