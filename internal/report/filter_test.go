package report

import (
	"testing"

	"phlb/plan"
)

func TestPathGlob(t *testing.T) {
	tests := []struct {
		glob, path string
		want       bool
	}{
		{"", "a/b", true},
		{"*.iso", "a.iso", true}, {"*.iso", "deep/down/a.iso", true}, {"*.iso", "a.iso/inside", true}, {"*.iso", "a.isox", false},
		{"docs", "docs", true}, {"docs", "docs/a", true}, {"docs", "x/docs/a", true}, {"docs", "docs2/a", false},
		{"/docs", "docs/a", true}, {"/docs", "x/docs/a", false}, {"/*.txt", "a.txt", true}, {"/*.txt", "d/a.txt", false},
		{"docs/", "docs/a", true},
		{"docs/*.txt", "docs/a.txt", true}, {"docs/*.txt", "docs/sub/a.txt", false}, {"docs/*.txt", "x/docs/a.txt", false},
		{"docs/**/*.txt", "docs/a/b/c.txt", true}, {"**/b", "a/b", true}, {"{a,b}/c", "b/c/d", true},
		{"*", ".", true}, {"docs", ".", false},
		{"a\\*", "a*", true}, {"a\\*", "ab", false},
		{"caf?", "caf\xff", true},
	}
	for _, tt := range tests {
		s, err := newSelector(Filter{PathGlob: tt.glob})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time the directory's verdict is known
			if got := s.paths.Match(tt.path); got != tt.want {
				t.Errorf("%q on %q: got %v", tt.glob, tt.path, got)
			}
		}
	}
}

func TestFilterWords(t *testing.T) {
	entry := plan.Entry{Action: plan.ActionCopy, Change: plan.ChangeNew, Path: "a/b"}
	skip := plan.Entry{Action: plan.ActionSkip, Path: "a/b"}
	tests := []struct {
		name                 string
		filter               Filter
		entry, skip, deleted bool
	}{
		{"everything", Filter{}, true, true, true},
		{"action", Filter{Actions: []string{"copy"}}, true, false, false},
		{"change", Filter{Changes: []string{"new", "content"}}, true, false, false},
		{"both must hold", Filter{Actions: []string{"link"}, Changes: []string{"new"}}, false, false, false},
		{"skips have no change", Filter{Actions: []string{"skip"}}, false, true, false},
		{"deleted as a change", Filter{Changes: []string{"deleted"}}, false, false, true},
		{"deleted as an action", Filter{Actions: []string{"deleted", "skip"}}, false, true, true},
		{"deleted elsewhere", Filter{Actions: []string{"deleted"}, PathGlob: "/b"}, false, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := newSelector(tt.filter)
			if err != nil {
				t.Fatal(err)
			}
			got := [3]bool{s.entry(&entry), s.entry(&skip), s.deleted("a/b")}
			if want := [3]bool{tt.entry, tt.skip, tt.deleted}; got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}
