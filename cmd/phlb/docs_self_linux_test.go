package main

import (
	"strings"
	"testing"
)

// TestDocsWouldFail: what TestDocs compares with is able to differ.
func TestDocsWouldFail(t *testing.T) {
	const output = "Plan 1234 for /mnt/backup\n\n  action  files   size\n  copy        1   15 B\n\nTotal: 1 file.\n"
	for _, tt := range []struct {
		want, lacks string
	}{
		{"Plan … for /mnt/backup", ""},
		{"…\ncopy 1 15 B\n…", ""},
		{"action files size\nTotal: 1 file.", ""},
		{"files size copy 1", ""}, // as ls does, across lines
		{"Total: 2 files.", "Total: 2 files."},
		{"copy 1 15 B\naction files size", "action files size"},
		{"Plan … for /mnt", "Plan … for /mnt"},
	} {
		if got := lacking(strings.Split(tt.want, "\n"), output); got != tt.lacks {
			t.Errorf("%q lacks %q, want %q", tt.want, got, tt.lacks)
		}
	}
}

// TestDocsParse: blocks, comments and consoles are taken apart as written.
func TestDocsParse(t *testing.T) {
	p := parsePage(t, "x.md", "# A\n<!-- setup:\nmkdir x\nmkdir y -->\n1. Do\n   ```sh\n   ls\n     -l\n   ```\n"+
		"<!-- exits: 2 -->\n```console\n$ a \\\n> b\nout\n$ c\n```\n")
	if len(p.items) != 4 {
		t.Fatalf("%d items", len(p.items))
	}
	for i, want := range []string{"mkdir x\nmkdir y", "ls\n  -l", "2", "$ a \\\n> b\nout\n$ c"} {
		if got := p.items[i].String(); got != want {
			t.Errorf("item %d: %q, want %q", i, got, want)
		}
	}
	steps := consoleSteps(p.items[3].text)
	if len(steps) != 2 || steps[0].commands != "a \\\nb" || len(steps[0].want) != 1 || steps[1].commands != "c" {
		t.Errorf("steps %+v", steps)
	}
}

// TestDocsTimes: a time that is new to a page is the newest snapshot's without
// a name.
func TestDocsTimes(t *testing.T) {
	s := newSandbox(t)
	s.step(t, page{path: "x.md"}, 1, step{commands: "mkdir -p ~/n/2020-01-01-000000 ~/n/2021-01-01-000000"})
	if got := s.timesIn("a 2026-11-27-180000 b"); got != "a 2021-01-01-000000 b" {
		t.Error(got)
	}
	if got := s.timesIn("2026-11-26-180000 and 2026-11-27-180000"); got != "2020-01-01-000000 and 2021-01-01-000000" {
		t.Error(got)
	}
	if got := s.timesIn("2026-11-28-180000"); got != "2026-11-28-180000" {
		t.Errorf("there is no third: %s", got)
	}
	if got := s.localText("cp /etc/x ./etc /home/me/y", true); got != "cp "+s.dir+"/etc/x ./etc "+s.dir+"/home/me/y" {
		t.Error(got)
	}
	s.end(t)
}
