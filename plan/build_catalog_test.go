//go:build unix

package plan_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"phlb/plan"
)

// TestDamagedCatalogue: however much of a catalogue can be read, the plan is
// the one that is made without it.
func TestDamagedCatalogue(t *testing.T) {
	w := newWorld(t)
	for i := range 400 {
		w.file(fmt.Sprintf("d%d/f%d", i%7, i), noise(uint64(i), 1500+i))
	}
	path := w.inRoot(filepath.Join(".phlb/catalog", w.backup().Snapshot()+".jsonl.zst"))
	w.file("d3/new", noise(1000, 2000))
	w.must(os.Remove(w.at("d1/f1")))
	whole, err := os.ReadFile(path)
	w.must(err)
	w.must(os.Remove(path))
	want := w.plan()
	for _, cut := range []int{1, len(whole) / 2, len(whole) - 1} {
		flipped := append([]byte{}, whole...)
		flipped[cut] ^= 0x10
		for name, damaged := range map[string][]byte{"cut": whole[:cut], "flipped": flipped} {
			w.must(os.WriteFile(path, damaged, 0o600))
			got := w.plan()
			if diff := cmp.Diff(want.entries, got.entries); diff != "" {
				t.Errorf("%s at %d of %d: %s", name, cut, len(whole), diff)
			}
			if diff := cmp.Diff(want.deleted, got.deleted); diff != "" {
				t.Errorf("%s at %d of %d: deleted: %s", name, cut, len(whole), diff)
			}
		}
	}
}

// TestObserver is shown what the plan then holds, also when planning begins
// anew.
func TestObserver(t *testing.T) {
	w := newWorld(t)
	for i := range 400 {
		w.file(fmt.Sprintf("d%d/f%d", i%7, i), noise(uint64(i), 1500))
	}
	path := w.inRoot(filepath.Join(".phlb/catalog", w.backup().Snapshot()+".jsonl.zst"))
	w.must(os.Remove(w.at("d1/f1")))
	whole, err := os.ReadFile(path)
	w.must(err, os.WriteFile(path, whole[:len(whole)-1], 0o600))
	var entries []plan.Entry
	var deleted, sources []string
	w.opts.Observer = plan.Observer{
		Source:  func(name string) { entries, deleted, sources = nil, nil, append(sources, name) },
		Entry:   func(e *plan.Entry) { entries = append(entries, *e) },
		Deleted: func(path string) { deleted = append(deleted, path) },
	}
	p := w.plan()
	if diff := cmp.Diff(p.entries, entries); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(p.deleted, deleted); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"home", "home"}, sources); diff != "" {
		t.Error(diff)
	}
}
