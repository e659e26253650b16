package snapshot

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"phlb/internal/fsys"
)

// No test can pull the plug; what can be seen is the order of operations that
// a crash at any moment needs.
func TestOrderOfDurableWriting(t *testing.T) {
	var ops []string
	dir := t.TempDir()
	r := openRoot(t, dir, fsys.WithFaults(func(op fsys.Op, name string) error {
		ops = append(ops, string(op)+" "+name)
		return nil
	}))
	at := ID{"home", t1}
	mkdir(t, dir, "home", ".phlb/trash")
	expect := func(what string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, ops); diff != "" {
			t.Errorf("%s: %s", what, diff)
		}
		ops = nil
	}
	must(t, r.WriteSidecar(at, SuffixReport, []byte("x")))
	report := t1 + SuffixReport
	expect("sidecar", "create ."+report+".new", "write ."+report+".new", "fsync ."+report+".new",
		"rename ."+report+".new", "fsync home")

	s := openStaging(t, r, "home")
	e := stage(t, s, "a", "content")
	ops = nil
	record(t, s, e)
	expect("record", "write journal", "fsync journal")

	must(t, r.Publish(s, at))
	expect("publish", "rename tree", "fsync home", "fsync home") // the name's directory and the staging's

	must(t, r.Trash(t.Context(), at))
	note := ".home~" + t1 + ".json.new"
	expect("trash", "create "+note, "write "+note, "fsync "+note, "rename "+note, "fsync trash",
		"rename "+t1, "fsync home", "fsync trash")

	dirs, err := makeDirs(r.dir, "new/nested")
	must(t, err)
	must(t, dirs.Close())
	last := ops[1] // the root's own name is made up by the test
	expect("directories", "mkdir new", last, "mkdir nested", "fsync new")
	if last[:5] != "fsync" {
		t.Errorf("after the first directory: %s", last)
	}
}
