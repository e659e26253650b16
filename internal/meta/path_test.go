package meta

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestComparePathsOrder(t *testing.T) {
	sorted := []string{
		".", " ", "!", "-", "a", "a/\x01", "a/ ", "a/-", "a/a", "a/a/z", "a/a!", "a/a-", "a/aa", "a\x01", "a\x01/z", "a ", "a!",
		"a-", "a-/b", "a-b", "a.b", "a0", "aa", "b", "b/.", "b/..a", "é", "\xff", "\xff/a", "\xff\xff",
	}
	for i, a := range sorted {
		for j, b := range sorted {
			if got := sign(ComparePaths(a, b)); got != cmp.Compare(i, j) {
				t.Errorf("ComparePaths(%q, %q) = %d, want %d", a, b, got, cmp.Compare(i, j))
			}
		}
	}
}

func sign(n int) int { return cmp.Compare(n, 0) }

// drawPath draws elements from few bytes around the slash, so that common
// beginnings are frequent.
func drawPath(t *rapid.T, label string) string {
	element := rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOfN(rapid.SampledFrom([]byte("\x01-.0a\xff")), 1, 3).Draw(t, "bytes"))
	})
	path := strings.Join(rapid.SliceOfN(element, 1, 4).Draw(t, label), "/")
	if rapid.IntRange(0, 9).Draw(t, "top") == 0 {
		return "."
	}
	return path
}

// elements is a path as a list; the top has none.
func elements(path string) []string {
	if path == "." {
		return nil
	}
	return strings.Split(path, "/")
}

func TestComparePathsIsByElement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawPath(t, "a"), drawPath(t, "b")
		if rapid.Bool().Draw(t, "extend") && a != "." {
			b = a + "/" + b
		}
		want := slices.Compare(elements(a), elements(b))
		if got := sign(ComparePaths(a, b)); got != want {
			t.Fatalf("ComparePaths(%q, %q) = %d, want %d", a, b, got, want)
		}
		if sign(ComparePaths(b, a)) != -want {
			t.Fatalf("ComparePaths is not antisymmetric for %q and %q", a, b)
		}
	})
}

// TestContentFollowsItsDirectory is what makes the order one of a walk.
func TestContentFollowsItsDirectory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		paths := []string{"."}
		for range rapid.IntRange(1, 20).Draw(t, "paths") {
			if p := drawPath(t, "path"); p != "." {
				paths = append(paths, p)
			}
		}
		for _, p := range slices.Clone(paths) {
			for i := range p {
				if p[i] == '/' {
					paths = append(paths, p[:i])
				}
			}
		}
		slices.SortFunc(paths, ComparePaths)
		paths = slices.Compact(paths)
		for i, p := range paths {
			left := false
			for _, q := range paths[i+1:] {
				inside := p == "." || strings.HasPrefix(q, p+"/")
				if inside && left {
					t.Fatalf("%q is apart from the other content of %q in %q", q, p, paths)
				}
				left = left || !inside
			}
		}
	})
}
