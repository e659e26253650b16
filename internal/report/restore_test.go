package report

import (
	"strings"
	"testing"
	"time"

	"phlb/internal/restore"
)

func restored() *restore.Result {
	start := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	r := &restore.Result{
		Format: restore.Format, FormatVersion: restore.FormatVersion, Status: restore.Partial,
		Snapshot: "home/2026-11-22-140000", Path: "docs\n", Target: "/tmp/out", Metadata: restore.Carried,
		Notes:    []string{"the snapshot has no catalogue: metadata is what the stored files carry"},
		Restored: restore.Count{Files: 80_000, Bytes: 21 << 30}, Hardlinks: 3, Symlinks: 4, Directories: 500,
		Unchanged: restore.Count{Files: 7, Bytes: 1 << 20}, Replaced: 1, Taken: 2, NotKept: 9,
		Damaged: []restore.Problem{
			{Path: "docs/a", Err: "its SHA-256 is 00, on record ff"}, {Path: "docs/\xff", Err: "its size is 1, on record 2", Restored: true},
		},
		Unverified: []restore.Problem{{Path: "docs/u", Err: "nothing on record confirms its content", Restored: true}},
		Unlisted:   5, Durations: map[string]float64{"restore": 61.5, "sync": 0.01}, Start: start, End: start.Add(62 * time.Second),
	}
	for range 12 {
		r.Failed = append(r.Failed, restore.Problem{Path: "docs/f", Err: "open: permission\ndenied"})
	}
	return r
}

func TestRestore(t *testing.T) {
	full := restored()
	golden(t, "restore", output(t, func(w *strings.Builder) error { return Restore(w, Style{}, full) }))
	golden(t, "restore-json", output(t, func(w *strings.Builder) error { return WriteJSON(w, full) }))

	clean := &restore.Result{Status: restore.Complete, Snapshot: "home/2026-11-22-140000", Path: ".", Target: "out"}
	for verdict, change := range map[string]func(*restore.Result){
		"Everything was verified.":         func(*restore.Result) {},
		"Everything was there already":     func(r *restore.Result) { r.Unchanged.Files = 1 },
		"Nothing was written":              func(r *restore.Result) { r.DryRun = true },
		"--overwrite finishes it":          func(r *restore.Result) { r.Status, r.Error = restore.Failed, "interrupted" },
		"Not everything could be restored": func(r *restore.Result) { r.Failed = []restore.Problem{{Path: "x"}} },
		"DAMAGE: some content":             func(r *restore.Result) { r.Damaged = []restore.Problem{{Path: "x"}} },
	} {
		r := *clean
		change(&r)
		if out := output(t, func(w *strings.Builder) error { return Restore(w, Style{}, &r) }); !strings.Contains(out, verdict) {
			t.Errorf("%q is not in:\n%s", verdict, out)
		}
	}
	if err := Restore(failingWriter{}, Style{}, full); err == nil {
		t.Error("a write error is not told")
	}
}
