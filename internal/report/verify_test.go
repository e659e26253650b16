package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"phlb/verify"
)

func damaged() *verify.Result {
	r := &verify.Result{
		Snapshots: 30, Directories: 1200, Files: 800000, Inodes: 91000, Bytes: 210 << 30,
		NotSampled: 12, Incomplete: true, FindingsOmitted: 7, Duration: 31 * time.Minute,
	}
	for day := range 28 {
		r.Findings = append(r.Findings, verify.Finding{
			Kind: verify.Changed, Snapshot: fmt.Sprintf("home/2026-11-%02d-140000", day+1), Path: "docs/a.txt", Inode: 77,
		})
	}
	r.Findings = append(r.Findings,
		verify.Finding{Kind: verify.Missing, Snapshot: "home/2026-11-22-140000", Path: "docs/b\n.txt"},
		verify.Finding{Kind: verify.Missing, Snapshot: "home/2026-11-23-140000", Path: "docs/b\n.txt"},
		verify.Finding{Kind: verify.Unreadable, Snapshot: "home/2026-11-23-140000", Path: "\xff", Detail: "input/output\x1b error", Inode: 9},
	)
	return r
}

func TestVerify(t *testing.T) {
	clean := &verify.Result{Snapshots: 1, Directories: 1, Files: 2, Inodes: 1, Bytes: 4711, Duration: 20 * time.Millisecond}
	golden(t, "verify-clean", output(t, func(w *strings.Builder) error { return Verify(w, Style{}, clean) }))
	golden(t, "verify-damaged", output(t, func(w *strings.Builder) error { return Verify(w, Style{}, damaged()) }))
	cache := &verify.Result{Snapshots: 2, Directories: 9, Files: 12, Inodes: 12, Bytes: 4711, Findings: []verify.Finding{
		{Kind: verify.Catalog, Snapshot: "home/2026-11-22-140000", Path: ".", Detail: "its catalogue cannot be used: unexpected EOF"},
		{Kind: verify.Catalog, Snapshot: "home/2026-11-23-140000", Path: ".", Detail: "its catalogue cannot be used: permission denied"},
	}}
	golden(t, "verify-cache", output(t, func(w *strings.Builder) error { return Verify(w, Style{}, cache) }))
	golden(t, "verify-json", output(t, func(w *strings.Builder) error {
		r := damaged()
		r.Findings = r.Findings[27:]
		return WriteJSON(w, r)
	}))
}

// TestVerifyNamesEveryPath: one line each, however many there are and whether
// or not they share an inode.
func TestVerifyNamesEveryPath(t *testing.T) {
	r := &verify.Result{}
	for i := range 5000 {
		r.Findings = append(r.Findings, verify.Finding{
			Kind: verify.Changed, Snapshot: "home/x", Path: fmt.Sprintf("%d/f", i), Inode: uint64(i % 70),
			Detail: []string{"", "why"}[i/3000],
		})
	}
	lines := map[string]bool{}
	for line := range strings.Lines(output(t, func(w *strings.Builder) error { return Verify(w, Style{Width: 60}, r) })) {
		lines[strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "changed"))] = true
	}
	for _, f := range r.Findings {
		want := "home/x/" + f.Path
		if f.Detail != "" {
			want += ": " + f.Detail
		}
		if !lines[want] {
			t.Fatalf("no line %q", want)
		}
	}
}

func TestRebuild(t *testing.T) {
	r := &verify.RebuildResult{
		Result:      verify.Result{Snapshots: 2, Directories: 10, Files: 1234, Inodes: 1000, Bytes: 1 << 30, Duration: 5 * time.Second},
		RootCreated: true,
		Sizes:       verify.LookupCounts{Kept: 900, Added: 3},
		Hashes:      verify.LookupCounts{Kept: 890, Added: 5, Repaired: 2, Removed: 1},
		Catalogs:    verify.CatalogCounts{Kept: 1, Written: 1},
		Sums:        verify.SumsCounts{Files: 4, Vouched: 10, Unvouched: 2},
		Strays:      []verify.Path{".phlb/x\x07", ".phlb/y", ".phlb/z", ".phlb/zz"},
		Errors:      []verify.FileError{{Path: ".phlb/hash-lookup/ab", Err: "read-only file system"}},
	}
	golden(t, "rebuild", output(t, func(w *strings.Builder) error { return Rebuild(w, Style{}, r) }))
	nothing := &verify.RebuildResult{Result: *damaged()}
	nothing.Findings = nothing.Findings[28:]
	golden(t, "rebuild-damaged", output(t, func(w *strings.Builder) error { return Rebuild(w, Style{Width: 60}, nothing) }))
}

func TestCompare(t *testing.T) {
	same := &verify.CompareResult{
		Snapshot: "home/2026-11-23-140000", TotalFiles: 14, TotalBytes: 50104,
		Successful: 14, SuccessfulBytes: 50104, Small: 3, Duration: time.Second,
	}
	golden(t, "compare-same", output(t, func(w *strings.Builder) error { return Compare(w, Style{}, same) }))
	other := &verify.CompareResult{
		Snapshot: "home/2026-11-23-140000", TotalFiles: 80000, TotalBytes: 50 << 30, Successful: 79990, SuccessfulBytes: 49 << 30,
		NewInSource: 4, SizeDiffers: 3, HashDiffers: 2, TypeDiffers: 1, SymlinkDiffers: 1, GoneFromSource: 5,
		NotInSizeLookup: 1, NotInHashLookup: 2, Errors: 1, Skipped: 9, PathsOmitted: 3, Duration: time.Minute,
		Paths: []verify.Compared{
			{Difference: verify.SizeDiffers, Path: "docs/a.txt", Detail: "4711 bytes in the source, 4710 in the snapshot"},
			{Difference: verify.NewInSource, Path: "new\n"},
			{Difference: verify.CompareFailed, Path: "private/\xff", Detail: "permission denied"},
		},
	}
	golden(t, "compare-60", output(t, func(w *strings.Builder) error { return Compare(w, Style{Width: 60}, other) }))
	golden(t, "compare-140", output(t, func(w *strings.Builder) error { return Compare(w, Style{Width: 140}, other) }))
}
