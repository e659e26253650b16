//go:build unix

package plan_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/internal/treetest"
	"phlb/plan"
)

// entryOf returns the file of a content's hash lookup entry.
func (w *world) entryOf(content string) string {
	sum := sha256.Sum256([]byte(content))
	text := hex.EncodeToString(sum[:])
	return filepath.Join(w.root, ".phlb/hash-lookup", text[:2], text[2:4], text)
}

// inRoot returns an absolute path below the root.
func (w *world) inRoot(path string) string { return filepath.Join(w.root, path) }

// TestLookupEntries: an entry is a hint, and what it points to must be proved.
func TestLookupEntries(t *testing.T) {
	content := noise(1, 3000)
	for _, tc := range []struct {
		name  string
		entry func(w *world, snapshot string) string
		// target is below the snapshot; empty: what is no path at all is as
		// good as no entry, and the content is copied.
		target string
	}{
		{"good", func(_ *world, s string) string { return s + "/dir/a" }, "dir/a"},
		{"dangling", func(_ *world, s string) string { return s + "/gone" }, "dir/a"},
		{"of a removed snapshot", func(*world, string) string { return "home/2001-01-01-000000/dir/a" }, "dir/a"},
		{"other content of the same size", func(_ *world, s string) string { return s + "/other" }, "dir/a"},
		{"of another size", func(_ *world, s string) string { return s + "/longer" }, "dir/a"},
		{"directory", func(_ *world, s string) string { return s + "/dir" }, "dir/a"},
		{"planted symlink", func(w *world, s string) string {
			w.must(os.Symlink("dir/a", w.inRoot(s+"/ln")))
			return s + "/ln"
		}, "dir/a"},
		{"through a symlink", func(w *world, s string) string {
			w.must(os.Symlink("dir", w.inRoot(s+"/lndir")))
			return s + "/lndir/a"
		}, "dir/a"},
		{"outside", func(w *world, _ string) string {
			w.must(os.WriteFile(filepath.Join(filepath.Dir(w.root), "planted"), []byte(content), 0o644))
			return "../planted"
		}, ""},
		{"absolute", func(w *world, s string) string { return w.inRoot(s + "/dir/a") }, ""},
		{"not in a snapshot", func(w *world, _ string) string {
			w.must(os.WriteFile(w.inRoot("planted"), []byte(content), 0o644))
			return "planted"
		}, "dir/a"},
		{"in the staging area", func(w *world, _ string) string {
			w.must(os.WriteFile(w.inRoot(".phlb/planted"), []byte(content), 0o644))
			return ".phlb/planted"
		}, "dir/a"},
		{"empty", func(*world, string) string { return "" }, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.file("dir/a", content)
			w.file("other", noise(2, 3000))
			w.file("longer", noise(3, 3001))
			s := w.backup().Snapshot()
			w.must(os.WriteFile(w.entryOf(content), []byte(tc.entry(w, s)), 0o600))
			w.file("new", content)
			p := w.plan()
			if tc.target == "" {
				p.want(t, "new", "copy new new content")
				return
			}
			p.want(t, "new", "link new known content")
			p.wantTarget(t, "new", s+"/"+tc.target)
			w.apply(p)
			w.plan().wantUnchanged(t)
		})
	}
}

// TestDamagedContent: where nothing vouches for a published file it is read.
func TestDamagedContent(t *testing.T) {
	w := newWorld(t)
	w.file("dir/a", noise(1, 3000))
	s := w.backup().Snapshot()
	w.must(os.RemoveAll(w.inRoot(".phlb/catalog")), os.Remove(w.inRoot(s+"/dir/SHA256SUMS")))
	w.must(os.WriteFile(w.inRoot(s+"/dir/a"), []byte(noise(5, 3000)), 0o644))
	w.file("new", noise(1, 3000))
	p := w.plan()
	p.want(t, "dir/a", "copy content new content")
	p.want(t, "new", "link new same content as an earlier file of this plan")
	w.apply(p)
	w.plan().wantUnchanged(t)
}

// TestDanglingEntryOfAnotherName: the newest snapshots of all names are
// searched.
func TestDanglingEntryOfAnotherName(t *testing.T) {
	w := newWorld(t)
	w.file("a", noise(1, 3000))
	s := w.backup().Snapshot()
	w.must(os.WriteFile(w.entryOf(noise(1, 3000)), []byte("home/2001-01-01-000000/a"), 0o600))
	other := filepath.Join(t.TempDir(), "other")
	w.must(os.Mkdir(other, 0o755))
	w.use("other", other)
	w.file("b", noise(1, 3000))
	p := w.plan()
	p.want(t, "b", "link new known content")
	p.wantTarget(t, "b", s+"/a")
	w.apply(p)
}

// TestNoLookups: without its lookups a root still serves what did not change,
// and what the catalogue makes doubtful.
func TestNoLookups(t *testing.T) {
	w := newWorld(t)
	w.file("a", noise(1, 3000))
	w.file("b", noise(2, 3000))
	w.file("m", noise(3, 5000))
	s := w.backup().Snapshot()
	w.must(os.RemoveAll(w.inRoot(".phlb/hash-lookup")), os.RemoveAll(w.inRoot(".phlb/size-lookup")))
	w.file("c", noise(1, 3000))
	w.mtime("m", 5)
	w.file("n", noise(3, 5000))
	p := w.plan()
	p.want(t, "a", "link unchanged unchanged")
	p.want(t, "c", "link new known content")
	p.wantTarget(t, "c", s+"/a")
	p.want(t, "m", "link metadata unchanged")
	p.want(t, "n", "link new same content as an earlier file of this plan")
	w.apply(p)
}

// TestForgedSums: what another user can write does not vouch for content, so
// the content is read.
func TestForgedSums(t *testing.T) {
	needRoot(t)
	for _, tc := range []struct {
		name  string
		forge func(w *world, dir string)
	}{
		{"directory of another user", func(w *world, dir string) { w.must(os.Chown(dir, 1234, 1234)) }},
		{"directory that all may write", func(w *world, dir string) { w.must(os.Chmod(dir, 0o777)) }},
		{"file of another user", func(w *world, dir string) { w.must(os.Chown(dir+"/SHA256SUMS", 1234, 1234)) }},
	} {
		for _, catalogue := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, catalogue %v", tc.name, catalogue), func(t *testing.T) {
				w := newWorld(t)
				w.file("d/a", noise(1, 3000))
				w.file("d/b", noise(2, 3000))
				w.file("d/s", "small")
				s := w.backup().Snapshot()
				w.must(os.Chmod(w.root, 0o755), os.Chmod(w.inRoot("home"), 0o755))
				// It says that a has the content of a file that is to come.
				evil := noise(3, 3000)
				sum, old := sha256.Sum256([]byte(evil)), sha256.Sum256([]byte(noise(1, 3000)))
				sums := w.inRoot(s + "/d/SHA256SUMS")
				text, err := os.ReadFile(sums)
				w.must(err)
				forged := strings.Replace(string(text), hex.EncodeToString(old[:]), hex.EncodeToString(sum[:]), 1)
				w.must(os.WriteFile(sums, []byte(forged), 0o644))
				w.must(os.MkdirAll(filepath.Dir(w.entryOf(evil)), 0o700), os.WriteFile(w.entryOf(evil), []byte(s+"/d/a"), 0o600))
				if !catalogue {
					w.must(os.RemoveAll(w.inRoot(".phlb/catalog")))
				}
				w.file("new", evil)
				w.file("same", noise(1, 3000))
				w.must(os.Chmod(w.at("d"), 0o700)) // so that its content is looked at by no shortcut
				tc.forge(w, w.inRoot(s+"/d"))
				w.opts.Rehash = true
				p := w.plan()
				p.want(t, "new", "copy new new content")
				p.want(t, "same", "link new known content")
				p.wantTarget(t, "same", s+"/d/a")
				p.want(t, "d/a", "link unchanged unchanged")
				p.want(t, "d/b", "link unchanged unchanged")
				p.want(t, "d/s", "copy unchanged small file")
			})
		}
	}
}

// TestPHLB continues a root that PyHardLinkBackup made.
func TestPHLB(t *testing.T) {
	phlb := treetest.UnpackPHLB(t)
	w := newWorld(t)
	w.root = phlb.Root
	w.use("photos", filepath.Join(phlb.Sources, "photos-2"))
	w.m.Sources[0].LinkMatch = "content" // as PHLB linked
	p := w.plan()
	if p.Destination.ID != nil || *p.Sources[0].Parent != treetest.PHLBSecond {
		t.Errorf("root %v, parent %s", p.Destination.ID, *p.Sources[0].Parent)
	}
	for _, e := range p.entries {
		if e.Action == plan.ActionCopy && e.Size >= 1000 {
			t.Errorf("%s: %s, %s", e.Path, e.Change, e.Reason)
		}
		if e.Action == plan.ActionLink && e.Target != treetest.PHLBSecond+"/"+e.Path {
			t.Errorf("%s: links to %s", e.Path, e.Target)
		}
	}
	if len(p.deleted) > 0 {
		t.Errorf("deleted: %q", p.deleted)
	}
	w.apply(p)
	next := w.plan()
	next.wantUnchanged(t)
}

func TestPHLBBackInTime(t *testing.T) {
	phlb := treetest.UnpackPHLB(t)
	w := newWorld(t)
	w.root = phlb.Root
	w.use("photos", filepath.Join(phlb.Sources, "photos-1"))
	p := w.plan()
	p.want(t, "2025/trip/b.raw", "link moved known content")
	p.wantTarget(t, "2025/trip/b.raw", treetest.PHLBSecond+"/2026/b-moved.raw")
	p.want(t, "2026/with space.txt", "link content known content")
	p.want(t, "2026/zero", "copy new small file")
	p.want(t, "empty", "mkdir new")
	want := []string{"2026/b-moved.raw", "2026/new.bin", "2026/same-size-new-content.raw"}
	if strings.Join(p.deleted, " ") != strings.Join(want, " ") {
		t.Errorf("deleted %q, want %q", p.deleted, want)
	}
	w.apply(p)
	w.plan().wantUnchanged(t)
}

// TestChangedWhilePlanning: what happens to a file between the walk and the
// reading concerns that file alone.
func TestChangedWhilePlanning(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(w *world, path string)
		want   string
	}{
		{"vanished", func(w *world, p string) { w.must(os.Remove(w.at(p))) }, "skip  vanished"},
		{"content", func(w *world, p string) { w.file(p, noise(9, 3000)) }, "copy content changed while it was read"},
		{"grown", func(w *world, p string) { w.file(p, noise(9, 4000)) }, "copy content changed while it was read"},
		{"symlink", func(w *world, p string) { w.must(os.Remove(w.at(p)), os.Symlink("a", w.at(p))) }, "copy content changed while it was read"},
		{"fifo", func(w *world, p string) { w.must(os.Remove(w.at(p)), unix.Mkfifo(w.at(p), 0o644)) }, "copy content changed while it was read"},
		{"directory", func(w *world, p string) { w.must(os.Remove(w.at(p)), os.Mkdir(w.at(p), 0o755)) }, "copy content changed while it was read"},
	} {
		for _, rehash := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, rehash %v", tc.name, rehash), func(t *testing.T) {
				w := newWorld(t)
				w.file("a", noise(1, 3000))
				w.file("f", noise(2, 3000))
				w.file("z", noise(3, 3000))
				w.backup()
				w.mtime("f", 5) // so that it is read
				w.opts.Rehash = rehash
				w.onPath = func(path string) {
					if path == "f" {
						tc.change(w, path)
					}
				}
				p := w.plan()
				p.want(t, "f", tc.want)
				p.want(t, "a", "link unchanged unchanged")
				p.want(t, "z", "link unchanged unchanged")
				if !p.Applyable || len(p.deleted) > 0 {
					t.Errorf("applyable %v, deleted %q", p.Applyable, p.deleted)
				}
			})
		}
	}
}

// TestSampledWhileChanging is the same for files that are only sampled.
func TestSampledWhileChanging(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"a", "b", "c", "d"} {
		w.file(path, noise(1, 3000))
	}
	w.onPath = func(path string) {
		switch path {
		case "a", "c": // after the walk, before anything of them is read
			w.must(os.Remove(w.at(path)))
		}
	}
	p := w.plan()
	p.want(t, "a", "copy new new size") // nothing of it had to be read
	p.want(t, "b", "copy new new content")
	p.want(t, "c", "skip  vanished")
	p.want(t, "d", "link new same content as an earlier file of this plan")
	p.wantTarget(t, "d", p.Snapshot()+"/b")
}
