package sums

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestStoredName(t *testing.T) {
	for _, tc := range []struct{ source, stored string }{
		{"SHA256SUMS", "SHA256SUMS.source"},
		{"SHA256SUMS.source", "SHA256SUMS.source.source"},
		{"SHA256SUMS.source.source", "SHA256SUMS.source.source.source"},
		{"SHA256SUMS.sourc", "SHA256SUMS.sourc"},
		{"SHA256SUMS.source.sourcf", "SHA256SUMS.source.sourcf"},
		{"SHA256SUMS.source.", "SHA256SUMS.source."},
		{"SHA256SUMS.sourceX", "SHA256SUMS.sourceX"},
		{"SHA256SUMS7654321", "SHA256SUMS7654321"},
		{"sha256sums", "sha256sums"},
		{"xSHA256SUMS", "xSHA256SUMS"},
		{"SHA256SUM", "SHA256SUM"},
		{".source", ".source"},
		{"a.txt", "a.txt"},
	} {
		if got := StoredName(tc.source); got != tc.stored {
			t.Errorf("StoredName(%q) = %q, want %q", tc.source, got, tc.stored)
		}
		if got, ok := SourceName(tc.stored); !ok || got != tc.source {
			t.Errorf("SourceName(%q) = %q, %v, want %q", tc.stored, got, ok, tc.source)
		}
	}
	if name, ok := SourceName(FileName); ok {
		t.Errorf("SourceName(SHA256SUMS) = %q", name)
	}
}

// TestStoredNames: different names never meet, and none meets SHA256SUMS.
func TestStoredNames(t *testing.T) {
	gen := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"SHA256SUMS", ".source", "x"}), 1, 5).Draw(t, "parts"), "")
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := gen.Draw(t, "a"), gen.Draw(t, "b")
		if StoredName(a) == FileName {
			t.Fatalf("%q is stored as %s", a, FileName)
		}
		if (StoredName(a) == StoredName(b)) != (a == b) {
			t.Fatalf("%q and %q are stored as %q and %q", a, b, StoredName(a), StoredName(b))
		}
		if back, ok := SourceName(StoredName(a)); !ok || back != a {
			t.Fatalf("%q came back as %q", a, back)
		}
	})
}

func TestStoredPath(t *testing.T) {
	for path, want := range map[string]string{
		".":                                 ".",
		"a/b":                               "a/b",
		"SHA256SUMS":                        "SHA256SUMS.source",
		"a/SHA256SUMS/SHA256SUMS.source/b":  "a/SHA256SUMS.source/SHA256SUMS.source.source/b",
		"a/xSHA256SUMS/SHA256SUMS.old/name": "a/xSHA256SUMS/SHA256SUMS.old/name",
	} {
		if got := StoredPath(path); got != want {
			t.Errorf("StoredPath(%q) = %q, want %q", path, got, want)
		}
		if got := SourcePath(want); got != path {
			t.Errorf("SourcePath(%q) = %q, want %q", want, got, path)
		}
	}
}
