package review

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"

	tea "charm.land/bubbletea/v2"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"phlb/internal/meta"
	"phlb/internal/report"
	"phlb/plan"
)

func words() Words {
	return Words{
		Name: report.Name, Text: report.Text, Bytes: report.Bytes, Count: report.Count, Fit: report.Fit, Pad: report.Pad,
		Paint: func(_ Paint, s string) string { return s },
	}
}

func ref(s string) *string { return &s }

// fill hands entries and deleted paths of one source to a tree.
func fill(t testing.TB, tree *Tree, name string, entries []plan.Entry, deleted ...string) {
	t.Helper()
	v := tree.Visitor()
	s := plan.Source{Name: name, Path: "/" + name, Snapshot: name + "/2026-11-23-140000", Parent: ref(name + "/2026-11-22-140000")}
	if err := v.Source(&s); err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		if err := v.Entry(&entries[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range deleted {
		if err := v.Deleted(d); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.EndSource(&s); err != nil {
		t.Fatal(err)
	}
}

func sample(t testing.TB) *Tree {
	tree := NewTree()
	h := plan.Header{PlanID: "6d1c", Destination: plan.Destination{Path: "/mnt/backup", ID: ref("7f0c")}, Applyable: true}
	if err := tree.Visitor().Header(&h); err != nil {
		t.Fatal(err)
	}
	fill(t, tree, "home", []plan.Entry{
		{Action: plan.ActionMkdir, Path: ".", Change: plan.ChangeUnchanged},
		{Action: plan.ActionMkdir, Path: "docs", Change: plan.ChangeMetadata},
		{Action: plan.ActionCopy, Path: "docs/a.txt", Size: 4096, Change: plan.ChangeNew, Reason: "new size"},
		{Action: plan.ActionLink, Path: "docs/b.txt", Size: 2048, Change: plan.ChangeUnchanged, Reason: "unchanged", Target: "home/2026-11-22-140000/docs/b.txt"},
		{Action: plan.ActionCopy, Path: "docs/quiet", Size: 1024, Change: plan.ChangeContent, Reason: "new content", Quiet: true},
		{Action: plan.ActionSkip, Path: "key", Size: 9, Reason: "unreadable: permission denied"},
		{Action: plan.ActionSymlink, Path: "ln", Target: "docs", Change: plan.ChangeNew},
		{Action: plan.ActionMkdir, Path: "photos", Change: plan.ChangeUnchanged},
		{Action: plan.ActionLink, Path: "photos/new", Size: 1 << 20, Change: plan.ChangeMoved, Target: "home/2026-11-22-140000/photos/old", Reason: "known content"},
	}, "docs/gone", "music/x/1", "music/x/2", "photos/old")
	fill(t, tree, "etc", []plan.Entry{
		{Action: plan.ActionMkdir, Path: ".", Change: plan.ChangeNew},
		{Action: plan.ActionCopy, Path: "passwd", Size: 100, Change: plan.ChangeNew, Reason: "small file"},
	})
	return tree
}

// press plays keys: names of keys in brackets, everything else as typed.
func press(m *Model, keys ...string) tea.Cmd {
	var cmd tea.Cmd
	named := map[string]rune{
		"up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight, "enter": tea.KeyEnter, "esc": tea.KeyEscape,
		"backspace": tea.KeyBackspace, "end": tea.KeyEnd, "home": tea.KeyHome, "pgdown": tea.KeyPgDown, "space": tea.KeySpace,
	}
	for _, key := range keys {
		switch code, ok := named[key]; {
		case ok:
			msg := tea.KeyPressMsg{Code: code}
			if key == "space" {
				msg.Text = " "
			}
			_, cmd = m.Update(msg)
		case key == "ctrl+c":
			_, cmd = m.Update(tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl})
		default:
			for _, r := range key {
				_, cmd = m.Update(tea.KeyPressMsg{Code: r, Text: string(r)})
			}
		}
	}
	return cmd
}

// shown is the list without its columns.
func shown(m *Model) []string {
	var list []string
	for i, at := range m.rows {
		list = append(list, strings.Repeat(" ", m.depth[i])+m.tree.nodes[at].name)
	}
	return list
}

func TestKeys(t *testing.T) {
	for _, tt := range []struct {
		name string
		keys []string
		want []string
		at   string // under the cursor
	}{
		{"at first", nil, []string{"home", " docs", " key", " ln", " music", " photos", "etc", " passwd"}, "home"},
		{"open", []string{"down", "right"}, []string{"home", " docs", "  a.txt", "  gone", "  quiet", " key", " ln", " music", " photos", "etc", " passwd"}, "docs"},
		{"go in and out", []string{"down", "right", "right", "left"}, []string{"home", " docs", "  a.txt", "  gone", "  quiet", " key", " ln", " music", " photos", "etc", " passwd"}, "docs"},
		{"closed again", []string{"down", "enter", "enter"}, []string{"home", " docs", " key", " ln", " music", " photos", "etc", " passwd"}, "docs"},
		{"unchanged", []string{"u", "down", "right", "end"}, []string{"home", " docs", "  a.txt", "  b.txt", "  gone", "  quiet", " key", " ln", " music", " photos", "etc", " passwd"}, "passwd"},
		{"by size", []string{"s"}, []string{"home", " docs", " photos", " key", " ln", " music", "etc", " passwd"}, "home"},
		{"search", []string{"/", "ld", "enter"}, []string{"home", " photos", "  old", "etc"}, "home"},
		{"search for a path", []string{"/", "SIC/X", "enter"}, []string{"home", " music", "  x", "   1", "   2", "etc"}, "home"},
		{"search given up", []string{"/", "ld", "enter", "esc", "E"}, []string{"home", " docs", " key", " ln", " music", " photos", "etc", " passwd"}, "home"},
		{"deleted only", []string{"f", "down", "down", "down", "down", "down", "o", "enter", "e"}, []string{"home", " docs", "  gone", " music", "  x", "   1", "   2", " photos", "  old", "etc"}, "home"},
		{"quiet only", []string{"f", "down", "down", "down", "down", "down", "down", "down", "down", "down", "down", "down", "down", "down", "space", "enter", "e"}, []string{"home", " docs", "  quiet", "etc"}, "home"},
		{"all again", []string{"f", "o", "a", "enter", "e"}, []string{
			"home", " docs", "  a.txt", "  b.txt", "  gone", "  quiet", " key", " ln", " music", "  x", "   1", "   2", " photos", "  new", "  old", "etc", " passwd",
		}, "home"},
		{"the cursor stays", []string{"u", "down", "right", "down", "down", "u"}, []string{"home", " docs", "  a.txt", "  gone", "  quiet", " key", " ln", " music", " photos", "etc", " passwd"}, "docs"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := NewModel(sample(t), Options{Words: words()})
			press(m, tt.keys...)
			if d := cmp.Diff(tt.want, shown(m)); d != "" {
				t.Error(d)
			}
			if at := m.tree.nodes[m.selected()].name; at != tt.at {
				t.Errorf("the cursor is at %q, want %q", at, tt.at)
			}
		})
	}
}

func ends(cmd tea.Cmd) string {
	if cmd == nil {
		return "goes on"
	}
	return fmt.Sprintf("%T", cmd())
}

func TestChoice(t *testing.T) {
	for _, tt := range []struct {
		name    string
		refused string
		keys    []string
		want    Choice
		ends    string
	}{
		{"quit", "", []string{"q"}, Quit, "tea.QuitMsg"},
		{"apply", "", []string{"a", "yes", "enter"}, Apply, "tea.QuitMsg"},
		{"apply, with a correction", "", []string{"a", "yex", "backspace", "s", "enter"}, Apply, "tea.QuitMsg"},
		{"no", "", []string{"a", "y", "enter"}, Quit, "goes on"},
		{"second thoughts", "", []string{"a", "yes", "esc", "enter"}, Quit, "goes on"},
		{"q is a letter there", "", []string{"a", "q"}, Quit, "goes on"},
		{"refused", "tripped min_files", []string{"a", "yes", "enter"}, Quit, "goes on"},
		{"interrupted", "", []string{"a", "yes", "ctrl+c"}, Quit, "tea.InterruptMsg"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := NewModel(sample(t), Options{Words: words(), Refused: tt.refused})
			cmd := press(m, tt.keys...)
			if m.Choice() != tt.want || ends(cmd) != tt.ends {
				t.Errorf("choice %v, %s", m.Choice(), ends(cmd))
			}
		})
	}
}

// What is unchanged is shown where there is nothing else.
func TestNothingChanged(t *testing.T) {
	tree := NewTree()
	fill(t, tree, "home", []plan.Entry{{Action: plan.ActionLink, Path: "a", Size: 2000, Change: plan.ChangeUnchanged}})
	m := NewModel(tree, Options{Words: words()})
	if d := cmp.Diff([]string{"home", " a"}, shown(m)); d != "" {
		t.Error(d)
	}
	press(m, "down")
	if got := m.content(); !strings.Contains(got, "links to home/2026-11-22-140000/a") {
		t.Error(got)
	}
}

func TestScreen(t *testing.T) {
	m := NewModel(sample(t), Options{Words: words(), Alarms: []string{"home: look"}})
	m.Update(tea.WindowSizeMsg{Width: 76, Height: 18})
	press(m, "down", "right", "down", "down", "down")
	want := `
! 1 to look at (i)  Plan for /mnt/backup
11 shown · hidden: unchanged
   1.0 MiB           unchanged ▾ home/  (10)
   5.0 KiB  mkdir    metadata    ▾ docs/  (4)
   4.0 KiB  copy     new             a.txt
            deleted                  gone
>  1.0 KiB  copy     content!        quiet
       9 B  skip                   key
            symlink  new           ln
            deleted              ▸ music/  (2)
   1.0 MiB  mkdir    unchanged   ▸ photos/  (2)
     100 B  copy     new       ▾ etc/  (1)
────────────────────────────────────────────────────────────────────────────
docs/quiet  in home (/home)
copy, content, 1.0 KiB (1,024 bytes)
why: the content changed …did not: look for damage or tampering; new content
`
	var got []string
	for line := range strings.Lines(m.content()) {
		got = append(got, strings.TrimRight(line, " \n"))
	}
	if d := cmp.Diff(strings.TrimPrefix(want, "\n"), strings.Join(got[:16], "\n")+"\n"); d != "" {
		t.Error(d)
	}
}

func anyName() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"\x1b[31m", "a\nb", "\u202e", "日本語の名前", "\xff", "e\u0301\u0301", strings.Repeat("long ", 60), "a"}),
		rapid.String(), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
	).Filter(func(s string) bool { return s != "" && s != "." && !strings.Contains(s, "/") })
}

// Whatever the names, the keys and the size of the terminal: the screen has no
// line that is too wide, not more lines than there are, and nothing that a
// terminal would obey.
func TestScreenIsHarmless(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		tree := NewTree()
		h := plan.Header{PlanID: anyName().Draw(rt, "id"), Destination: plan.Destination{Path: anyName().Draw(rt, "destination")}}
		_ = tree.Visitor().Header(&h)
		var entries []plan.Entry
		for range rapid.IntRange(0, 20).Draw(rt, "entries") {
			path := anyName().Draw(rt, "name")
			if rapid.Bool().Draw(rt, "deep") {
				path = "d/" + path
			}
			entries = append(entries, plan.Entry{
				Action: plan.ActionCopy, Path: path, Size: rapid.Int64Range(0, 1<<50).Draw(rt, "size"), Change: plan.ChangeNew,
				Reason: anyName().Draw(rt, "reason"), Target: anyName().Draw(rt, "target"), Quiet: rapid.Bool().Draw(rt, "quiet"),
			})
		}
		fill(t, tree, anyName().Draw(rt, "source"), entries, anyName().Draw(rt, "deleted"))
		m := NewModel(tree, Options{Words: words(), Alarms: []string{anyName().Draw(rt, "alarm")}})
		for range rapid.IntRange(0, 30).Draw(rt, "steps") {
			if rapid.IntRange(0, 5).Draw(rt, "resize") == 0 {
				m.Update(tea.WindowSizeMsg{Width: rapid.IntRange(1, 200).Draw(rt, "width"), Height: rapid.IntRange(1, 60).Draw(rt, "height")})
			}
			press(m, rapid.SampledFrom([]string{"up", "down", "left", "right", "enter", "esc", "end", "home", "pgdown", "e", "E", "u", "f", "s", "/", "i", "?", "a", "space", "x", "o", "é"}).Draw(rt, "key"))
			checkScreen(rt, m)
		}
	})
}

func checkScreen(t *rapid.T, m *Model) {
	lines := strings.Split(m.content(), "\n")
	if len(lines) > m.height {
		t.Fatalf("%d lines on a terminal of %d", len(lines), m.height)
	}
	for _, line := range lines {
		if fitted := report.Fit(line, m.width); fitted != line {
			t.Fatalf("wider than %d: %q", m.width, line)
		}
		for _, r := range line {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q in %q", r, line)
			}
		}
	}
}

// A tree holds each path once, below its directory, and its roots add up to
// everything.
func TestTreeHoldsThePlan(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		element := rapid.SampledFrom([]string{"a", "b", "c", "a-b", "a.b"})
		paths := rapid.SliceOfDistinct(rapid.Map(rapid.SliceOfN(element, 1, 4), func(e []string) string { return strings.Join(e, "/") }), rapid.ID[string]).Draw(rt, "paths")
		// A file has nothing below it.
		paths = slices.DeleteFunc(paths, func(p string) bool {
			return slices.ContainsFunc(paths, func(q string) bool { return strings.HasPrefix(q, p+"/") })
		})
		slices.SortFunc(paths, meta.ComparePaths)
		var entries []plan.Entry
		var deleted, want []string
		var bytes int64
		for _, p := range paths {
			want = append(want, p)
			if rapid.Bool().Draw(rt, "deleted") {
				deleted = append(deleted, p)
				continue
			}
			e := plan.Entry{Action: plan.ActionCopy, Path: p, Size: rapid.Int64Range(0, 1000).Draw(rt, "size"), Change: plan.ChangeNew}
			bytes += e.Size
			entries = append(entries, e)
		}
		tree := NewTree()
		fill(t, tree, "home", entries, deleted...)
		var got []string
		for i := range tree.nodes {
			if n := &tree.nodes[i]; n.kind != kindNone {
				got = append(got, tree.pathOf(int32(i)))
			} else if n.parent != none && n.first == none {
				rt.Fatalf("an empty directory %q", tree.pathOf(int32(i)))
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if d := cmp.Diff(want, got); d != "" {
			rt.Fatal(d)
		}
		if s := tree.apply(&filter{})[0]; s.files() != int64(len(paths)) || s.bytes != bytes {
			rt.Fatalf("%d files of %d, %d bytes of %d", s.files(), len(paths), s.bytes, bytes)
		}
	})
}

// A large plan stays usable: filtering and searching take one pass each.
func TestManyEntries(t *testing.T) {
	if testing.Short() {
		t.Skip("100,000 entries")
	}
	tree := NewTree()
	var entries []plan.Entry
	r := rand.New(rand.NewPCG(1, 2))
	for d := range 100 {
		for f := range 1000 {
			entries = append(entries, plan.Entry{Action: plan.ActionCopy, Path: fmt.Sprintf("dir%03d/file%04d", d, f), Size: r.Int64N(1 << 20), Change: plan.ChangeNew})
		}
	}
	fill(t, tree, "home", entries)
	m := NewModel(tree, Options{Words: words()})
	press(m, "/", "file0500", "enter")
	if len(m.rows) != 1+100+100 {
		t.Errorf("%d rows", len(m.rows))
	}
}
