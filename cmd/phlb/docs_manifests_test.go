package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"phlb/manifest"
)

// TestDocsManifests: manifests that pages show, and parts of them, are valid.
func TestDocsManifests(t *testing.T) {
	key := regexp.MustCompile(`(?m)^([a-z_]+):`)
	known := []string{
		"version", "destination", "destination_require", "root_id", "defaults", "sources",
		"excludes", "require", "guards", "retention", "hooks", "link_match", "small_files", "change_detection",
	}
	count := 0
	for _, p := range pages(t) {
		for _, it := range p.items {
			m := key.FindStringSubmatch(it.String())
			if it.lang != "yaml" || m == nil || !slices.Contains(known, m[1]) {
				continue
			}
			count++
			if err := validPart(it.String()); err != nil {
				t.Errorf("%s:%d: %v", p.path, it.line, err)
			}
		}
	}
	if count < 10 {
		t.Errorf("only %d manifests", count)
	}
}

// validPart parses a manifest, one without its beginning or end, or keys of a
// source.
func validPart(text string) error {
	const (
		begin  = "version: 1\ndestination: /mnt/backup\n"
		source = "\nsources: [{path: /home/me}]\n"
	)
	var first error
	for i, whole := range []string{
		text,
		begin + text,
		begin + text + source,
		text + source,
		text + "\ndestination: /mnt/backup" + source,
		begin + "sources:\n  - path: /home/me\n    " + strings.ReplaceAll(text, "\n", "\n    "),
	} {
		_, err := manifest.Parse([]byte(whole), "manifest.yaml", manifest.Options{
			Getenv: func(string) (string, bool) { return "https://example.org/x", true },
		})
		if err == nil {
			return nil
		}
		if i == 0 {
			first = err
		}
	}
	return first
}
