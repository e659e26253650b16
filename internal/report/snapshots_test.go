package report

import (
	"strings"
	"testing"
	"time"

	"phlb/internal/digest"
	"phlb/internal/history"
	"phlb/internal/listing"
	"phlb/internal/meta"
	"phlb/internal/snapdiff"
	"phlb/internal/survey"
)

func surveyed() *survey.Result {
	when := time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC)
	snap := func(name, t string, unique int64) survey.Snapshot {
		return survey.Snapshot{
			Snapshot: name + "/" + t, Name: name, Time: when, Files: 78_600, Bytes: 1 << 30, UniqueFiles: 12, UniqueBytes: unique,
			Status: "complete", CountedFrom: listing.FromCatalog,
		}
	}
	r := &survey.Result{Root: "/backups", StoredFiles: 90_000, StoredBytes: 3 << 30, Snapshots: []survey.Snapshot{
		snap("home", "2026-11-23-140000", 0), snap("home", "2026-11-24-140000", 12345), snap("hosts/web1", "2026-11-23-150000", 7<<30),
	}}
	r.Snapshots[0].Pinned = true
	r.Snapshots[1].Status = "partial"
	for i := range 2 {
		r.Snapshots[i].Notice = "its catalogue is not used: it is \x1b[2Jdamaged"
	}
	return r
}

func TestSnapshots(t *testing.T) {
	r := surveyed()
	render := func(s Style) string {
		return output(t, func(w *strings.Builder) error { return Snapshots(w, s, r) })
	}
	golden(t, "snapshots", render(Style{}))
	golden(t, "snapshots-json", output(t, func(w *strings.Builder) error { return WriteJSON(w, r) }))
	r.Snapshots[0].Reasons = []string{"last#2", "daily#2", "pinned"}
	r.Snapshots[1].Reasons = []string{"last#1", "newest", "a reason that is so long that it does not fit into sixty cells"}
	r.Snapshots[2].Reasons = []string{}
	golden(t, "snapshots-reasons-60", render(Style{Width: 60}))
	golden(t, "snapshots-none", output(t, func(w *strings.Builder) error { return Snapshots(w, Style{}, &survey.Result{}) }))
}

func differences() *snapdiff.Diff {
	state := func(k meta.Kind, size int64) *listing.State {
		s := &listing.State{Kind: k, Size: size, Mode: 0o644, UID: 1000, GID: 1000, Mtime: meta.Time{Sec: 1_790_000_000, Nsec: 5}}
		if k == meta.File {
			s.SHA256 = digest.Sum{0xab, byte(size)}
		}
		return s
	}
	other := state(meta.File, 10)
	other.Mode, other.UID, other.Mtime = 0o4755, 0, meta.Time{Sec: 1_790_000_000, Nsec: 6}
	link := func(target string) *listing.State {
		s := state(meta.Symlink, 0)
		s.Target = target
		return s
	}
	return &snapdiff.Diff{
		Summary: snapdiff.Summary{
			First: "home/2026-11-23-140000", Second: "home/2026-11-24-140000/docs",
			Counts:     map[snapdiff.Change]snapdiff.Count{snapdiff.Added: {Entries: 1, Bytes: 4711}, snapdiff.Metadata: {Entries: 1234, Bytes: 10}},
			Unreadable: 2, Errors: []string{"open x: permission denied", "open y: \x1b[2J"}, Notices: []string{"its catalogue is not used"},
		},
		Entries: []snapdiff.Entry{
			{Change: snapdiff.Added, Path: "evil\x1b[2J\n", New: state(meta.File, 4711)},
			{Change: snapdiff.Added, Path: "dir", New: state(meta.Dir, 0)},
			{Change: snapdiff.Removed, Path: "not UTF-8 \xff", Old: state(meta.File, 1)},
			{Change: snapdiff.Changed, Path: "file", Old: state(meta.File, 10), New: state(meta.File, 20), Differs: []string{"mtime"}},
			{Change: snapdiff.Changed, Path: "ln", Old: link("a"), New: link("b \xff"), Differs: []string{"mtime"}},
			{Change: snapdiff.Metadata, Path: "meta", Old: state(meta.File, 10), New: other, Differs: []string{"mode", "owner", "mtime", "xattrs"}},
			{Change: snapdiff.Moved, Path: "to", From: "from \xff", Old: state(meta.File, 10), New: state(meta.File, 10)},
			{Change: snapdiff.Type, Path: "type", Old: state(meta.File, 10), New: state(meta.Dir, 0)},
		},
	}
}

func TestDiff(t *testing.T) {
	d := differences()
	golden(t, "diff", output(t, func(w *strings.Builder) error { return Diff(w, Style{Location: time.UTC}, d) }))
	golden(t, "diff-json", output(t, func(w *strings.Builder) error { return DiffJSON(w, d) }))
	none := &snapdiff.Diff{Summary: snapdiff.Summary{First: "a", Second: "b"}}
	golden(t, "diff-none", output(t, func(w *strings.Builder) error { return Diff(w, Style{Colors: ANSIColors}, none) }))
	golden(t, "diff-none-json", output(t, func(w *strings.Builder) error { return DiffJSON(w, none) }))
}

func TestHistory(t *testing.T) {
	file := history.Version{State: listing.State{Kind: meta.File, Size: 4711, SHA256: digest.Sum{0xab, 0xcd}, Mode: 0o600, UID: 1, GID: 2, Mtime: meta.Time{Sec: 1_790_000_000}}}
	back := file
	file.Runs, back.Runs = []history.Run{{First: 0, Last: 0}, {First: 3, Last: 4}}, []history.Run{{First: 1, Last: 1}}
	back.SHA256 = digest.Sum{}
	r := &history.Result{
		Name: "home", Times: []string{"t1", "t2", "t3", "t4", "t5", "t6"}, Unreadable: 1, Notices: []string{"t2: odd"},
		Paths: []history.Path{
			{Path: "docs/a.txt", Versions: []history.Version{file, back}},
			{Path: "evil\xff", Versions: []history.Version{
				{State: listing.State{Kind: meta.Symlink, Target: "x\xff"}, Runs: []history.Run{{First: 0, Last: 4}}},
				{State: listing.State{Kind: meta.Dir, Mode: 0o755}, Runs: []history.Run{{First: 5, Last: 5}}},
			}},
		},
	}
	golden(t, "history", output(t, func(w *strings.Builder) error { return History(w, Style{Location: time.UTC}, r) }))
	golden(t, "history-json", output(t, func(w *strings.Builder) error { return HistoryJSON(w, r) }))
}
