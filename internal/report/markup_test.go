package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"phlb/execute"
	"phlb/plan"
)

// hostileNames are what somebody would call files to get out of a table, a
// comment or a page.
func hostileNames() []string {
	return []string{
		"a|b", "`x` @octocat", "``|``", "[click](https://evil.example)", "![](https://evil.example/x.png)", "<script>alert(1)</script>",
		"</script><img src=x onerror=alert(1)>", "\" onload=\"alert(1)", "' onclick='x", "https://evil.example/", "www.evil.example",
		"@octocat", "#123", "GH-123", "a@evil.example", ":smile:", "~label", "%1", "da39a3ee5e6b4b0d3255bfef95601890afd80709",
		"a\n| b | c |", "a\r\n# heading", "\x1b[31m", "a\\|b", "\\", "`", "<!--", "-->", "]]>", "{{.}}", "${x}", "\u2028", "\u202e", "\xff\xfe",
		"&lt;script&gt;", "&#64;octocat", "*bold* _em_ ~~gone~~", "$x^2$", strings.Repeat("e\u0301\u0301\u0301", 900),
	}
}

func hostile(t *rapid.T, label string) string {
	return rapid.OneOf(rapid.SampledFrom(hostileNames()), rapid.String(),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
		rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"|", "`", "<", ">", "@", "[", "]", "(", ")", "\\", "\n", "&", "\"", "'", "x", "://", "/", " "}), 1, 12),
			func(parts []string) string { return strings.Join(parts, "") }),
	).Draw(t, label)
}

// named is a plan in which every text is made by name, and that has the same
// shape whatever it returns.
func named(name func(label string) string) *fakePlan {
	id, parent, kept := name("id"), name("name")+"/2026-11-22-140000", name("keep")
	s := fakeSource{Source: plan.Source{
		Name: name("name"), Path: "/" + name("path"), Snapshot: kept + "/2026-11-23-140000", Parent: &parent,
		Guards: []plan.Guard{{Name: name("guard"), Status: plan.GuardTripped, Limit: name("limit"), Detail: name("detail")}},
	}}
	for i := range 12 {
		e := cp(fmt.Sprint(i)+name("copy"), int64(100*(i+1)), plan.ChangeNew, name("reason"))
		if i%3 == 0 {
			e.Change, e.Quiet = plan.ChangeContent, true
		}
		s.entries = append(s.entries, e)
	}
	s.entries = append(s.entries,
		plan.Entry{Action: plan.ActionLink, Path: "m" + name("moved"), Size: 5000, Target: name("target"), Change: plan.ChangeMoved, Reason: name("reason")},
		plan.Entry{Action: plan.ActionSymlink, Path: "s" + name("symlink"), Target: name("target"), Change: plan.ChangeNew},
		plan.Entry{Action: plan.ActionSkip, Path: "z" + name("skip"), Reason: "unreadable: " + name("reason")})
	for range 12 {
		s.deleted = append(s.deleted, name("deleted"))
	}
	h := testHeader()
	h.PlanID, h.PHLBVersion, h.Destination.ID, h.Applyable = name("id"), name("version"), &id, false
	h.Destination.Path, h.Manifest.Path, h.Overrides = "/"+name("destination"), "/"+name("manifest"), []string{name("override")}
	return &fakePlan{
		header: h, sources: []fakeSource{s},
		keep:  []plan.Keep{{Snapshot: kept + "/2026-11-22-140000", Reasons: []string{name("reason")}}},
		prune: []plan.Prune{{Snapshot: kept + "/2026-01-01-000000", Reason: name("reason"), FreesBytes: 3}},
	}
}

var (
	// mdNeutral is what is text whatever is in it.
	mdNeutral = regexp.MustCompile("`[^`|\n]*`|<code>(?:[A-Za-z0-9 /]|&#[0-9]+;|[^\x00-\x7f])*</code>")
	// mdOurs is all that may stand around it.
	mdOurs = regexp.MustCompile(`^[A-Za-z0-9 ,.;:()%/'"|*#>…←→-]*$`)
	mdRef  = regexp.MustCompile(`(?i)www\.|://|gh-[0-9]|[^#\n]#[0-9]|[0-9a-f]{7,}`)
)

// checkMarkdown fails if anything is not neutral, or a table's row has not as
// many cells as its head.
func checkMarkdown(t rapid.TB, out string) {
	t.Helper()
	if !utf8.ValidString(out) {
		t.Fatal("not UTF-8")
	}
	cells := 0
	for i, line := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
		if i == 0 && line == markdownMark {
			continue
		}
		bare := mdNeutral.ReplaceAllString(line, "x")
		if !mdOurs.MatchString(bare) || mdRef.MatchString(bare) {
			t.Fatalf("line %d: %q leaves %q", i+1, line, bare)
		}
		n := strings.Count(bare, "|")
		switch {
		case !strings.HasPrefix(line, "|"):
			cells = 0
			if n > 0 {
				t.Fatalf("line %d: a bar outside of a table: %q", i+1, line)
			}
		case cells == 0:
			cells = n
		case n != cells:
			t.Fatalf("line %d: %d bars, the head has %d: %q", i+1, n, cells, line)
		}
	}
}

// Whatever the names, and wherever it is cut: rows keep their cells, nothing
// becomes markup, a link or a mention, and the limit holds.
func TestMarkdownIsHarmless(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := named(func(label string) string { return hostile(rt, label) })
		f.header.Applyable = rapid.Bool().Draw(rt, "applyable")
		limit := rapid.IntRange(MinMarkdownBytes, 30_000).Draw(rt, "limit")
		var out strings.Builder
		r, err := NewPlanReport(&out, PlanOptions{Format: Markdown, Listing: WithEntries, MaxBytes: limit, Unlisted: []string{hostile(rt, "unlisted")}})
		if err != nil {
			rt.Fatal(err)
		}
		f.read(rt, r.Visitor())
		r.File(hostile(rt, "file"), hostile(rt, "sha256"))
		if err := r.Finish(&plan.Info{Header: f.header}); err != nil {
			rt.Fatal(err)
		}
		if out.Len() > limit {
			rt.Fatalf("%d bytes, the limit is %d", out.Len(), limit)
		}
		checkMarkdown(rt, out.String())
	})
}

// read hands a plan to a visitor.
func (f *fakePlan) read(t rapid.TB, v plan.Visitor) {
	t.Helper()
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	visit := func(do bool, call func() error) {
		if do {
			check(call())
		}
	}
	visit(v.Header != nil, func() error { return v.Header(&f.header) })
	for i := range f.sources {
		s := f.sources[i]
		visit(v.Source != nil, func() error { return v.Source(&s.Source) })
		for _, e := range s.entries {
			addTotals(&s.Totals, &e)
			visit(v.Entry != nil, func() error { return v.Entry(&e) })
		}
		for _, d := range s.deleted {
			s.Totals.Deleted++
			visit(v.Deleted != nil, func() error { return v.Deleted(d) })
		}
		visit(v.EndSource != nil, func() error { return v.EndSource(&s.Source) })
	}
	for i := range f.keep {
		visit(v.Keep != nil, func() error { return v.Keep(&f.keep[i]) })
	}
	for i := range f.prune {
		visit(v.Prune != nil, func() error { return v.Prune(&f.prune[i]) })
	}
}

func (f *fakePlan) html(t rapid.TB, o PlanOptions) string {
	t.Helper()
	var out strings.Builder
	o.Format = HTML
	o.Reread = func(v plan.Visitor) error {
		f.read(t, v)
		return nil
	}
	r, err := NewPlanReport(&out, o)
	if err != nil {
		t.Fatal(err)
	}
	f.read(t, r.Visitor())
	r.File("plan.json", strings.Repeat("cd", 32))
	if err := r.Finish(&plan.Info{Header: f.header}); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

var (
	tags       = regexp.MustCompile(`<[^>]*>`)
	attributes = regexp.MustCompile(`="[^"]*"`)
	rowBlocks  = regexp.MustCompile(`(?s)<script type="application/json" class="rows">(.*?)</script>`)
)

// skeleton is a page's markup without any text or value.
func skeleton(page string) string {
	var b strings.Builder
	for _, tag := range tags.FindAllString(page, -1) {
		b.WriteString(attributes.ReplaceAllString(tag, "") + "\n")
	}
	return b.String()
}

// Whatever the names, the page has the markup that it has with tame ones.
func TestHTMLIsHarmless(t *testing.T) {
	// Some parts show how names are, not what they are; these are equal.
	tame := named(func(string) string { return "x" }).html(t, PlanOptions{})
	want := skeleton(tame)
	rapid.Check(t, func(rt *rapid.T) {
		page := named(func(label string) string {
			// A shape that depends on the name is none of a test's business.
			return "x" + strings.ReplaceAll(hostile(rt, label), "/", "∕")
		}).html(rt, PlanOptions{})
		if got := skeleton(page); got != want {
			rt.Fatal(cmp.Diff(want, got))
		}
		for _, block := range rowBlocks.FindAllStringSubmatch(page, -1) {
			if !json.Valid([]byte(block[1])) || strings.ContainsAny(block[1], "<>&") {
				rt.Fatalf("not safe JSON: %s", block[1])
			}
		}
	})
}

// row of a page, as its script reads it.
type pageRow struct {
	path, reason, target string
	size                 float64
	code                 int
}

func pageRows(t testing.TB, page string) []pageRow {
	t.Helper()
	var rows []pageRow
	reasons := []string{""}
	for _, block := range rowBlocks.FindAllStringSubmatch(page, -1) {
		var doc struct{ R [][]any }
		if err := json.Unmarshal([]byte(block[1]), &doc); err != nil {
			t.Fatal(err)
		}
		last := []rune{}
		for _, r := range doc.R {
			row := pageRow{code: int(r[0].(float64)), size: r[1].(float64)}
			last = append(fromUnits(last, int(r[2].(float64))), []rune(r[3].(string))...)
			row.path = string(last)
			switch reason := r[4].(type) {
			case string:
				reasons = append(reasons, reason)
				row.reason = reason
			case float64:
				row.reason = reasons[int(reason)]
			}
			if len(r) > 5 {
				row.target = r[5].(string)
			}
			rows = append(rows, row)
		}
	}
	return rows
}

// fromUnits returns the runes that n UTF-16 units hold.
func fromUnits(runes []rune, n int) []rune {
	for i, r := range runes {
		if n <= 0 {
			return append([]rune{}, runes[:i]...)
		}
		if n--; r > 0xffff {
			n--
		}
	}
	return append([]rune{}, runes...)
}

// The page's list has every selected entry, spelled as people read it.
func TestHTMLHoldsTheEntries(t *testing.T) {
	f := ordinary()
	f.sources[0].entries = append(f.sources[0].entries, cp("w/𝄞/a", 1, plan.ChangeNew, "x"), cp("w/𝄞/𝄢", 2, plan.ChangeNew, "x"), cp("w/\xff", 3, plan.ChangeNew, "y"))
	got := pageRows(t, f.html(t, PlanOptions{}))
	var want []pageRow
	for _, s := range f.sources {
		for _, e := range s.entries {
			want = append(want, pageRow{path: Name(e.Path), reason: e.Reason})
		}
		for _, d := range s.deleted {
			want = append(want, pageRow{path: Name(d)})
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		if got[i].path != want[i].path || got[i].reason != want[i].reason {
			t.Errorf("row %d: %+v, want %+v", i, got[i], want[i])
		}
	}
	some := pageRows(t, f.html(t, PlanOptions{Filter: Filter{Actions: []string{"copy", "deleted"}, PathGlob: "/docs"}}))
	if len(some) != 45 || some[44].path != "docs/gone-5" {
		t.Errorf("filtered: %d rows", len(some))
	}
}

// What is unchanged gives way where a page would hold too much.
func TestHTMLLeavesOutWhatIsUnchanged(t *testing.T) {
	var out bytes.Buffer
	r, err := NewPlanReport(&out, PlanOptions{Format: HTML})
	if err != nil {
		t.Fatal(err)
	}
	f := ordinary()
	f.read(t, r.Visitor())
	l := newRowList(r.w, r.selected)
	l.limit = 100
	l.budget(r.Summary())
	f.read(t, l.visitor())
	if err := l.end(); err != nil {
		t.Fatal(err)
	}
	r.w.Flush()
	rows := pageRows(t, out.String())
	if len(rows) == 0 || len(rows) > 100 || !strings.Contains(l.note, "1,235 unchanged entries are left out") {
		t.Errorf("%d rows, note %q", len(rows), l.note)
	}
	for _, row := range rows {
		if row.reason == "unchanged" {
			t.Errorf("%+v", row)
		}
	}
}

// The policy names the page's own style and script, and nothing else is let
// in.
func TestHTMLPolicy(t *testing.T) {
	page := ordinary().html(t, PlanOptions{})
	policy := fmt.Sprintf(`content="default-src &#39;none&#39;; style-src &#39;%s&#39;; script-src &#39;%s&#39;; base-uri`, between(t, page, "<style>", "</style>"), between(t, page, "<script>", "</script>"))
	if !strings.Contains(strings.ReplaceAll(page, "&#43;", "+"), policy) {
		t.Errorf("the policy is not %s", policy)
	}
	for _, outside := range []string{"http:", "https:", "url(", "@import", " src=", "style=", "onclick"} {
		if strings.Contains(page, outside) {
			t.Errorf("the page holds %q", outside)
		}
	}
}

func between(t *testing.T, page, from, to string) string {
	t.Helper()
	_, rest, ok := strings.Cut(page, from)
	content, _, closed := strings.Cut(rest, to)
	if !ok || !closed {
		t.Fatalf("no %s", from)
	}
	return contentHash(content)
}

func TestPlanMarkdownGolden(t *testing.T) {
	for _, tt := range []struct {
		name string
		plan *fakePlan
		o    PlanOptions
	}{
		{"ordinary", ordinary(), PlanOptions{Unlisted: []string{"old-laptop"}}},
		{"evil", evil(), PlanOptions{Listing: WithEntries}},
		{"tripped", tripped(), PlanOptions{}},
		{"truncated", ordinary(), PlanOptions{Listing: WithEntries, MaxBytes: 5000}},
		{"filtered", ordinary(), PlanOptions{Listing: WithEntries, Filter: Filter{Changes: []string{"content"}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.o.Format = Markdown
			out := tt.plan.render(t, tt.o)
			golden(t, "plan-md-"+tt.name, out)
			checkMarkdown(t, out)
		})
	}
}

func TestPlanHTMLGolden(t *testing.T) {
	page := ordinary().html(t, PlanOptions{Filter: Filter{Changes: []string{"content", "moved", "deleted"}}})
	page = strings.Replace(page, pageStyle, "", 1)
	page = strings.Replace(page, pageScript, "", 1)
	golden(t, "plan-html", regexp.MustCompile(`sha256-[^&]*`).ReplaceAllString(page, "sha256-"))
}

func hostileResult(name func(string) string) *execute.Result {
	at := time.Date(2026, 11, 23, 14, 0, 0, 0, time.UTC)
	snap := name("name") + "/2026-11-23-140000"
	rep := &execute.Report{
		Format: execute.ReportFormat, FormatVersion: execute.ReportFormatVersion, Status: execute.StatusPartial, PlanID: name("id"),
		Name: name("name"), Source: name("source"), Snapshot: &snap, Error: "x" + name("error"), Pruned: []string{name("pruned")},
		Durations: map[string]float64{name("phase"): 5}, Start: at, End: at.Add(90 * time.Second), Unlisted: 3,
	}
	for range 3 {
		e := execute.FileError{Path: name("path"), Err: name("why")}
		rep.Failed, rep.Vanished = append(rep.Failed, e), append(rep.Vanished, e)
		rep.Drifted, rep.FallbackPaths = append(rep.Drifted, e), append(rep.FallbackPaths, e)
	}
	return &execute.Result{PlanID: name("id"), Reports: []*execute.Report{rep}}
}

func TestAppliedMarkupIsHarmless(t *testing.T) {
	var tame strings.Builder
	if err := ApplyHTML(&tame, hostileResult(func(string) string { return "x" })); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		r := hostileResult(func(label string) string { return hostile(rt, label) })
		var md, page strings.Builder
		limit := rapid.IntRange(MinMarkdownBytes, 10_000).Draw(rt, "limit")
		if err := ApplyMarkdown(&md, r, limit); err != nil {
			rt.Fatal(err)
		}
		if md.Len() > limit {
			rt.Fatalf("%d bytes, the limit is %d", md.Len(), limit)
		}
		checkMarkdown(rt, md.String())
		if err := ApplyHTML(&page, r); err != nil {
			rt.Fatal(err)
		}
		if got, want := skeleton(page.String()), skeleton(tame.String()); got != want {
			rt.Fatal(cmp.Diff(want, got))
		}
	})
}

// A report is recognised and shown like the result it is of.
func TestReadApplied(t *testing.T) {
	r := hostileResult(func(label string) string { return label })
	var doc, single bytes.Buffer
	if err := ApplyJSON(&doc, r); err != nil {
		t.Fatal(err)
	}
	if err := WriteJSON(&single, r.Reports[0]); err != nil {
		t.Fatal(err)
	}
	for _, in := range []bytes.Buffer{doc, single} {
		if !IsApplied(in.Bytes()[:100]) {
			t.Errorf("not recognised: %.100s", in.String())
		}
		a, err := ReadApplied(bytes.NewReader(in.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		var again bytes.Buffer
		if err := a.Write(&again, JSON, Style{}, 0); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(in.String(), again.String()); d != "" {
			t.Error(d)
		}
	}
	for _, bad := range []string{``, `{}`, `[]`, `{"format":"phlb-plan"}`, `{"format":"phlb-report","format_version":"2.0"}`, `{"format":"phlb-report","format_version":"1.0","start":5}`, `{"format":"phlb-apply","format_version":"1.0","reports":[null]}`} {
		if _, err := ReadApplied(strings.NewReader(bad)); err == nil {
			t.Errorf("accepted: %s", bad)
		}
	}
	golden(t, "applied-md", string(must(t, func(w io.Writer) error { return ApplyMarkdown(w, r, 0) })))
}

func must(t *testing.T, write func(io.Writer) error) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
