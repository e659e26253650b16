package execute_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/execute"
	"phlb/internal/fsys"
)

// fullInode refuses the first link of each name, as an inode does that has as
// many as it can have. One worker makes the order of files certain.
func fullInode(o *execute.Options) {
	asked := map[string]bool{}
	o.Workers = 1
	o.Faults = func(op fsys.Op, name string) error {
		if op != fsys.OpLink || asked[name] {
			return nil
		}
		asked[name] = true
		return unix.EMLINK
	}
}

func (w *world) inode(rep *execute.Report, name string) uint64 {
	w.t.Helper()
	return look(filepath.Join(w.snap(rep), name)).Ino
}

// TestSpareOfEachOwner: root's inode is everybody's, but a copy that stands in
// for it belongs to the first file's owner, who could alter it where others can
// reach the snapshots. Another owner's files need a copy of their own.
func TestSpareOfEachOwner(t *testing.T) {
	needRoot(t)
	w := newWorld(t)
	w.settings = "  link_match: content\n"
	w.write("0", big("a", 5000))
	w.backup()
	for _, dir := range []string{"", "home"} {
		w.ok(os.Chmod(filepath.Join(w.root, dir), 0o755))
	}
	for i := range 8 {
		w.ok(os.Chown(w.write(fmt.Sprintf("f%d", i), big("a", 5000)), 1000+i%2, 0))
	}
	w.ok(os.Remove(filepath.Join(w.src, "0"))) // of which a copy would be root's
	rep := w.apply(w.plan(), fullInode)
	same(t, "fallbacks", paths(rep.FallbackPaths), []string{"f0", "f1"})
	for i := range 8 {
		same(t, fmt.Sprint("inode of file ", i), w.inode(rep, fmt.Sprint("f", i)), w.inode(rep, fmt.Sprint("f", i%2)))
	}
	w.whole(rep)
	w.cataloguedAsStored(rep)
}

// TestSpareIsCataloguedAsItIs: what is equal in content alone may have other
// attributes than the full inode.
func TestSpareIsCataloguedAsItIs(t *testing.T) {
	w := newWorld(t)
	w.settings = "  link_match: content\n"
	w.write("0", big("a", 5000))
	w.backup()
	if err := unix.Setxattr(w.write("a", big("a", 5000)), "user.phlb", []byte("x"), 0); err != nil {
		t.Skip("no attributes here:", err)
	}
	w.write("b", big("a", 5000))
	w.ok(os.Remove(filepath.Join(w.src, "0")))
	rep := w.apply(w.plan(), fullInode)
	same(t, "fallbacks", paths(rep.FallbackPaths), []string{"a"})
	same(t, "inode of b", w.inode(rep, "b"), w.inode(rep, "a"))
	w.cataloguedAsStored(rep)
}

// TestSpareOfOtherContent: a file of which the plan knows no hash, as of hard
// links in the source, can have changed without showing it. Its copy is no
// other file's.
func TestSpareOfOtherContent(t *testing.T) {
	w := newWorld(t)
	w.settings = "  change_detection: mtime\n"
	first := w.write("f0", big("a", 5000))
	for _, name := range []string{"f1", "f2", "f3"} {
		w.ok(os.Link(first, filepath.Join(w.src, name)))
	}
	f := w.plan()
	w.ok(os.Remove(filepath.Join(w.src, "f1")))
	w.write("f1", big("b", 5000))
	rep := w.apply(f, fullInode)
	same(t, "fallbacks", paths(rep.FallbackPaths), []string{"f1", "f2"})
	same(t, "inode of f3", w.inode(rep, "f3"), w.inode(rep, "f2"))
	same(t, "diff", snapshotDiff(w.src, w.snap(rep), false), "")
	w.cataloguedAsStored(rep)
}
