package report

import (
	"strings"
	"testing"
	"time"

	"phlb/internal/digest"
	"phlb/internal/repair"
	"phlb/verify"
)

func repaired() *repair.Result {
	return &repair.Result{
		Snapshots: 30, Files: 800_000, Inodes: 91_000, Bytes: 210 << 30, Duration: 31 * time.Minute,
		Repaired: []repair.Repair{
			{
				Time: time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC), SHA256: digest.Sum{1}, Damaged: digest.Sum{2}, Size: 4711,
				OldInode: 77, NewInode: 99, From: repair.From{Source: "/home/me", Path: "docs/a.txt"},
				Paths: []verify.Path{"home/2026-11-22-140000/docs/a.txt", "home/2026-11-23-140000/docs/\xff"},
			},
			{
				Time: time.Date(2026, 11, 23, 13, 0, 1, 0, time.UTC), SHA256: digest.Sum{3}, Size: 5, NewInode: 100, Resumed: true,
				MetadataNotKept: true, From: repair.From{Path: "home/2026-11-22-140000/b\x1b"},
				Paths: []verify.Path{"home/2026-11-23-140000/b"},
			},
		},
		Remaining: []verify.Finding{
			{Kind: verify.Changed, Snapshot: "home/2026-11-22-140000", Path: "c", Inode: 5, Detail: "no good copy was found"},
			{Kind: verify.Changed, Snapshot: "home/2026-11-23-140000", Path: "c", Inode: 5, Detail: "no good copy was found"},
			{Kind: verify.Unlisted, Snapshot: "home/2026-11-23-140000", Path: "d", Inode: 6},
		},
		RemainingOmitted: 3,
		Record:           ".phlb/repair/2026-11-23-130000.jsonl",
	}
}

func TestRepair(t *testing.T) {
	show := func(name string, r *repair.Result) {
		golden(t, name, output(t, func(w *strings.Builder) error { return Repair(w, Style{}, r) }))
	}
	show("repair-clean", &repair.Result{Snapshots: 1, Files: 2, Inodes: 1, Bytes: 4711, Duration: 20 * time.Millisecond})
	show("repair-damaged", repaired())
	dry := repaired()
	dry.DryRun, dry.Record, dry.Remaining, dry.RemainingOmitted = true, "", nil, 0
	show("repair-dry", dry)
	golden(t, "repair-json", output(t, func(w *strings.Builder) error { return WriteJSON(w, repaired()) }))
}
