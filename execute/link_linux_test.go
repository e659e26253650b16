package execute_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/execute"
	"phlb/internal/digest"
	"phlb/internal/sums"
	"phlb/plan"
)

// linkWorld has a snapshot with "d/f" and a plan that links to it.
func linkWorld(t *testing.T) (w *world, target string, f *os.File) {
	w = newWorld(t)
	w.write("d/f", big("f", 2000))
	w.write("d/other", big("other", 2000))
	rep := w.backup()
	f = w.plan()
	return w, filepath.Join(w.snap(rep), "d/f"), f
}

// TestUnfitTargets alters what a link of a plan points to. The file must be
// copied from the source instead, and the altered inode left alone.
func TestUnfitTargets(t *testing.T) {
	tests := map[string]func(w *world, target string){
		"mtime": func(w *world, target string) { w.ok(os.Chtimes(target, old, old.Add(1))) },
		"mode":  func(w *world, target string) { w.ok(os.Chmod(target, 0o600)) },
		"xattr": func(w *world, target string) {
			if err := unix.Setxattr(target, "user.a", []byte("b"), 0); err != nil {
				w.t.Skip(err)
			}
		},
		"content": func(w *world, target string) { w.ok(os.WriteFile(target, []byte(big("bad", 2000)), 0o644)) },
		"size":    func(w *world, target string) { w.ok(os.WriteFile(target, []byte(big("bad", 1999)), 0o644)) },
		"owner": func(w *world, target string) {
			needRoot(w.t)
			w.ok(os.Lchown(target, 5, 5))
		},
		"replaced, and all alike but the content": func(w *world, target string) {
			w.ok(os.WriteFile(target+".x", []byte(big("bad", 2000)), 0o644))
			w.ok(os.Chtimes(target+".x", old, old))
			w.ok(os.Rename(target+".x", target))
		},
		"gone":                  func(w *world, target string) { w.ok(os.Remove(target)) },
		"directory gone":        func(w *world, target string) { w.ok(os.RemoveAll(filepath.Dir(target))) },
		"a symlink to the same": func(w *world, target string) { w.ok(os.Rename(target, target+".x")); w.ok(os.Symlink("f.x", target)) },
		"a symlink outside":     func(w *world, target string) { w.ok(os.Remove(target)); w.ok(os.Symlink(w.src+"/d/f", target)) },
		"a directory":           func(w *world, target string) { w.ok(os.Remove(target)); w.ok(os.Mkdir(target, 0o755)) },
		"a fifo":                func(w *world, target string) { w.ok(os.Remove(target)); w.ok(unix.Mkfifo(target, 0o644)) },
		"below a symlinked directory": func(w *world, target string) {
			d := filepath.Dir(target)
			w.ok(os.Rename(d, d+".x"))
			w.ok(os.Symlink("d.x", d))
		},
		"below a directory of outside": func(w *world, target string) {
			d := filepath.Dir(target)
			w.ok(os.RemoveAll(d))
			w.ok(os.Symlink(w.src+"/d", d))
		},
	}
	for name, alter := range tests {
		for _, catalogue := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, catalogue %t", name, catalogue), func(t *testing.T) {
				w, target, f := linkWorld(t)
				if !catalogue {
					w.ok(os.RemoveAll(filepath.Join(w.root, ".phlb/catalog")))
				}
				alter(w, target)
				before := w.published()
				rep := w.apply(f)
				if !catalogue && name == "mtime" {
					// Nobody knows what it was, and its content is right.
					same(t, "fallbacks", rep.LinkFallbacks, int64(0))
					return
				}
				if rep.LinkFallbacks == 0 || !strings.Contains(strings.Join(paths(rep.FallbackPaths), " "), "d/f") {
					t.Errorf("fallbacks: %d, %v", rep.LinkFallbacks, rep.FallbackPaths)
				}
				same(t, "incomplete", rep.Incomplete(), false)
				w.whole(rep)
				w.immutable(before)
				sum := look(filepath.Join(w.snap(rep), "d/f")).Content
				entry, err := os.ReadFile(filepath.Join(w.root, ".phlb/hash-lookup", sum[:2], sum[2:4], sum))
				w.ok(err)
				same(t, "lookup entry", string(entry), *rep.Snapshot+"/d/f")
				same(t, "links out of the root", look(filepath.Join(w.src, "d/f")).Nlink, uint64(1))
			})
		}
	}
}

// TestCatalogueDisagrees gives the plan another hash than the catalogue has.
func TestCatalogueDisagrees(t *testing.T) {
	w, _, _ := linkWorld(t)
	p := w.planned()
	p.Sources[0].Spool = plan.NewSpool()
	src := look(filepath.Join(w.src, "d/f"))
	w.add(&p.Document, 0,
		plan.Entry{Action: plan.ActionMkdir, Path: ".", Mode: 0o755, UID: src.UID, GID: src.GID},
		plan.Entry{Action: plan.ActionMkdir, Path: "d", Mode: 0o755, UID: src.UID, GID: src.GID},
		plan.Entry{
			Action: plan.ActionLink, Path: "d/f", Size: 2000, Mode: 0o644, UID: src.UID, GID: src.GID, Mtime: mtime(filepath.Join(w.src, "d/f")),
			SHA256: digest.Sum{1, 2, 3}, Target: *p.Sources[0].Parent + "/d/f", Reason: "unchanged",
		})
	rep := w.apply(w.save(&p.Document))
	same(t, "fallbacks", rep.LinkFallbacks, int64(1))
	same(t, "stored", look(filepath.Join(w.snap(rep), "d/f")).Content, src.Content)
}

// TestForeignSums does not believe a SHA256SUMS that others can write, nor one
// that is older than the file.
func TestForeignSums(t *testing.T) {
	w := newWorld(t)
	w.write("f", big("f", 2000))
	rep := w.backup()
	w.ok(os.RemoveAll(filepath.Join(w.root, ".phlb/catalog")))
	w.ok(os.Chmod(w.root, 0o755))
	w.write("f", big("other", 2000))
	wanted := look(filepath.Join(w.src, "f")).Content
	list := filepath.Join(w.snap(rep), sums.FileName)
	w.ok(os.WriteFile(list, []byte(wanted+"  f\n"), 0o666))
	w.ok(os.Chmod(list, 0o666))
	w.ok(os.WriteFile(filepath.Join(w.root, ".phlb/hash-lookup/planted"), nil, 0o600))
	dir := filepath.Join(w.root, ".phlb/hash-lookup", wanted[:2], wanted[2:4])
	w.ok(os.MkdirAll(dir, 0o700))
	w.ok(os.WriteFile(filepath.Join(dir, wanted), []byte(*rep.Snapshot+"/f"), 0o600))
	second := w.backup() // the planner links to nothing
	same(t, "copied", second.Totals.Copy.Files, int64(1))
	w.ok(os.Remove(filepath.Join(w.root, ".phlb/hash-lookup/planted")))
	entry, err := os.ReadFile(filepath.Join(dir, wanted))
	w.ok(err)
	same(t, "the entry is repaired", string(entry), *second.Snapshot+"/f")
}

func TestRootOfPHLBWithoutCatalogue(t *testing.T) {
	w := newWorld(t)
	w.tree(3, 5)
	first := w.backup()
	w.ok(os.RemoveAll(filepath.Join(w.root, ".phlb")))
	before := w.published()
	rep := w.backup()
	same(t, "linked", rep.Totals.Link.Files, int64(15))
	same(t, "inode", look(w.snap(rep)+"/d1/f1").Ino, look(w.snap(first)+"/d1/f1").Ino)
	w.immutable(before)
	w.lookupsSound(true)
}

func TestInPlanTargets(t *testing.T) {
	tests := map[string]struct {
		alter     func(w *world, p string)
		fallbacks int64
	}{
		"as planned":     {func(*world, string) {}, 0},
		"target gone":    {func(w *world, p string) { w.ok(os.Remove(p)) }, 2},
		"target drifted": {func(w *world, p string) { w.ok(os.WriteFile(p, []byte(big("else", 2000)), 0o644)) }, 2},
		"target touched": {func(w *world, p string) { w.ok(os.Chtimes(p, old, old.Add(7))) }, 0},
		"target's mode":  {func(w *world, p string) { w.ok(os.Chmod(p, 0o600)) }, 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.write("a", big("same", 2000))
			w.write("b", big("same", 2000))
			w.write("z/c", big("same", 2000))
			f := w.plan()
			test.alter(w, p)
			rep := w.apply(f)
			same(t, "fallbacks", rep.LinkFallbacks, test.fallbacks)
			same(t, "diff", snapshotDiff(w.src, w.snap(rep), false), "")
			w.sums(w.snap(rep))
			w.lookupsSound(true)
		})
	}
}

func TestSmallFilesLinked(t *testing.T) {
	w := newWorld(t)
	w.settings = "  small_files: link\n"
	w.write("s", "small")
	first := w.backup()
	second := w.backup()
	same(t, "inode", look(w.snap(second)+"/s").Ino, look(w.snap(first)+"/s").Ino)
	w.lookupsSound(true)
	same(t, "lookup", look(filepath.Join(w.root, ".phlb/hash-lookup")).Kind != "dir", true)
}

func TestLookupOfAPathTooLong(t *testing.T) {
	w := newWorld(t)
	name := strings.Repeat("n", 250)
	w.write(name+"/f", big("f", 2000))
	deep(w, name, 300) // 75,000 bytes: only a chain of descriptors gets there
	rep := w.apply(w.plan())
	same(t, "failed", len(rep.Failed), 0)
	same(t, "copied", rep.Totals.Copy.Files, int64(2))
	same(t, "status", rep.Status, execute.StatusComplete)
	w.settled()
}

// deep makes a chain of directories with a file at its end.
func deep(w *world, name string, depth int) {
	w.t.Helper()
	fd, err := unix.Open(w.src, unix.O_DIRECTORY, 0)
	w.ok(err)
	for range depth {
		if err := unix.Mkdirat(fd, name, 0o755); err != nil && err != unix.EEXIST {
			w.t.Fatal(err)
		}
		next, err := unix.Openat(fd, name, unix.O_DIRECTORY, 0)
		w.ok(err)
		unix.Close(fd)
		fd = next
	}
	f, err := unix.Openat(fd, "end", unix.O_CREAT|unix.O_WRONLY, 0o644)
	w.ok(err)
	_, err = unix.Write(f, []byte(big("end", 3000)))
	w.ok(err)
	unix.Close(f)
	unix.Close(fd)
	w.t.Cleanup(func() { // rm works with descriptors, os.RemoveAll does, too
		_ = os.RemoveAll(w.src)
		_ = os.RemoveAll(w.root)
	})
}
