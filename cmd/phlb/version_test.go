package main

import (
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBuild(t *testing.T) {
	recorded := &debug.BuildInfo{
		Main: debug.Module{Version: "v0.9.0"},
		Settings: []debug.BuildSetting{
			{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.time", Value: "2026-01-02T03:04:05Z"}, {Key: "vcs.modified", Value: "true"},
		},
	}
	known := build{Version: "v0.9.0", Commit: "abc", CommitDate: "2026-01-02T03:04:05Z", Dirty: true}
	for stamp, want := range map[string]build{
		"":                                   known, // built by go build in a clone
		"1.2.3":                              {Version: "1.2.3"},
		"1.2.3 0123abc 2026-11-27T12:00:00Z": {Version: "1.2.3", Commit: "0123abc", CommitDate: "2026-11-27T12:00:00Z"},
		"1.2.3 0123abc 2026-11-27T12:00:00Z dirty": {Version: "1.2.3", Commit: "0123abc", CommitDate: "2026-11-27T12:00:00Z", Dirty: true},
	} {
		b := build{Version: "(devel)"}
		b.recorded(recorded)
		b.released(stamp)
		if diff := cmp.Diff(want, b); diff != "" {
			t.Errorf("%q:\n%s", stamp, diff)
		}
	}
	b := build{Version: "(devel)"}
	if b.recorded(&debug.BuildInfo{}); b.Version != "(devel)" {
		t.Errorf("version %q", b.Version)
	}
}
