package repair_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// history makes a random source, changes it between snapshots, and keeps a
// copy of every state of it.
type history struct {
	*world
	rt    *rapid.T
	attic string
}

// step makes one change of the source; those that are impossible are passed
// over.
func (h *history) step() {
	name := filepath.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "SHA256SUMS", "x\ny", "\xff"}), 1, 2).Draw(h.rt, "path")...)
	place := filepath.Join(h.src, name)
	switch rapid.IntRange(0, 5).Draw(h.rt, "what") {
	case 0, 1, 2:
		content := rapid.SampledFrom([]string{"", "small", big("1", 999), big("1", 1000), big("2", 1000), big("3", 70_000)}).Draw(h.rt, "content")
		if os.MkdirAll(filepath.Dir(place), 0o755) != nil || os.RemoveAll(place) != nil {
			return
		}
		h.ok(os.WriteFile(place, []byte(content), 0o644))
		h.ok(os.Chtimes(place, old, old))
	case 3:
		files := h.files(h.src)
		if len(files) > 0 && os.MkdirAll(filepath.Dir(place), 0o755) == nil {
			_ = os.Link(rapid.SampledFrom(files).Draw(h.rt, "link"), place)
		}
	case 4:
		if _, err := os.Stat(place); err == nil {
			h.ok(os.Chmod(place, rapid.SampledFrom([]os.FileMode{0o700, 0o755, 0o500}).Draw(h.rt, "mode")))
		}
	case 5:
		_ = unix.Setxattr(place, "user.x", []byte(name), 0)
	}
}

// files lists the regular files below a directory that the source could have.
func (h *history) files(dir string) (list []string) {
	h.ok(filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			list = append(list, p)
		}
		return err
	}))
	slices.Sort(list)
	return list
}

// keep copies what the source holds now into the attic, under other names.
func (h *history) keep(id string) {
	for _, p := range h.files(h.src) {
		content, err := os.ReadFile(p)
		h.ok(err)
		rel, err := filepath.Rel(h.src, p)
		h.ok(err)
		name := strings.ReplaceAll(id+"/"+rel, "/", "_")
		h.ok(os.WriteFile(filepath.Join(h.attic, name), content, 0o600))
	}
}

// damage harms some stored files and returns the names of the inodes that it
// harmed.
func (h *history) damage(before map[string]object) map[string]bool {
	var stored []string
	for p, o := range before {
		if o.Mode&unix.S_IFMT == unix.S_IFREG && filepath.Base(p) != "SHA256SUMS" && strings.Count(p, "/") > 1 {
			stored = append(stored, p)
		}
	}
	slices.Sort(stored)
	moved := map[string]bool{}
	if len(stored) == 0 {
		return moved
	}
	for _, p := range rapid.SliceOfNDistinct(rapid.SampledFrom(stored), 0, 3, func(p string) uint64 { return before[p].Ino }).Draw(h.rt, "damaged") {
		content, err := os.ReadFile(h.at(p))
		h.ok(err)
		how := rapid.IntRange(0, 2).Draw(h.rt, "how")
		switch {
		case how == 0 || len(content) == 0:
			content = append(content, 'x')
		case how == 1:
			content = content[:len(content)/2]
		default:
			content[len(content)/2] ^= 1
		}
		h.overwrite(h.at(p), content)
		for name, o := range before {
			if o.Ino == before[p].Ino {
				moved[name] = true
			}
		}
	}
	return moved
}

// TestRepairIsExact: whatever is damaged, and however its inodes are shared,
// everything is then as it was, and nothing but what was damaged has another
// inode.
func TestRepairIsExact(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		defer w.remove()
		h := &history{world: w, rt: rt, attic: filepath.Join(w.dir, "attic")}
		w.t = rt
		w.ok(os.Mkdir(h.attic, 0o700))
		w.write("always", "here") // an empty source is refused
		for range rapid.IntRange(1, 3).Draw(rt, "snapshots") {
			for range rapid.IntRange(1, 6).Draw(rt, "steps") {
				h.step()
			}
			h.keep(w.backup())
		}
		before := w.list()
		moved := h.damage(before)
		if rapid.Bool().Draw(rt, "no catalogues") {
			// Then the times that writing changed cannot be known.
			for p := range moved {
				w.touch(w.at(p), before[p])
			}
			w.ok(os.RemoveAll(w.at(".phlb")))
		}
		r := w.repair(from(w, h.attic))
		if r.IsDamaged() {
			rt.Errorf("remaining: %q", remaining(r))
		}
		if len(paths(r)) != len(moved) {
			rt.Errorf("repaired %q, damaged were %v", paths(r), moved)
		}
		w.asBefore(before, moved)
		w.clean()
	})
}
