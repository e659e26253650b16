package execute_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"phlb/internal/fsys"
	"phlb/internal/snapshot"
	"phlb/plan"
	"phlb/verify"
)

// history is a random sequence of changes and runs, over which nothing that
// was ever published may change.
type history struct {
	*world
	rt *rapid.T
	// known is what every published path was like when it was first seen. A
	// step that removes a snapshot forgets it here.
	known  map[string]object
	log    []string
	failed *bool
}

// fail ends the history; rapid then looks for a shorter one.
func (h *history) fail(format string, args ...any) {
	*h.failed = true
	h.rt.Fatalf("%s\nafter\n%s", fmt.Sprintf(format, args...), strings.Join(h.log, "\n"))
}

// historyStep is one thing that can happen. It must leave nothing half done
// that the next step could not live with.
type historyStep struct {
	name   string
	weight int
	do     func(h *history)
}

// historySteps can be added to: whatever phlb does to a root belongs here.
func historySteps() []historyStep {
	return []historyStep{
		{"write a file", 4, (*history).writeFile},
		{"change a file's metadata", 4, (*history).dress},
		{"remove something", 1, (*history).removeFile},
		{"rename something", 2, (*history).renameFile},
		{"link in the source", 2, (*history).linkFile},
		{"change a directory", 1, (*history).dressDir},
		{"back up", 5, (*history).backUp},
		{"back up and fail", 3, (*history).backUpAndFail},
		{"prune", 2, (*history).prune},
		{"rebuild", 1, (*history).rebuild},
		{"lose what can be rebuilt", 1, (*history).lose},
		{"remove a snapshot by hand", 1, (*history).removeSnapshot},
		{"verify", 1, (*history).verify},
	}
}

// TestNothingPublishedEverChanges: the inode of a published file never changes
// in content, mode, owner, times or attributes, whatever is done to the source
// and in whatever way phlb runs, fails, and runs again.
func TestNothingPublishedEverChanges(t *testing.T) {
	top := tempDir(t)
	steps := historySteps()
	var names []string
	for i, s := range steps {
		names = append(names, slices.Repeat([]string{fmt.Sprint(i)}, s.weight)...)
	}
	failed, runs, limit := false, 0, 40
	if testing.Short() {
		limit = 8
	}
	rapid.Check(t, func(rt *rapid.T) {
		if runs++; runs > limit && !failed {
			return // each takes as long as a hundred checks of pure code
		}
		dir, err := os.MkdirTemp(top, "history-")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		h := &history{world: newWorldIn(t, dir), rt: rt, known: map[string]object{}, failed: &failed}
		h.more = "- name: other/again\n  path: " + h.src + "/d\n"
		h.ok(os.Mkdir(filepath.Join(h.src, "d"), 0o755))
		h.writeFile()
		for range rapid.IntRange(10, 30).Draw(rt, "steps") {
			var i int
			fmt.Sscan(rapid.SampledFrom(names).Draw(rt, "step"), &i)
			h.log = append(h.log, steps[i].name)
			steps[i].do(h)
			h.check()
		}
		h.backUp()
		h.check()
		h.verify()
	})
}

// check compares everything published with what it was.
func (h *history) check() {
	now := h.published()
	for p, was := range h.known {
		is, there := now[p]
		if !there {
			h.fail("%s is gone", p)
		}
		was.Nlink, was.Ctime, was.Blocks, is.Nlink, is.Ctime, is.Blocks = 0, 0, 0, 0, 0, 0
		if diff := cmp.Diff(was, is); diff != "" {
			h.fail("published %s changed:\n%s", p, diff)
		}
	}
	h.known = now
}

func pick[T any](h *history, label string, of ...T) T { return rapid.SampledFrom(of).Draw(h.rt, label) }

// file picks a path that may or may not exist.
func (h *history) file() string {
	return filepath.Join(h.src, pick(h, "dir", "", "d", "d/e"), pick(h, "name", "a", "b", "SHA256SUMS"))
}

func (h *history) writeFile() {
	p := h.file()
	content := big(pick(h, "seed", "1", "2"), pick(h, "size", 0, 10, 999, 1000, 5000))
	_ = os.MkdirAll(filepath.Dir(p), 0o755)
	if pick(h, "how", "anew", "in place") == "anew" {
		_ = os.Remove(p)
	}
	_ = os.WriteFile(p, []byte(content), 0o644) // it may be read-only, or somebody's directory: all the same
	_ = os.Chtimes(p, old, old)
}

func (h *history) dress() {
	p := h.file()
	switch pick(h, "what", "mode", "owner", "time", "xattr") {
	case "mode":
		_ = unix.Chmod(p, pick[uint32](h, "mode", 0o644, 0o600, 0o444, 0o4755))
	case "owner":
		_ = os.Lchown(p, pick(h, "uid", 0, 1234), pick(h, "gid", 0, 1234)) // refused without root
	case "time":
		at := old.AddDate(0, 0, pick(h, "days", 1, 2))
		_ = os.Chtimes(p, at, at)
	case "xattr":
		_ = unix.Setxattr(p, "user.x", []byte(pick(h, "value", "1", "2")), 0)
	}
}

func (h *history) removeFile() {
	if p := h.file(); filepath.Base(p) == "b" && filepath.Dir(p) == filepath.Join(h.src, "d/e") {
		_ = os.RemoveAll(filepath.Dir(p))
	} else {
		_ = os.Remove(p)
	}
}

func (h *history) renameFile() { _ = os.Rename(h.file(), h.file()) }
func (h *history) linkFile()   { _ = os.Link(h.file(), h.file()) }

func (h *history) dressDir() {
	p := filepath.Join(h.src, pick(h, "dir", "d", "d/e"))
	_ = os.Chmod(p, pick[os.FileMode](h, "mode", 0o755, 0o555, 0o700, 0o775))
	_ = os.Chtimes(p, old, old)
}

// planned makes a plan with settings of the moment.
func (h *history) plan() *os.File {
	small := pick(h, "small_files", "copy", "link")
	h.settings = fmt.Sprintf("  link_match: %s\n  small_files: %s\n  change_detection: %s\n",
		pick(h, "link_match", "permissions", "content", "metadata"), small, pick(h, "change_detection", "metadata", "content", "mtime"))
	only := pick(h, "sources", "", "home", "other/again")
	rehash := pick(h, "rehash", false, false, true)
	return h.world.plan(func(o *plan.Options) {
		o.Rehash = rehash
		o.Overrides = []string{"source"} // a directory may have become empty
		if only != "" {
			o.Sources = []string{only}
		}
	})
}

func (h *history) backUp() {
	res, err := h.try(h.plan())
	if err != nil {
		h.fail("%v", err)
	}
	for _, rep := range res.Reports {
		if rep.Status != "complete" {
			h.fail("%s: %v", rep.Name, rep.Failed)
		}
	}
}

// backUpAndFail fails one writing call, and then mostly tries again.
func (h *history) backUpAndFail() {
	f := h.plan()
	fail := &failAt{op: pick(h, "op", allOps...), n: rapid.IntRange(1, 30).Draw(h.rt, "n"), errno: pick(h, "errno", unix.ENOSPC, unix.EIO, unix.EMLINK, unix.EPERM)}
	_, err := h.try(f, fail.inject)
	h.log = append(h.log, fmt.Sprintf("  %s %d: %v became %v", fail.op, fail.n, fail.errno, err))
	h.check()
	if err != nil && pick(h, "again", true, true, false) {
		_, err := h.try(f)
		h.log = append(h.log, fmt.Sprintf("  the same plan again: %v", err))
	}
}

// prune removes old snapshots, and mostly one of its writing calls fails.
func (h *history) prune() {
	if len(h.snapshots()) == 0 {
		return
	}
	h.settings = fmt.Sprintf("  retention: {keep_last: %d}\n", rapid.IntRange(1, 3).Draw(h.rt, "keep"))
	p := h.planned(pruneOnly)
	f := h.save(&p.Document)
	fail := &failAt{op: pick(h, "op", allOps...), n: rapid.IntRange(1, 30).Draw(h.rt, "n"), errno: syscall.EIO}
	_, err := h.try(f, fail.inject)
	h.log = append(h.log, fmt.Sprintf("  %d snapshots, %s %d: %v", len(p.Prune), fail.op, fail.n, err))
	there := h.snapshots()
	for _, gone := range p.Prune {
		if !slices.Contains(there, gone.Snapshot) {
			h.forget(gone.Snapshot)
		}
	}
}

// forget is told of a snapshot that was removed.
func (h *history) forget(id string) {
	for p := range h.known {
		if p == id || strings.HasPrefix(p, id+"/") {
			delete(h.known, p)
		}
	}
}

func (h *history) open(o ...fsys.Option) *snapshot.Root {
	root, err := snapshot.Open(h.root, o...)
	h.ok(err)
	return root
}

// rebuild mostly succeeds.
func (h *history) rebuild() {
	var o []fsys.Option
	if pick(h, "fail", false, true) {
		fail := &failAt{op: pick(h, "op", allOps...), n: rapid.IntRange(1, 10).Draw(h.rt, "n"), errno: syscall.EIO}
		o = append(o, fsys.WithFaults(fail.fault))
	}
	root := h.open(o...)
	defer root.Close()
	res, err := verify.Rebuild(h.t.Context(), root, verify.RebuildOptions{Workers: 2, NewID: h.id})
	if err == nil && len(res.Findings) > 0 {
		h.fail("rebuild found %v", res.Findings)
	}
}

func (h *history) lose() {
	_ = os.RemoveAll(filepath.Join(h.root, ".phlb", pick(h, "what", "catalog", "hash-lookup", "size-lookup", "catalog/home")))
}

// removeSnapshot is rm -rf, which harms no other snapshot.
func (h *history) removeSnapshot() {
	ids := h.snapshots()
	if len(ids) == 0 {
		return
	}
	id := pick(h, "snapshot", ids...)
	h.ok(os.RemoveAll(filepath.Join(h.root, id)))
	h.forget(id)
}

func (h *history) verify() {
	root := h.open()
	defer root.Close()
	res, err := verify.Verify(h.t.Context(), root, verify.Options{Workers: 2})
	h.ok(err)
	if len(res.Findings) > 0 {
		h.fail("verify found %v", res.Findings)
	}
}
