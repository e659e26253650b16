package history

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"phlb/internal/digest"
	"phlb/internal/listing"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/treetest"
)

// TestRuns: whatever comes and goes, each version knows exactly the snapshots
// that hold it.
func TestRuns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		held := rapid.SliceOfN(rapid.IntRange(0, 3), 1, 30).Draw(t, "version by snapshot") // 0: none
		h := &historian{result: &Result{}, paths: map[string]*Path{}}
		want := map[int][]string{}
		for i, v := range held {
			time := fmt.Sprintf("t%02d", i)
			s := snap{}
			if v > 0 {
				s.list = []item{{"p", Version{State: listing.State{Kind: meta.File, SHA256: digest.Sum{byte(v)}}}}}
			}
			h.take(&s, time)
			want[v] = append(want[v], time)
		}
		p := h.paths["p"]
		if p == nil {
			p = &Path{}
		}
		if got := h.result.Absent(p); !slices.Equal(got, want[0]) {
			t.Fatalf("absent: %v, want %v", got, want[0])
		}
		for i := range p.Versions {
			v := &p.Versions[i]
			if got := h.result.Snapshots(v); !slices.Equal(got, want[int(v.SHA256[0])]) {
				t.Fatalf("version %d: %v, want %v", v.SHA256[0], got, want)
			}
			delete(want, int(v.SHA256[0]))
		}
		if delete(want, 0); len(want) > 0 {
			t.Fatalf("not found: %v", want)
		}
	})
}

// TestPHLB: a root without catalogues, by paths and patterns.
func TestPHLB(t *testing.T) {
	phlb := treetest.UnpackPHLB(t)
	root, err := snapshot.Open(phlb.Root)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	all, err := Of(t.Context(), root, "photos", Options{Path: ".", Workers: 2})
	if err != nil || len(all.Times) != 2 || len(all.Paths) < 3 || all.Unreadable > 0 {
		t.Fatalf("%+v, %v", all, err)
	}
	for _, p := range all.Paths {
		one, err := Of(t.Context(), root, "photos", Options{Path: p.Path})
		if err != nil || len(one.Paths) == 0 || one.Paths[0].Path != p.Path {
			t.Fatalf("%s: %+v, %v", p.Path, one, err)
		}
		if got, want := fmt.Sprint(one.Paths[0]), fmt.Sprint(p); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	texts, err := Of(t.Context(), root, "photos", Options{Path: "no such", Match: func() func(string) bool {
		return func(p string) bool { return strings.HasSuffix(p, ".txt") }
	}})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, p := range all.Paths {
		if strings.HasSuffix(p.Path, ".txt") {
			n++
		}
	}
	if len(texts.Paths) != n {
		t.Errorf("%d paths match, want %d", len(texts.Paths), n)
	}
	if _, err := Of(t.Context(), root, "nobody", Options{Path: "."}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
