package repair_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/internal/fsys"
	"phlb/internal/repair"
	"phlb/internal/treetest"
	"phlb/verify"
)

// twoSnapshots has a file with five names in two snapshots, one of the names
// elsewhere, and metadata of all sorts.
func twoSnapshots(t testing.TB) (w *world, first, second string) {
	w = newWorld(t)
	p := w.write("d/a", big("a", 5000))
	w.ok(os.Link(p, filepath.Join(w.src, "d/b")))
	w.ok(unix.Setxattr(p, "user.x", []byte("y"), 0))
	w.ok(os.Chmod(p, 0o640))
	w.write("other/b", big("b", 3000))
	w.write("small", "small")
	w.ok(os.Chtimes(filepath.Join(w.src, "d"), old, old))
	first = w.backup()
	w.write("other/late", big("late", 2000))
	return w, first, w.backup()
}

func changed(paths ...string) map[string]bool {
	m := map[string]bool{}
	for _, p := range paths {
		m[p] = true
	}
	return m
}

func TestEveryNameMovesToOneNewInode(t *testing.T) {
	w, first, second := twoSnapshots(t)
	before := w.list()
	w.flip(w.at(first, "d/a"))
	r := w.repair(from(w, w.src))
	all := []string{first + "/d/a", first + "/d/b", second + "/d/a", second + "/d/b"}
	same(t, "repaired", paths(r), all)
	same(t, "new inodes", len(r.Repaired), 1)
	same(t, "old inode", r.Repaired[0].OldInode, before[all[0]].Ino)
	w.asBefore(before, changed(all...))
	w.clean()
	w.settled()
	// The next run is not confused: it links to the new inode.
	third := w.backup()
	same(t, "inode", w.look(w.at(third, "d/a")).Ino, r.Repaired[0].NewInode)
	w.clean()
}

// TestGoodCopies finds them wherever they are.
func TestGoodCopies(t *testing.T) {
	content := big("a", 5000)
	for name, tt := range map[string]struct {
		prepare func(w *world, snap string) []string
		found   bool
	}{
		"nowhere": {func(w *world, _ string) []string {
			w.ok(os.Remove(filepath.Join(w.src, "d/a")))
			return []string{w.src}
		}, false},
		"elsewhere in the source": {func(w *world, _ string) []string {
			w.ok(os.Rename(filepath.Join(w.src, "d/a"), filepath.Join(w.src, "renamed")))
			w.write("d/a", big("not it", 5000))
			return []string{w.src}
		}, true},
		"through a symbolic link only": {func(w *world, _ string) []string {
			w.ok(os.Rename(filepath.Join(w.src, "d"), filepath.Join(w.dir, "outside")))
			w.ok(os.Symlink(filepath.Join(w.dir, "outside"), filepath.Join(w.src, "d")))
			return []string{w.src}
		}, false},
		"in another root": {func(w *world, snap string) []string {
			w.ok(os.MkdirAll(filepath.Join(w.dir, "copy", snap, "d"), 0o755))
			w.ok(os.Rename(filepath.Join(w.src, "d/a"), filepath.Join(w.dir, "copy", snap, "d/a")))
			return []string{filepath.Join(w.dir, "copy")}
		}, true},
		"in the root, by its lookup": {func(w *world, snap string) []string {
			w.ok(os.WriteFile(w.at(snap, "twin"), []byte(content), 0o600))
			sum := fmt.Sprintf("%x", sha256.Sum256([]byte(content)))
			w.ok(os.WriteFile(w.at(".phlb/hash-lookup", sum[:2], sum[2:4], sum), []byte(snap+"/twin"), 0o600))
			return nil
		}, true},
		"in the root, by SHA256SUMS": {func(w *world, snap string) []string {
			w.ok(os.RemoveAll(w.at(".phlb")))
			w.ok(os.MkdirAll(w.at("again/2020-01-01-000000"), 0o700))
			w.ok(os.WriteFile(w.at("again/2020-01-01-000000/x"), []byte(content), 0o600))
			line := fmt.Sprintf("%x  x\n", sha256.Sum256([]byte(content)))
			w.ok(os.WriteFile(w.at("again/2020-01-01-000000/SHA256SUMS"), []byte(line), 0o600))
			return nil
		}, true},
		"a lying SHA256SUMS": {func(w *world, snap string) []string {
			w.ok(os.MkdirAll(w.at("again/2020-01-01-000000"), 0o700))
			w.ok(os.WriteFile(w.at("again/2020-01-01-000000/x"), []byte(big("lie", 5000)), 0o600))
			line := fmt.Sprintf("%x  x\n", sha256.Sum256([]byte(content)))
			w.ok(os.WriteFile(w.at("again/2020-01-01-000000/SHA256SUMS"), []byte(line), 0o600))
			return nil
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("d/a", content)
			snap := w.backup()
			place := w.at(snap, "d/a")
			before := w.look(place)
			w.flip(place)
			damaged := w.look(place)
			dirs := tt.prepare(w, snap)
			dry := w.repair(from(w, dirs...), dryRun)
			same(t, "after a dry run", w.look(place), damaged)
			r := w.repair(from(w, dirs...))
			same(t, "what the dry run foretold", paths(dry), paths(r))
			if !tt.found {
				same(t, "after no repair", w.look(place), damaged)
				same(t, "repaired", paths(r), []string{})
				if !r.IsDamaged() || !strings.Contains(r.Remaining[0].Detail, "no good copy") && len(r.Remaining) == 1 {
					t.Errorf("remaining: %+v", r.Remaining)
				}
				return
			}
			same(t, "repaired", paths(r), []string{snap + "/d/a"})
			after := w.look(place)
			before.Ino, after.Ino = 0, 0
			same(t, "the file", after, before)
		})
	}
}

// TestWhatIsNotProvenIsNotTouched alters records in all ways that leave it
// open what is right.
func TestWhatIsNotProvenIsNotTouched(t *testing.T) {
	hash := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	good, other := big("a", 5000), big("b", 3000)
	for name, alter := range map[string]func(w *world, snap string){
		"the line, not the content": func(w *world, snap string) {
			w.replace(w.at(snap, "d/SHA256SUMS"), hash(good), hash(other))
		},
		"line and content": func(w *world, snap string) {
			w.replace(w.at(snap, "d/SHA256SUMS"), hash(good), hash(other))
			w.flip(w.at(snap, "d/a"))
		},
		"a second line": func(w *world, snap string) {
			w.replace(w.at(snap, "d/SHA256SUMS"), hash(good)+"  a\n", hash(good)+"  a\n"+hash(other)+"  a\n")
			w.flip(w.at(snap, "d/a"))
		},
		"no line, and damaged": func(w *world, snap string) {
			w.replace(w.at(snap, "d/SHA256SUMS"), hash(good)+"  a\n", "")
			w.flip(w.at(snap, "d/a"))
		},
		"no SHA256SUMS": func(w *world, snap string) {
			w.ok(os.Remove(w.at(snap, "d/SHA256SUMS")))
			w.flip(w.at(snap, "d/a"))
		},
		"SHA256SUMS that others can write, and no catalogue": func(w *world, snap string) {
			w.ok(os.Remove(w.at(".phlb/catalog", snap+".jsonl.zst")))
			w.ok(os.Chmod(w.at(snap, "d/SHA256SUMS"), 0o666))
			w.ok(os.Chmod(w.root, 0o755))
			w.flip(w.at(snap, "d/a"))
		},
		"another kind of thing": func(w *world, snap string) {
			w.ok(os.Remove(w.at(snap, "d/a")))
			w.ok(os.Symlink("c", w.at(snap, "d/a")))
		},
		"a file too many": func(w *world, snap string) {
			w.ok(os.WriteFile(w.at(snap, "d/extra"), []byte(good), 0o600))
		},
		"missing, and without a line": func(w *world, snap string) {
			w.ok(os.RemoveAll(w.at(snap, "d")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("d/a", good)
			w.write("d/c", big("c", 4000))
			w.write("b", other)
			snap := w.backup()
			alter(w, snap)
			before := w.list()
			r := w.repair(from(w, w.src))
			same(t, "repaired", paths(r), []string{})
			same(t, "all that is published", w.list(), before)
			same(t, "remaining", remaining(r), w.findings())
			if !r.IsDamaged() {
				t.Error("nothing is said")
			}
		})
	}
}

// replace replaces text in a file by a new file.
func (w *world) replace(place, before, after string) {
	w.t.Helper()
	text, err := os.ReadFile(place)
	w.ok(err)
	if !strings.Contains(string(text), before) {
		w.t.Errorf("%s holds no %q", place, before)
	}
	w.ok(os.Remove(place))
	w.ok(os.WriteFile(place, []byte(strings.ReplaceAll(string(text), before, after)), 0o644))
}

// TestPathsOfOneInodeThatDisagree: only the proven one is touched.
func TestPathsOfOneInodeThatDisagree(t *testing.T) {
	w := newWorld(t)
	good, bad := big("good", 5000), big("bad", 5000)
	w.write("a", good)
	first := w.backup()
	w.write("b", "x")
	second := w.backup()
	w.ok(os.RemoveAll(w.at(".phlb/catalog")))
	w.overwrite(w.at(first, "a"), []byte(bad))
	sum := func(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }
	w.replace(w.at(second, "SHA256SUMS"), sum(good), sum(bad))
	before := w.list()
	r := w.repair(from(w, w.src))
	same(t, "repaired", paths(r), []string{first + "/a"})
	same(t, "the other one", w.look(w.at(second, "a")).Ino, before[second+"/a"].Ino)
	w.clean()
}

// TestNamesWithoutALineGoAlong: they were linked to the inode because it had
// the content that the others prove, and a later rebuild must not bless what
// it holds now.
func TestNamesWithoutALineGoAlong(t *testing.T) {
	w := newWorld(t)
	w.write("a", big("a", 5000))
	first := w.backup()
	second := w.backup()
	w.ok(os.RemoveAll(w.at(".phlb/catalog")))
	w.ok(os.Remove(w.at(second, "SHA256SUMS")))
	before := w.list()
	w.flip(w.at(first, "a"))
	r := w.repair(from(w, w.src))
	same(t, "repaired", paths(r), []string{first + "/a", second + "/a"})
	same(t, "remaining", remaining(r), []string{"unlisted " + second + "/a"})
	w.asBefore(before, changed(first+"/a", second+"/a"))
}

// TestCatalogueTellsTheMetadata: who wrote into the file changed its time,
// too, and its mode.
func TestCatalogueTellsTheMetadata(t *testing.T) {
	w, first, second := twoSnapshots(t)
	before := w.list()
	place := w.at(first, "d/a")
	w.ok(os.WriteFile(place, []byte("short"), 0))
	w.ok(os.Chmod(place, 0o666))
	w.ok(unix.Setxattr(place, "user.x", []byte("z"), 0))
	same(t, "repaired", len(paths(w.repair(from(w, w.src)))), 4)
	w.asBefore(before, changed(first+"/d/a", first+"/d/b", second+"/d/a", second+"/d/b"))
}

func TestMissingFilesComeBack(t *testing.T) {
	w, first, second := twoSnapshots(t)
	before := w.list()
	// One name of several: it is linked again. The only ones: they are copied,
	// as one inode.
	gone := []string{first + "/d/b", first + "/other/b", second + "/other/b", second + "/small"}
	for _, p := range gone {
		w.ok(os.Remove(w.at(p)))
		w.touch(filepath.Dir(w.at(p)), before[filepath.Dir(p)])
	}
	r := w.repair(from(w, w.src))
	same(t, "repaired", paths(r), gone)
	w.asBefore(before, changed(gone[1:]...))
	w.clean()
	w.settled()
}

// touch gives a directory its time back.
func (w *world) touch(dir string, o object) {
	w.t.Helper()
	ts := unix.NsecToTimespec(o.Mtime)
	w.ok(unix.UtimesNanoAt(unix.AT_FDCWD, dir, []unix.Timespec{ts, ts}, 0))
}

// TestDamagedAndMissing are names of one inode, and become that again.
func TestDamagedAndMissing(t *testing.T) {
	w, first, second := twoSnapshots(t)
	before := w.list()
	w.flip(w.at(first, "d/a"))
	w.ok(os.Remove(w.at(second, "d/b")))
	w.touch(w.at(second, "d"), before[second+"/d"])
	r := w.repair(from(w, w.src))
	all := []string{first + "/d/a", first + "/d/b", second + "/d/a", second + "/d/b"}
	same(t, "repaired", paths(r), all)
	w.asBefore(before, changed(all...))
	w.clean()
}

// TestFullInode: an inode that takes no more names gets a twin.
func TestFullInode(t *testing.T) {
	w, first, second := twoSnapshots(t)
	w.flip(w.at(first, "d/a"))
	links := 0
	r, err := w.try(func(op fsys.Op, name string) error {
		if op == fsys.OpLink {
			links++
			if links == 2 {
				return unix.EMLINK
			}
		}
		return nil
	}, from(w, w.src))
	w.ok(err)
	same(t, "inodes", len(r.Repaired), 2)
	same(t, "repaired", paths(r), []string{first + "/d/a", first + "/d/b", second + "/d/a", second + "/d/b"})
	same(t, "same inode", w.look(w.at(first, "d/a")).Ino, w.look(w.at(first, "d/b")).Ino)
	w.clean()
	w.settled()
}

// TestPHLB repairs a root that PHLB made: SHA256SUMS alone proves.
func TestPHLB(t *testing.T) {
	p := treetest.UnpackPHLB(t)
	w := worldIn(t, t.TempDir())
	w.root = p.Root
	w.ok(os.Chmod(w.root, 0o700))
	before := w.list()
	var victim string
	for path, o := range before {
		if strings.HasPrefix(path, treetest.PHLBSecond) && o.Nlink > 1 && o.Mode&unix.S_IFMT == unix.S_IFREG && filepath.Base(path) != "SHA256SUMS" && o.Size > 1000 {
			victim = max(victim, path)
		}
	}
	if victim == "" {
		t.Fatal("no file to damage")
	}
	w.flip(w.at(victim))
	moved := map[string]bool{}
	for path, o := range before {
		if o.Ino == before[victim].Ino {
			moved[path] = true
		}
	}
	same(t, "repaired without a source", paths(w.repair()), []string{})
	r := w.repair(from(w, filepath.Join(p.Sources, "photos-2"), filepath.Join(p.Sources, "photos-1")))
	same(t, "repaired", len(paths(r)), len(moved))
	w.asBefore(before, moved)
	w.clean()
}

// TestHolesAndOwners: the new inode is as sparse as the good copy, and belongs
// to whom the old one did.
func TestHolesAndOwners(t *testing.T) {
	w := newWorld(t)
	p := w.write("sparse", "")
	f, err := os.OpenFile(p, os.O_WRONLY, 0)
	w.ok(err)
	_, err = f.WriteAt([]byte(big("end", 5000)), 8<<20)
	w.ok(err)
	w.ok(f.Truncate(9 << 20))
	w.ok(f.Close())
	if os.Geteuid() == 0 {
		w.ok(os.Chown(p, 1234, 4321))
	}
	w.ok(unix.Chmod(p, 0o4755))
	w.ok(os.Chtimes(p, old, old))
	snap := w.backup()
	before := w.list()
	f, err = os.OpenFile(w.at(snap, "sparse"), os.O_WRONLY, 0)
	w.ok(err)
	_, err = f.WriteAt([]byte("x"), 8<<20)
	w.ok(err)
	w.ok(f.Close())
	r := w.repair(from(w, w.src))
	same(t, "repaired", paths(r), []string{snap + "/sparse"})
	w.asBefore(before, changed(snap+"/sparse"))
	var st unix.Stat_t
	w.ok(unix.Stat(w.at(snap, "sparse"), &st))
	if st.Blocks*512 > 1<<20 {
		t.Errorf("%d bytes are allocated", st.Blocks*512)
	}
}

// TestRecord: what was repaired is on record, in the order of time.
func TestRecord(t *testing.T) {
	w, first, _ := twoSnapshots(t)
	w.flip(w.at(first, "d/a"))
	r := w.repair(from(w, w.src))
	text, err := os.ReadFile(w.at(r.Record))
	w.ok(err)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) != 3 {
		t.Fatalf("got\n%s", text)
	}
	var head struct {
		Started time.Time     `json:"started"`
		Sources []verify.Path `json:"sources"`
	}
	var repaired repair.Repair
	var end struct {
		End       bool      `json:"end"`
		Repaired  int64     `json:"repaired"`
		Remaining int64     `json:"remaining"`
		Finished  time.Time `json:"finished"`
	}
	for i, v := range []any{&head, &repaired, &end} {
		w.ok(json.Unmarshal([]byte(lines[i]), v))
	}
	same(t, "sources", head.Sources, []verify.Path{verify.Path(w.src)})
	same(t, "repair", repaired, r.Repaired[0])
	same(t, "end", end.End && end.Remaining == 0, true)
	same(t, "paths", end.Repaired, r.Paths())
	if head.Started.After(repaired.Time) || repaired.Time.After(end.Finished) {
		t.Errorf("started %v, repaired %v, finished %v", head.Started, repaired.Time, end.Finished)
	}
}
