package plan

import (
	"slices"
	"strings"
	"testing"

	"phlb/internal/fsys"
)

func TestNames(t *testing.T) {
	with := func(limits ...fsys.Limit) func(fsys.Limit) bool {
		return func(l fsys.Limit) bool { return slices.Contains(limits, l) }
	}
	folds := map[string]string{ // the others are stored
		"Sha256Sums": "ignores case and has a SHA256SUMS", "a": "takes it for A", "d/x": "takes it for X",
		"foo": "takes it for Foo", "σ": "takes it for Σ", "ς": "takes it for Σ",
	}
	order := []string{
		".", "A", "A/x", "Foo", "SHA256SUMS", "Sha256Sums", "a", "d", "d/X", "d/e", "d/e/x", "d/x", "foo", "x", "ß", "Σ", "ς", "σ",
	}
	check := func(n names, paths []string, want func(string) string) {
		t.Helper()
		for _, p := range paths {
			got, part := n.refuse(p), want(p)
			if (got == "") != (part == "") || !strings.Contains(got, part) || got != "" && !strings.HasPrefix(got, "name: ") {
				t.Errorf("%q: %q, want %q", p, got, part)
			}
		}
	}
	check(newNames(255, with(fsys.LimitCase)), order, func(p string) string { return folds[p] })
	check(newNames(255, with()), order, func(string) string { return "" })
	check(newNames(255, with(fsys.LimitCase)), []string{"SHA256SUMS", "sha256sums.source"}, func(p string) string {
		return map[string]string{"sha256sums.source": "takes it for SHA256SUMS.source"}[p]
	})
	check(newNames(255, with(fsys.LimitNames)), []string{"a b", "ü", "d/aux", "..a"}, func(string) string { return "" })
	check(newNames(255, with(fsys.LimitNames)), []string{
		"a:b", `a\b`, "a?", "a*", `"`, "<", ">", "|", "a\nb", "\x01", "a.", "a ", "a\xff", "d/a:b",
	}, func(string) string { return "cannot hold" })
	check(newNames(9, with()), []string{"123456789", "1234567890"}, func(p string) string {
		return map[string]string{"1234567890": "10 bytes are more than the 9"}[p]
	})
}
