package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"phlb/internal/digest"
	"phlb/internal/meta"
	"phlb/plan"
)

// fakePlan is a plan as a Visitor gets to see it.
type fakePlan struct {
	header  plan.Header
	sources []fakeSource
	keep    []plan.Keep
	prune   []plan.Prune
}

type fakeSource struct {
	plan.Source
	entries []plan.Entry
	deleted []string
}

// feed lets the report read the plan and writes it.
func (f *fakePlan) feed(t testing.TB, w io.Writer, o PlanOptions) *PlanReport {
	t.Helper()
	r, err := NewPlanReport(w, o)
	if err != nil {
		t.Fatal(err)
	}
	totals := plan.PlanTotals{Keep: int64(len(f.keep)), Prune: int64(len(f.prune))}
	v := r.Visitor()
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	check(v.Header(&f.header))
	for i := range f.sources {
		s := f.sources[i]
		check(v.Source(&s.Source))
		for _, e := range s.entries {
			check(v.Entry(&e))
			addTotals(&s.Totals, &e)
			addTotals(&totals.Totals, &e)
		}
		for _, d := range s.deleted {
			check(v.Deleted(d))
			s.Totals.Deleted++
			totals.Deleted++
		}
		check(v.EndSource(&s.Source))
	}
	for i := range f.keep {
		check(v.Keep(&f.keep[i]))
	}
	for i := range f.prune {
		check(v.Prune(&f.prune[i]))
		totals.FreesBytes += f.prune[i].FreesBytes
	}
	check(r.Finish(&plan.Info{Header: f.header, Totals: totals, Digest: "xxh64:0123456789abcdef"}))
	return r
}

func addTotals(t *plan.Totals, e *plan.Entry) {
	switch e.Action {
	case plan.ActionCopy:
		addTo(&t.Copy, e.Size)
	case plan.ActionLink:
		addTo(&t.Link, e.Size)
	case plan.ActionSkip:
		addTo(&t.Skip, e.Size)
	case plan.ActionMkdir:
		t.Mkdir++
	case plan.ActionSymlink:
		t.Symlink++
	}
}

func (f *fakePlan) render(t testing.TB, o PlanOptions) string {
	t.Helper()
	var out strings.Builder
	f.feed(t, &out, o)
	return out.String()
}

func ref(s string) *string { return &s }

func testHeader() plan.Header {
	return plan.Header{
		PlanID: "6d1c0e5e-7f3a-4f9c-9a51-0d2f6b1f8a11", PHLBVersion: "2.0.0",
		CreatedAt:   time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC),
		Manifest:    plan.ManifestRef{Path: "/etc/phlb.yaml", SHA256: strings.Repeat("ab", 32)},
		Destination: plan.Destination{Path: "/mnt/backup", ID: ref("7f0c"), Generation: 41},
		Applyable:   true,
	}
}

func cp(path string, size int64, change plan.Change, reason string) plan.Entry {
	return plan.Entry{Action: plan.ActionCopy, Path: path, Size: size, Change: change, Reason: reason}
}

// ordinary is a plan of two sources with something of everything.
func ordinary() *fakePlan {
	home := fakeSource{
		Source: plan.Source{
			Name: "home", Path: "/home/me", Snapshot: "home/2026-11-23-140000", Parent: ref("home/2026-11-22-140000"),
			Guards: []plan.Guard{
				{Name: "source", Status: plan.GuardPassed},
				{Name: "max_deleted_percent", Limit: int64(20), Status: plan.GuardOverridden, Detail: "34% of 3,210 files are gone"},
				{Name: "space", Status: plan.GuardPassed, Detail: "1.2 TiB free"},
			},
		},
		deleted: []string{"docs/gone-1", "docs/gone-2", "docs/gone-3", "docs/gone-4", "docs/gone-5"},
	}
	add := func(e ...plan.Entry) { home.entries = append(home.entries, e...) }
	add(plan.Entry{Action: plan.ActionMkdir, Path: ".", Change: plan.ChangeUnchanged})
	for i := range 40 {
		add(cp(fmt.Sprintf("docs/%02d.txt", i), int64(4000+i), plan.ChangeNew, "new size"))
	}
	for i := range 5 {
		add(cp(fmt.Sprintf("mail/inbox/%d", i), int64(1<<20+i), plan.ChangeContent, "new content"))
	}
	for i := range 1234 {
		add(plan.Entry{
			Action: plan.ActionLink, Path: fmt.Sprintf("photos/%04d.raw", i), Size: 20 << 20,
			Target: fmt.Sprintf("home/2026-11-22-140000/photos/%04d.raw", i), Change: plan.ChangeUnchanged, Reason: "unchanged",
		})
	}
	add(plan.Entry{
		Action: plan.ActionLink, Path: "photos/trip/a.raw", Size: 21 << 20,
		Target: "home/2026-11-22-140000/photos/inbox/a.raw", Change: plan.ChangeMoved, Reason: "known content",
	})
	add(plan.Entry{Action: plan.ActionSkip, Path: "private/key", Size: 411, Reason: "unreadable: permission denied"})
	for i := range 20 {
		add(plan.Entry{Action: plan.ActionSkip, Path: fmt.Sprintf("src/%02d/.venv", i), Reason: "excluded: .venv/"})
	}
	add(plan.Entry{Action: plan.ActionSymlink, Path: "today", Target: "docs", Change: plan.ChangeType})
	for i := range 6 {
		add(cp(fmt.Sprintf("videos/2026/holiday/day-%d/raw footage of the beach and the sea.mkv", i), int64(i+1)<<30, plan.ChangeNew, "new size"))
	}
	etc := fakeSource{
		Source: plan.Source{
			Name: "hosts/web1", Path: "/etc", Snapshot: "hosts/web1/2026-11-23-140000",
			Guards: []plan.Guard{{Name: "source", Status: plan.GuardPassed}},
		},
		entries: []plan.Entry{
			{Action: plan.ActionMkdir, Path: ".", Change: plan.ChangeNew},
			cp("passwd", 2048, plan.ChangeNew, "new size"),
		},
	}
	return &fakePlan{
		header: testHeader(), sources: []fakeSource{home, etc},
		keep: []plan.Keep{
			{Snapshot: "home/2026-11-23-140000", Reasons: []string{"newest", "last#1"}},
			{Snapshot: "home/2026-11-22-140000", Reasons: []string{"last#2", "daily#2"}},
		},
		prune: []plan.Prune{{Snapshot: "home/2026-01-01-000000", Reason: "kept by no rule", FreesBytes: 3 << 30}},
	}
}

// evil has names that would break tables, terminals and JSON.
func evil() *fakePlan {
	names := []string{
		"a\x1b[31mred", "b|c", "c\nd", "e\xff\xfef", "g\u202egpj.exe", "h ", " i", "日本語のとても長い名前のファイル.txt",
		`"quoted"`, "tab\there", "z/\x00",
	}
	s := fakeSource{Source: plan.Source{
		Name: "evil", Path: "/srv/evil\n", Snapshot: "evil/2026-11-23-140000", Parent: ref("evil/2026-11-22-140000"),
		Guards: []plan.Guard{{Name: "source", Status: plan.GuardPassed, Detail: "a\x07bell"}},
	}}
	for i, n := range names {
		s.entries = append(s.entries, cp(n, int64(1000*(i+1)), plan.ChangeContent, "new\rcontent"))
		s.deleted = append(s.deleted, n+"-gone")
	}
	s.entries = append(s.entries, plan.Entry{Action: plan.ActionSkip, Path: "é\xc3", Reason: "unreadable: \x1b]0;title\x07"})
	h := testHeader()
	h.Destination.Path = "/mnt/ba\x1bckup"
	return &fakePlan{header: h, sources: []fakeSource{s}}
}

func empty() *fakePlan {
	return &fakePlan{header: testHeader(), sources: []fakeSource{{Source: plan.Source{
		Name: "home", Path: "/home/me", Parent: ref("home/2026-11-22-140000"),
	}}}}
}

func newRoot() *fakePlan {
	h := testHeader()
	h.Manifest, h.Destination.ID, h.Destination.Generation = plan.ManifestRef{}, nil, 0
	return &fakePlan{header: h, sources: []fakeSource{{
		Source:  plan.Source{Name: "home", Path: "/home/me", Snapshot: "home/2026-11-23-140000"},
		entries: []plan.Entry{cp("a", 1, plan.ChangeNew, "new size")},
	}}}
}

func tripped() *fakePlan {
	f := newRoot()
	f.header.Applyable = false
	f.sources[0].Guards = []plan.Guard{
		{Name: "source", Status: plan.GuardPassed},
		{Name: "min_files", Limit: int64(10), Status: plan.GuardTripped, Detail: "1 file"},
	}
	return f
}

func TestPlanTable(t *testing.T) {
	tests := []struct {
		name string
		plan *fakePlan
		o    PlanOptions
	}{
		{"ordinary-60", ordinary(), PlanOptions{Style: Style{Width: 60}}},
		{"ordinary-140", ordinary(), PlanOptions{Style: Style{Width: 140}, Unlisted: []string{"old-laptop"}}},
		{"colors", tripped(), PlanOptions{Style: Style{Colors: ANSIColors}}},
		{"evil-60", evil(), PlanOptions{Style: Style{Width: 60}}},
		{"evil-140", evil(), PlanOptions{Style: Style{Width: 140}}},
		{"empty", empty(), PlanOptions{}},
		{"new-root", newRoot(), PlanOptions{}},
		{"tripped", tripped(), PlanOptions{}},
		{"filtered", ordinary(), PlanOptions{Filter: Filter{Actions: []string{"copy"}, PathGlob: "/docs"}}},
		{"entries", ordinary(), PlanOptions{Listing: WithEntries, Filter: Filter{Changes: []string{"content", "moved", "type", "deleted"}}}},
		{"evil-entries", evil(), PlanOptions{Listing: WithEntries}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.Format = Table
			golden(t, "plan-"+tt.name, tt.plan.render(t, tt.o))
		})
	}
}

func TestPlanJSON(t *testing.T) {
	tests := []struct {
		name string
		plan *fakePlan
		o    PlanOptions
	}{
		{"ordinary", ordinary(), PlanOptions{}},
		{"evil", evil(), PlanOptions{Listing: WithEntries}},
		{"empty", empty(), PlanOptions{Listing: WithEntries}},
		{"new-root", newRoot(), PlanOptions{Filter: Filter{PathGlob: "b"}, Listing: WithEntries}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.Format = JSON
			out := tt.plan.render(t, tt.o)
			golden(t, "plan-json-"+tt.name, out)
			if !json.Valid([]byte(out)) {
				t.Error("not valid JSON")
			}
		})
	}
}

// The JSON form and the table are views of the same numbers.
func TestPlanJSONHoldsTheSummary(t *testing.T) {
	var out strings.Builder
	r := ordinary().feed(t, &out, PlanOptions{Format: JSON, Listing: WithEntries})
	type source struct {
		Entries []json.RawMessage `json:"entries"`
		Deleted []json.RawMessage `json:"deleted"`
		SourceSummary
	}
	var got struct {
		Format string
		PlanSummary
		Sources []source `json:"sources"`
	}
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatal(err)
	}
	if got.Format != SummaryFormat || len(got.Sources) != 2 {
		t.Fatalf("got %q with %d sources", got.Format, len(got.Sources))
	}
	for i := range got.Sources {
		s := &got.Sources[i]
		if n := len(s.Entries); n != len(ordinary().sources[i].entries) {
			t.Errorf("%s: %d entries listed", s.Name, n)
		}
		if n := len(s.Deleted); n != len(ordinary().sources[i].deleted) {
			t.Errorf("%s: %d deleted listed", s.Name, n)
		}
		got.PlanSummary.Sources = append(got.PlanSummary.Sources, s.SourceSummary)
	}
	if d := cmp.Diff(throughJSON(t, r.Summary()), throughJSON(t, &got.PlanSummary)); d != "" {
		t.Error(d)
	}
}

// throughJSON returns a summary as a reader of its JSON form gets it.
func throughJSON(t *testing.T, s *PlanSummary) any {
	t.Helper()
	text, err := json.Marshal(s)
	var v any
	if err := errors.Join(err, json.Unmarshal(text, &v)); err != nil {
		t.Fatal(err)
	}
	return v
}

// Without entries the sources have no keys that the plan has for them.
func TestPlanJSONWithoutEntries(t *testing.T) {
	var doc struct{ Sources []map[string]any }
	if err := json.Unmarshal([]byte(ordinary().render(t, PlanOptions{Format: JSON})), &doc); err != nil {
		t.Fatal(err)
	}
	for _, s := range doc.Sources {
		if s["entries"] != nil || s["deleted"] != nil || s["deletions"] == nil {
			t.Errorf("source %v", s)
		}
	}
	if len(doc.Sources) != 2 {
		t.Errorf("%d sources", len(doc.Sources))
	}
}

// A plan written by its codec, read, and listed as JSON has the same entries,
// key for key.
func TestJSONEntriesAreSpelledAsInThePlan(t *testing.T) {
	spool := plan.NewSpool()
	sum := digest.Sum{1, 2, 3}
	entries := []plan.Entry{
		{Action: plan.ActionMkdir, Path: ".", Mode: 0o755, UID: 1000, Mtime: meta.Time{Sec: -1, Nsec: 5}, Change: plan.ChangeNew},
		{Action: plan.ActionCopy, Path: "a<&>\xff", Size: 0, Mode: 0o4711, GID: 7, Ino: 1 << 60, Xattrs: meta.Xattrs{"user.a": {1, 255}}, Change: plan.ChangeNew, Reason: "new size"},
		{Action: plan.ActionLink, Path: "b", Size: 5, SHA256: sum, Target: "n/2026-11-22-140000/b\xfe", Hardlink: "a\xfd", Change: plan.ChangeMoved, Reason: "known"},
		{Action: plan.ActionSymlink, Path: "c", Target: "nowhere", Change: plan.ChangeUnchanged},
		{Action: plan.ActionSkip, Path: "d", Size: 9, Reason: "too large: 9 bytes"},
		{Action: plan.ActionSkip, Path: "e", Reason: "socket"},
	}
	for i := range entries {
		if err := spool.Add(&entries[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"x", "y\xff"} {
		if err := spool.AddDeleted(d); err != nil {
			t.Fatal(err)
		}
	}
	doc := plan.Document{Header: testHeader(), Sources: []plan.SourceDoc{{
		Source: plan.Source{Name: "n", Path: "/n", Snapshot: "n/2026-11-23-140000"}, Spool: spool,
	}}}
	var file, listed bytes.Buffer
	if err := doc.Write(&file); err != nil {
		t.Fatal(err)
	}
	r, err := NewPlanReport(&listed, PlanOptions{Format: JSON, Listing: WithEntries})
	if err != nil {
		t.Fatal(err)
	}
	info, err := plan.Read(t.Context(), bytes.NewReader(file.Bytes()), r.Visitor())
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Finish(info); err != nil {
		t.Fatal(err)
	}
	var want, got struct {
		Sources []struct{ Entries, Deleted []any }
	}
	if err := errors.Join(json.Unmarshal(file.Bytes(), &want), json.Unmarshal(listed.Bytes(), &got)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want.Sources[0].Entries, got.Sources[0].Entries); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want.Sources[0].Deleted, got.Sources[0].Deleted); d != "" {
		t.Error(d)
	}
}

func TestHasChangesIgnoresTheFilter(t *testing.T) {
	unchanged := empty()
	unchanged.sources[0].entries = []plan.Entry{
		{Action: plan.ActionMkdir, Path: ".", Change: plan.ChangeUnchanged},
		{Action: plan.ActionSkip, Path: "s", Reason: "socket"},
	}
	pruning := empty()
	pruning.prune = []plan.Prune{{Snapshot: "home/2026-01-01-000000"}}
	deleting := empty()
	deleting.sources[0].deleted = []string{"x"}
	dropping := empty()
	dropping.sources[0].entries = []plan.Entry{{Action: plan.ActionSkip, Path: "big", Reason: "too large: 9000 bytes", InParent: true}}
	tests := []struct {
		name string
		plan *fakePlan
		want bool
	}{
		{"a skip of what the parent has", dropping, true},
		{"empty", empty(), false}, {"unchanged and skipped", unchanged, false},
		{"new", newRoot(), true}, {"pruning", pruning, true}, {"deleting", deleting, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := tt.plan.feed(t, io.Discard, PlanOptions{Format: Table, Filter: Filter{PathGlob: "nothing"}})
			if r.HasChanges() != tt.want {
				t.Errorf("got %v", r.HasChanges())
			}
		})
	}
}

func TestSkipReasonsAreBounded(t *testing.T) {
	f := empty()
	for i := range 500 {
		f.sources[0].entries = append(f.sources[0].entries,
			plan.Entry{Action: plan.ActionSkip, Path: fmt.Sprint(i), Reason: fmt.Sprintf("excluded: *.%d", i)},
			plan.Entry{Action: plan.ActionSkip, Path: fmt.Sprint(i, "x"), Reason: fmt.Sprintf("strange %d", i)})
	}
	r := f.feed(t, io.Discard, PlanOptions{Format: Table})
	var sum int64
	for _, s := range r.Summary().Sources[0].Skipped {
		sum += s.Files
	}
	if n := len(r.Summary().Sources[0].Skipped); n > maxSkipReasons+2 || sum != 1000 {
		t.Errorf("%d reasons, %d files", n, sum)
	}
}

func TestPlanReportRefuses(t *testing.T) {
	tests := []PlanOptions{
		{Format: Table, Filter: Filter{Actions: []string{"cpoy"}}},
		{Format: Table, Filter: Filter{Changes: []string{"old"}}},
		{Format: Table, Filter: Filter{PathGlob: "[a"}},
	}
	for _, o := range tests {
		if _, err := NewPlanReport(io.Discard, o); !errors.Is(err, ErrFilter) {
			t.Errorf("%+v: got %v", o.Filter, err)
		}
	}
	if _, err := NewPlanReport(io.Discard, PlanOptions{Format: "html5"}); err == nil {
		t.Error("an unknown format is accepted")
	}
}

func TestPlanReportTellsWriteErrors(t *testing.T) {
	for _, format := range []Format{Table, JSON} {
		r, err := NewPlanReport(failingWriter{}, PlanOptions{Format: format, Listing: WithEntries})
		if err != nil {
			t.Fatal(err)
		}
		h := testHeader()
		err = r.Visitor().Header(&h)
		if err == nil {
			err = r.Finish(&plan.Info{})
		}
		if err == nil || !strings.Contains(err.Error(), "broken pipe") {
			t.Errorf("%s: got %v", format, err)
		}
	}
}

// Whatever the names: nothing that a terminal would obey gets out.
func TestPlanTableIsHarmless(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newRoot()
		raw := rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }))
		f.header.Destination.Path = raw.Draw(rt, "destination")
		for range rapid.IntRange(0, 30).Draw(rt, "n") {
			f.sources[0].entries = append(f.sources[0].entries, plan.Entry{
				Action: plan.Action(rapid.SampledFrom(FilterActions()[:5]).Draw(rt, "action")),
				Change: plan.Change(rapid.SampledFrom(FilterChanges()[:6]).Draw(rt, "change")),
				Path:   raw.Draw(rt, "path"), Target: raw.Draw(rt, "target"), Reason: raw.Draw(rt, "reason"),
				Size: rapid.Int64Range(0, 1<<40).Draw(rt, "size"),
			})
			f.sources[0].deleted = append(f.sources[0].deleted, raw.Draw(rt, "deleted"))
		}
		o := PlanOptions{Format: Table, Listing: WithEntries, Style: Style{Width: rapid.IntRange(1, 200).Draw(rt, "width")}}
		for i, r := range f.render(t, o) {
			if r != '\n' && !unicode.IsPrint(r) {
				rt.Fatalf("%q at %d", r, i)
			}
		}
	})
}

func TestTableFitsThePage(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cells := rapid.IntRange(60, 150).Draw(rt, "width")
		var rows [][]string
		for range rapid.IntRange(1, 5).Draw(rt, "rows") {
			rows = append(rows, []string{
				Bytes(rapid.Int64Range(0, 1<<50).Draw(rt, "size")),
				Name(rapid.String().Draw(rt, "name")), text(rapid.String().Draw(rt, "reason")),
			})
		}
		var out strings.Builder
		p := newPage(&out, Style{Width: cells})
		p.table([]column{right("size"), name("name"), name("reason")}, rows)
		if err := p.flush(); err != nil {
			rt.Fatal(err)
		}
		if n := strings.Count(out.String(), "\n"); n != len(rows)+1 {
			rt.Fatalf("%d lines for %d rows:\n%s", n, len(rows), out.String())
		}
		for line := range strings.Lines(out.String()) {
			if n := width(strings.TrimRight(line, "\n")); n > cells {
				rt.Fatalf("%d cells in place of %d: %q", n, cells, line)
			}
		}
	})
}
