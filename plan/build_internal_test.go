package plan

import (
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/meta"
	"phlb/manifest"
)

func TestMounts(t *testing.T) {
	mounts := parseMounts(`22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:21 / /proc rw - proc proc rw
30 22 8:2 /data/home /home rw - ext4 /dev/sda2 rw
31 22 8:2 / /mnt/a\040b\134c rw - ext4 /dev/sda2 rw
32 22 8:2 /other /mnt/over rw - ext4 /dev/sda2 rw
33 22 8:1 / /mnt/over rw - ext4 /dev/sda1 rw
short line
`)
	for _, tc := range []struct{ real, device, dir string }{
		{"/", "8:1", "/"},
		{"/homes", "8:1", "/homes"},
		{"/home/me", "8:2", "/data/home/me"},
		{`/mnt/a b\c`, "8:2", "/"},
		{`/mnt/a b\c/data/home/x`, "8:2", "/data/home/x"},
		{"/mnt/over/x", "8:1", "/x"},
	} {
		device, dir, ok := locate(mounts, tc.real)
		if device != tc.device || dir != tc.dir || !ok {
			t.Errorf("%s is %s on %s, want %s on %s", tc.real, dir, device, tc.dir, tc.device)
		}
	}
	for _, tc := range []struct {
		inner, outer string
		want         bool
	}{
		{"/home/me", `/mnt/a b\c/data`, true},
		{`/mnt/a b\c/data/home`, "/home", true},
		{`/mnt/a b\c/data`, "/home", false},
		{"/home/me", "/home/m", false},
		{"/home", "/", false}, // another file system
		{"/mnt/over/srv", "/srv", true},
	} {
		if got := shows(mounts, tc.inner, tc.outer); got != tc.want {
			t.Errorf("%s shows %s: %v", tc.inner, tc.outer, got)
		}
	}
	if shows(nil, "/a", "/a") {
		t.Error("without mounts there is nothing to tell")
	}
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{"": "", "a": "a", `\040`: " ", `a\134b\012`: "a\\b\n", `\`: `\`, `\9`: `\9`, `\999`: `\999`, `x\0`: `x\0`} {
		if got := unescape(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestExisting(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, filepath.Join(dir, "ln")); err != nil {
		t.Skip("needs symbolic links")
	}
	for path, want := range map[string]string{dir: ".", dir + "/a/b": "a/b", dir + "/ln": ".", dir + "/ln/x": "x"} {
		real, rest, err := existing(filepath.FromSlash(path))
		if err != nil || real != dir || filepath.ToSlash(rest) != want {
			t.Errorf("%s: %s and %s, %v", path, real, rest, err)
		}
	}
}

func drawAttrs(t *rapid.T, label string) *Attrs {
	a := &Attrs{
		Mode: rapid.SampledFrom([]uint32{0o644, 0o600}).Draw(t, label+" mode"),
		UID:  rapid.Uint32Range(0, 2).Draw(t, label+" uid"), GID: rapid.Uint32Range(0, 2).Draw(t, label+" gid"),
		Mtime: meta.Time{Sec: rapid.Int64Range(0, 1).Draw(t, label+" mtime")},
	}
	if value := rapid.StringN(0, 1, 1).Draw(t, label+" xattr"); value != "" {
		a.Xattrs = meta.Xattrs{"user.a": []byte(value)}
	}
	return a
}

// TestTogether: what is planned to be one inode passes the rule when it is
// stored, whoever the user is and whatever group his file gets.
func TestTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := LinkRule{
			Match: rapid.SampledFrom([]manifest.LinkMatch{manifest.MatchContent, manifest.MatchPermissions, manifest.MatchMetadata}).Draw(t, "match"),
			UID:   rapid.Uint32Range(0, 2).Draw(t, "uid"), GID: rapid.Uint32Range(0, 2).Draw(t, "gid"),
		}
		first, want := drawAttrs(t, "first"), drawAttrs(t, "want")
		keys := newAttrKeys(maphash.MakeSeed(), &r)
		if !r.together(want, first) {
			return
		}
		stored := *first
		if r.UID != 0 {
			stored.UID = r.UID
			stored.GID = rapid.SampledFrom([]uint32{first.GID, r.GID}).Draw(t, "stored gid")
		}
		if what := r.Differs(want, &stored); what != "" {
			t.Fatalf("%+v: %+v and %+v, stored as %+v: %s", r, want, first, stored, what)
		}
		if keys.attrs(want) != keys.attrs(first) {
			t.Fatalf("%+v: %+v and %+v have different keys", r, want, first)
		}
	})
}

// TestCandidatesOfAnotherGroup: an ordinary user's files have the same key
// whatever their owner, but not every group can be shared.
func TestCandidatesOfAnotherGroup(t *testing.T) {
	c := newCandidates([]manifest.Source{{Settings: manifest.Settings{LinkMatch: manifest.MatchPermissions}}})
	s := &sourceBuild{build: &build{planned: c}, rule: LinkRule{Match: manifest.MatchPermissions, UID: 1000, GID: 100}}
	s.keys = newAttrKeys(maphash.MakeSeed(), &s.rule)
	at := func(uid, gid uint32) *item {
		return &item{Entry: Entry{Path: "d/f", UID: uid, GID: gid, SHA256: digest.Sum{1}}}
	}
	first := c.newMember(s, at(1, 7))
	c.keep(first, digest.Sum{1})
	if first.path() != "d/f" {
		t.Errorf("path %q", first.path())
	}
	if m := c.find(s, at(2, 8)); m != nil {
		t.Error("another group was taken for the same")
	}
	if m := c.find(s, at(2, 7)); m != first {
		t.Error("an ordinary user's files are his own, whoever owns the source")
	}
}

func TestIndex(t *testing.T) {
	rule := LinkRule{Match: manifest.MatchPermissions}
	x := newIndex(newAttrKeys(maphash.MakeSeed(), &rule))
	record := func(path string, sum byte, mode uint32) *catalog.Record {
		return &catalog.Record{Path: path, Kind: meta.File, Size: 5000, SHA256: digest.Sum{sum}, Mode: 0o777, Stored: &catalog.Stored{Mode: mode}}
	}
	small := record("small", 1, 0o644)
	small.Size = 999
	x.add(small, "small")
	x.add(&catalog.Record{Path: "d", Kind: meta.Dir}, "d")
	for i := range 3 * maxTries {
		x.add(record("", 1, 0o644), fmt.Sprintf("many/%02d", i))
	}
	x.add(record("", 1, 0o600), "private")
	x.add(record("", 2, 0o644), "other")
	x.order()
	fitting := func(sum byte, mode uint32) (paths []string) {
		x.fitting(&digest.Sum{sum}, &Attrs{Mode: mode}, func(path string) bool {
			paths = append(paths, path)
			return true
		})
		return paths
	}
	if got := fitting(1, 0o600); !slices.Equal(got, []string{"private"}) {
		t.Errorf("%q", got)
	}
	if got := fitting(1, 0o644); len(got) != maxTries || got[0] != "many/00" || !slices.IsSorted(got) {
		t.Errorf("%q", got)
	}
	if got := fitting(2, 0o644); !slices.Equal(got, []string{"other"}) {
		t.Errorf("%q", got)
	}
	if got := fitting(3, 0o644); got != nil {
		t.Errorf("%q", got)
	}
	if got := x.takeAll(2); !slices.Equal(got, []string{"other"}) {
		t.Errorf("%q", got)
	}
	if got := x.takeAll(1); len(got) != 3*maxTries+1 || len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) {
		t.Errorf("%q", got)
	}
	if got := slices.Concat(x.takeAll(1), x.takeAll(3)); got != nil {
		t.Errorf("%q", got)
	}
}

// TestIndexOfSource: a file is known by its inode only as it was recorded.
func TestIndexOfSource(t *testing.T) {
	rule := LinkRule{Match: manifest.MatchPermissions}
	x := newIndex(newAttrKeys(maphash.MakeSeed(), &rule))
	at := func(sec int64) meta.Time { return meta.Time{Sec: sec, Nsec: 5} }
	for n := range byte(40) {
		x.addSource(&catalog.Record{
			Path: fmt.Sprint("d/", n%20), Kind: meta.File, Size: 5000, SHA256: digest.Sum{n + 1},
			Ino: uint64(n % 20), Mtime: at(7), Ctime: at(int64(n)), Racy: n == 33,
		})
	}
	x.addSource(&catalog.Record{
		Path: "d/s", Kind: meta.File, Size: 5000, SHA256: digest.Sum{50}, Ino: 50, Mtime: meta.Time{Sec: 9}, Ctime: meta.Time{Sec: 9},
	})
	x.order()
	info := func(ino uint64, ctime int64, alter func(*meta.Info)) meta.Info {
		i := meta.Info{Ino: ino, Size: 5000, Mtime: at(7), Ctime: at(ctime)}
		if alter != nil {
			alter(&i)
		}
		return i
	}
	for _, tc := range []struct {
		what, path string
		info       meta.Info
		want       byte
	}{
		{"of two with an inode", "e/f/3", info(3, 3, nil), 4},
		{"the other one", "3", info(3, 23, nil), 24},
		{"the last one", "e/19", info(19, 39, func(i *meta.Info) { i.Mode = 1 }), 40},
		{"another inode", "e/3", info(4, 3, nil), 0},
		{"another name", "e/4", info(3, 3, nil), 0},
		{"another size", "e/3", info(3, 3, func(i *meta.Info) { i.Size++ }), 0},
		{"another ctime", "e/3", info(3, 3, func(i *meta.Info) { i.Ctime.Nsec++ }), 0},
		{"another mtime", "e/3", info(3, 3, func(i *meta.Info) { i.Mtime.Nsec++ }), 0},
		{"racy", "e/13", info(13, 33, nil), 0},
		{"inode unknown", "e/0", info(0, 20, nil), 0},
		{"behind all", "e/19", info(99, 19, nil), 0},
		{"whole seconds", "e/s", meta.Info{Ino: 50, Size: 5000, Mtime: meta.Time{Sec: 9}, Ctime: meta.Time{Sec: 9}}, 0},
	} {
		if got, ok := x.unmoved(tc.path, &tc.info); got != (digest.Sum{tc.want}) || ok != (tc.want > 0) {
			t.Errorf("%s: %v, %v", tc.what, got, ok)
		}
	}
}

// TestIndexed: paths and hashes come back as they were added, over the bounds
// of blocks.
func TestIndexed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.Map(rapid.SampledFrom([]int{1, 2, 3, 40, 40_000}), func(n int) string { return strings.Repeat("x", n) })
		var x indexed
		var paths []string
		var places []uint32
		for n := range rapid.IntRange(1, 40).Draw(t, "files") {
			path := strings.Join(rapid.SliceOfN(name, 1, 4).Draw(t, "names"), "/")
			at, ok := x.add(path, &digest.Sum{byte(n)})
			if !ok {
				t.Fatal("it is full")
			}
			paths, places = append(paths, path), append(places, at)
		}
		for n, at := range places {
			if got, sum := x.path(at), x.sum(at); got != paths[n] || sum != (digest.Sum{byte(n)}) {
				t.Fatalf("%d: %d bytes, want %d; %x", n, len(got), len(paths[n]), sum)
			}
		}
	})
}

// TestIndexedFull: no more is taken than can be found.
func TestIndexedFull(t *testing.T) {
	x := indexed{blocks: make([][]byte, 1<<(32-blockBits))}
	last := &x.blocks[len(x.blocks)-1]
	*last = make([]byte, 1<<blockBits-100)
	at, ok := x.add("d/f", &digest.Sum{1})
	if !ok || x.path(at) != "d/f" {
		t.Error("there was room")
	}
	*last = make([]byte, 1<<blockBits-20)
	if _, ok := x.add("d/f", &digest.Sum{1}); ok {
		t.Error("no room for a file, and yet it was added")
	}
	if _, ok := x.add("other/f", &digest.Sum{1}); ok {
		t.Error("no room for a directory, and yet it was added")
	}
}

// takeAll takes whatever is left of a content.
func (x *index) takeAll(sum byte) (paths []string) {
	for {
		path, ok := x.take(&digest.Sum{sum})
		if !ok {
			return paths
		}
		paths = append(paths, path)
	}
}

// TestIndexOfEqualFiles: to take one of many equal files takes no longer than
// to take one of few. With a search past those that were taken it would be
// five thousand million steps.
func TestIndexOfEqualFiles(t *testing.T) {
	const n = 100_000
	rule := LinkRule{Match: manifest.MatchPermissions}
	x := newIndex(newAttrKeys(maphash.MakeSeed(), &rule))
	rec := &catalog.Record{Kind: meta.File, Size: 5000, SHA256: digest.Sum{1}}
	for i := range n {
		x.add(rec, fmt.Sprintf("%06d", i))
	}
	x.order()
	start := time.Now()
	if got := x.takeAll(1); len(got) != n || !slices.IsSorted(got) {
		t.Errorf("%d are found", len(got))
	}
	if took := time.Since(start); took > 2*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestQueue(t *testing.T) {
	var q queue
	next := 0
	for i := range 3 * window {
		if q.full() {
			if got := q.pop(); got.Size != int64(next) {
				t.Fatalf("%d came out, want %d", got.Size, next)
			}
			next++
		}
		q.push(&item{Entry: Entry{Size: int64(i)}})
	}
	if q.n != window {
		t.Errorf("%d are left", q.n)
	}
}
