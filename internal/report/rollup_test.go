package report

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestRollupShares(t *testing.T) {
	tests := []struct {
		name  string
		files map[string]int64
		lines int
		want  []share
	}{
		{"nothing", nil, 5, nil},
		{"one file at the top", map[string]int64{"a": 10}, 5, []share{{path: ".", files: 1, size: 10}}},
		{"empty files only", map[string]int64{"a/b": 0, "c": 0}, 5, []share{{path: ".", files: 2}}},
		{"descends to where the bytes are",
			map[string]int64{"home/me/videos/a": 500, "home/me/videos/b": 500, "home/me/x": 1},
			5, []share{{path: "home/me/videos", files: 2, size: 1000}, {files: 1, size: 1}}},
		{"splits what is heavy, keeps the rest together",
			map[string]int64{"p/2025/a": 200, "p/2025/b": 200, "p/2026/c": 300, "p/2026/d": 1, "p/index": 100, "d/x": 200},
			5, []share{
				{path: "p/2025", files: 2, size: 400}, {path: "p/2026", files: 2, size: 301},
				{path: "d", files: 1, size: 200}, {path: "p", files: 1, size: 100, rest: true}}},
		{"stops above single files",
			map[string]int64{"v/2026/1/a": 400, "v/2026/2/b": 300, "top/deep/down": 700},
			5, []share{{path: "v/2026", files: 2, size: 700}, {path: "top", files: 1, size: 700}}},
		{"no more lines than asked for",
			map[string]int64{"a/x": 100, "b/x": 90, "c/x": 80, "d/x": 70},
			2, []share{{path: ".", files: 3, size: 240, rest: true}, {path: "a", files: 1, size: 100}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRollup(maxRollupNodes)
			for path, size := range tt.files {
				r.add(path, size)
			}
			got := r.shares(tt.lines)
			if d := cmp.Diff(tt.want, got, cmp.AllowUnexported(share{})); d != "" {
				t.Error(d)
			}
		})
	}
}

// Whatever the tree and however little memory: no byte is lost or counted
// twice, and there are no more lines than asked for.
func TestRollupKeepsTotals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newRollup(rapid.IntRange(1, 50).Draw(t, "limit"))
		lines := rapid.IntRange(1, 12).Draw(t, "lines")
		var wantFiles, wantBytes int64
		paths := rapid.SliceOf(rapid.StringMatching(`([a-d]/){0,6}[a-d]`)).Draw(t, "paths")
		for i, path := range paths {
			size := rapid.Int64Range(0, 1000).Draw(t, fmt.Sprint(i))
			r.add(path, size)
			wantFiles, wantBytes = wantFiles+1, wantBytes+size
		}
		var gotFiles, gotBytes int64
		named := 0
		for _, s := range r.shares(lines) {
			gotFiles, gotBytes = gotFiles+s.files, gotBytes+s.size
			if s.path != "" {
				named++
			}
		}
		if gotFiles != wantFiles || gotBytes != wantBytes {
			t.Fatalf("got %d files, %d bytes, want %d, %d", gotFiles, gotBytes, wantFiles, wantBytes)
		}
		if named > lines {
			t.Fatalf("%d lines, want at most %d", named, lines)
		}
		if r.nodes > r.limit+7 {
			t.Fatalf("%d nodes held, limit %d", r.nodes, r.limit)
		}
	})
}

func TestTopNIndependentOfOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 5).Draw(t, "n")
		all := rapid.SliceOf(rapid.IntRange(0, 9)).Draw(t, "all")
		top := newTopN(n, func(a, b int) int { return b - a })
		for _, x := range all {
			top.offer(x)
		}
		want := slices.Clone(all)
		slices.SortFunc(want, func(a, b int) int { return b - a })
		want = want[:min(n, len(want))]
		if !slices.Equal(want, top.items) {
			t.Fatalf("got %v, want %v", top.items, want)
		}
	})
}

// TestRollupOfWhatIsScattered: where no directory holds much, the heaviest are
// told nevertheless, unless most lies beside them.
func TestRollupOfWhatIsScattered(t *testing.T) {
	r := newRollup(1000)
	for d := range 100 {
		for f := range 3 {
			r.add(fmt.Sprintf("home/d%02d/f%d", d, f), int64(1000+d))
		}
	}
	got := r.shares(4)
	if len(got) != 4 || got[0].path != "home" || !got[0].rest || got[1].path != "home/d99" || got[3].path != "home/d97" {
		t.Errorf("%+v", got)
	}
	var files, size int64
	for _, s := range got {
		files, size = files+s.files, size+s.size
	}
	if files != 300 || size != r.root.size {
		t.Errorf("%d files, %d bytes of %d", files, size, r.root.size)
	}
	for f := range 2000 {
		r.add(fmt.Sprintf("home/f%d", f), 1000)
	}
	if got := r.shares(4); len(got) != 1 || got[0].path != "home" {
		t.Errorf("%+v", got)
	}
}
