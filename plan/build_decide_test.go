//go:build unix

package plan_test

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/internal/digest"
	"phlb/internal/snapshot"
	"phlb/manifest"
	"phlb/plan"
)

const tib = 1 << 40

// TestNewSize: content of a size that occurs nowhere is not read.
func TestNewSize(t *testing.T) {
	w := newWorld(t)
	w.sparse("huge", tib, "head")
	w.file("large", noise(1, 1<<20))
	w.file("dir/small", "x")
	before := readBytes(t)
	p := w.plan()
	if n := readBytes(t) - before; n > 1<<19 {
		t.Errorf("planning read %d bytes", n)
	}
	p.want(t, ".", "mkdir new")
	p.want(t, "huge", "copy new new size")
	p.want(t, "large", "copy new new size")
	p.want(t, "dir/small", "copy new small file")
	p.wantUnread(t, "huge", "large", "dir/small")
	if !p.Applyable || p.Snapshot() != "home/"+w.now.UTC().Format(snapshot.TimeLayout) {
		t.Errorf("applyable %v, snapshot %s", p.Applyable, p.Snapshot())
	}
}

// TestSamplesTell: head and tail are enough to tell files of one size apart.
func TestSamplesTell(t *testing.T) {
	w := newWorld(t)
	w.sparse("a", tib, "a")
	w.sparse("b", tib, "b")
	w.sparse("c", tib, "c")
	before := readBytes(t)
	p := w.plan()
	if n := readBytes(t) - before; n > 4<<20 {
		t.Errorf("planning read %d bytes", n)
	}
	p.want(t, "a", "copy new new size")
	p.want(t, "b", "copy new new content")
	p.want(t, "c", "copy new new content")
	p.wantUnread(t, "a", "b", "c")
}

// TestSamplesDeceive: same head and tail, other middle.
func TestSamplesDeceive(t *testing.T) {
	w := newWorld(t)
	head, tail := noise(1, digest.SampleSpan), noise(2, digest.SampleSpan)
	w.file("a", head+noise(3, 5000)+tail)
	w.file("b", head+noise(4, 5000)+tail)
	w.file("c", head+noise(3, 5000)+tail)
	p := w.plan()
	p.want(t, "a", "copy new new size")
	p.want(t, "b", "copy new new content")
	p.want(t, "c", "link new same content as an earlier file of this plan")
	p.wantTarget(t, "c", p.Snapshot()+"/a")
	w.apply(p)
}

func (p *planned) Snapshot() string { return p.Sources[0].Snapshot }

func TestSameContentInPlan(t *testing.T) {
	w := newWorld(t)
	x, y := noise(1, 3000), noise(2, 3000)
	w.file("a", x)
	w.file("d/b", y)
	w.file("d/c", x)
	w.file("e", y)
	w.file("f", x)
	w.mtime("f", 1_600_000_000)
	p := w.plan()
	for path, target := range map[string]string{"d/c": "a", "e": "d/b", "f": "a"} {
		p.want(t, path, "link new same content as an earlier file of this plan")
		p.wantTarget(t, path, p.Snapshot()+"/"+target)
	}
	w.apply(p)
	w.plan().wantUnchanged(t)
}

// TestTwoSources: a later source links to what an earlier one stores, by its
// own rule.
func TestTwoSources(t *testing.T) {
	w := newWorld(t)
	w.file("a", noise(1, 3000))
	other := filepath.Join(t.TempDir(), "other")
	w.must(os.Mkdir(other, 0o755))
	second := w.m.Sources[0]
	second.Name, second.Path = "second", other
	for _, tc := range []struct {
		match manifest.LinkMatch
		mode  os.FileMode
		mtime int64
		want  string
	}{
		{manifest.MatchPermissions, 0o644, 5, "link"},
		{manifest.MatchPermissions, 0o600, 5, "copy"},
		{manifest.MatchContent, 0o600, 5, "link"},
		{manifest.MatchMetadata, 0o644, 1_700_000_000, "link"},
		{manifest.MatchMetadata, 0o644, 5, "copy"},
	} {
		second.LinkMatch = tc.match
		w.m.Sources = append(w.m.Sources[:1], second)
		b := filepath.Join(other, "b")
		w.must(os.WriteFile(b, []byte(noise(1, 3000)), 0o644), os.Chmod(b, tc.mode), os.Chtimes(b, time.Time{}, time.Unix(tc.mtime, 5)))
		p := w.plan()
		if got := string(p.by["b"].Action); got != tc.want {
			t.Errorf("%v: %s", tc, got)
		}
	}
}

func TestKnownContent(t *testing.T) {
	w := newWorld(t)
	w.file("a", noise(1, 3000))
	w.file("z", noise(2, 3000))
	first := w.backup()
	w.file("copy", noise(1, 3000))
	w.file("other", noise(3, 3000))
	p := w.plan()
	p.want(t, "copy", "link new known content")
	p.wantTarget(t, "copy", first.Snapshot()+"/a")
	p.want(t, "other", "copy new new content")
	p.want(t, "a", "link unchanged unchanged")
	p.wantTarget(t, "a", first.Snapshot()+"/a")
	w.apply(p)
	w.plan().wantUnchanged(t)
}

func TestMoved(t *testing.T) {
	w := newWorld(t)
	w.file("d/a", noise(1, 3000))
	w.file("d/small", "s")
	w.file("z", noise(2, 3000))
	w.file("twice", noise(3, 3000))
	w.backup()
	// The lookups know the first place only, the parent the second.
	w.must(os.Rename(w.at("d/a"), w.at("b")))
	w.backup().want(t, "b", "link moved known content")
	w.must(os.Rename(w.at("b"), w.at("c")), os.Rename(w.at("z"), w.at("0")), os.Rename(w.at("twice"), w.at("x")))
	w.must(os.Chmod(w.at("c"), 0o600))
	w.file("y", noise(3, 3000))
	p := w.plan()
	p.want(t, "c", "copy moved stored with another mode")
	p.want(t, "0", "link moved known content")
	p.want(t, "x", "link moved known content")
	p.want(t, "y", "link new known content") // one origin, one move
	if want := []string{"b", "twice", "z"}; !slices.Equal(p.deleted, want) {
		t.Errorf("deleted %q, want %q", p.deleted, want)
	}
	w.apply(p)
	// Of this content there are two inodes now; the lookups name the other one.
	w.must(os.Rename(w.at("c"), w.at("d/c")))
	p = w.plan()
	p.want(t, "d/c", "link moved known content")
	if !strings.HasSuffix(p.by["d/c"].Target, "/c") {
		t.Errorf("links to %s", p.by["d/c"].Target)
	}
	w.apply(p)
	w.plan().wantUnchanged(t)
}

func TestChanges(t *testing.T) {
	later := int64(1_800_000_000)
	for _, tc := range []struct {
		name   string
		match  manifest.LinkMatch
		change func(w *world, path string)
		want   string
	}{
		{"nothing", "", func(*world, string) {}, "link unchanged unchanged"},
		{"mtime", "", func(w *world, p string) { w.mtime(p, later) }, "link metadata unchanged"},
		{"mtime matters", manifest.MatchMetadata, func(w *world, p string) { w.mtime(p, later) }, "copy metadata stored with another modification time"},
		{"mode", "", func(w *world, p string) { w.must(os.Chmod(w.at(p), 0o600)) }, "copy metadata stored with another mode"},
		{"mode, by content", manifest.MatchContent, func(w *world, p string) { w.must(os.Chmod(w.at(p), 0o600)) }, "link metadata unchanged"},
		{"xattr", "", func(w *world, p string) { w.must(unix.Setxattr(w.at(p), "user.a", []byte("b"), 0)) }, "copy metadata stored with another xattrs"},
		{"xattr, by content", manifest.MatchContent, func(w *world, p string) { w.must(unix.Setxattr(w.at(p), "user.a", []byte("b"), 0)) }, "link metadata unchanged"},
		{"content", "", func(w *world, p string) { w.file(p, noise(9, 3000)) }, "copy content new content"},
		{"size", "", func(w *world, p string) { w.file(p, noise(9, 3001)) }, "copy content new size"},
		{"inode", "", func(w *world, p string) { w.must(os.Remove(w.at(p))); w.file(p, noise(1, 3000)) }, "link unchanged unchanged"},
		{"type", "", func(w *world, p string) { w.must(os.Remove(w.at(p)), os.Symlink("x", w.at(p))) }, "symlink type"},
		{"directory", "", func(w *world, p string) { w.must(os.Remove(w.at(p)), os.Mkdir(w.at(p), 0o755)) }, "mkdir type"},
		{"fifo", "", func(w *world, p string) { w.must(os.Remove(w.at(p)), unix.Mkfifo(w.at(p), 0o644)) }, "skip  fifo"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			if tc.match != "" {
				w.set().LinkMatch = tc.match
			}
			w.file("f", noise(1, 3000))
			w.file("other", noise(2, 3000))
			w.backup()
			tc.change(w, "f")
			p := w.plan()
			p.want(t, "f", tc.want)
			if len(p.deleted) > 0 {
				t.Errorf("deleted: %q", p.deleted)
			}
			w.apply(p)
			w.plan().wantUnchanged(t)
		})
	}
}

func TestOwner(t *testing.T) {
	needRoot(t)
	w := newWorld(t)
	w.file("a", noise(1, 3000))
	w.backup()
	w.must(os.Chown(w.at("a"), 1234, 0))
	w.file("b", noise(1, 3000))
	p := w.plan()
	p.want(t, "a", "copy metadata stored with another owner")
	p.want(t, "b", "link new known content")
	w.apply(p)
	w.plan().wantUnchanged(t)
}

func TestDirectoriesAndSymlinks(t *testing.T) {
	w := newWorld(t)
	w.must(os.Mkdir(w.at("d"), 0o755), os.Mkdir(w.at("e"), 0o755), os.Symlink("gone", w.at("ln")), os.Symlink("x", w.at("ln2")))
	w.backup()
	w.must(os.Chmod(w.at("d"), 0o700), os.Remove(w.at("ln")), os.Symlink("other", w.at("ln")), os.Remove(w.at("ln2")))
	p := w.plan()
	p.want(t, "d", "mkdir metadata")
	p.want(t, "e", "mkdir unchanged")
	p.want(t, "ln", "symlink content")
	if !slices.Equal(p.deleted, []string{"ln2"}) {
		t.Errorf("deleted %q", p.deleted)
	}
}

func TestSmallFiles(t *testing.T) {
	w := newWorld(t)
	w.file("999", noise(1, 999))
	w.file("1000", noise(1, 1000))
	w.file("twin", noise(1, 999))
	w.file("empty", "")
	p := w.backup()
	p.want(t, "twin", "copy new small file")
	p.want(t, "1000", "copy new new size")
	p = w.plan()
	p.want(t, "999", "copy unchanged small file")
	p.want(t, "empty", "copy unchanged small file")
	p.want(t, "1000", "link unchanged unchanged")
	w.set().SmallFiles = manifest.SmallFilesLink
	p = w.plan()
	p.want(t, "999", "link unchanged unchanged")
	p.want(t, "empty", "link unchanged unchanged")
	w.file("twin", noise(2, 999))
	w.mtime("999", 5)
	w.must(os.Chmod(w.at("empty"), 0o600))
	p = w.plan()
	p.want(t, "twin", "copy content small file")
	p.want(t, "999", "link metadata unchanged")
	p.want(t, "empty", "copy metadata stored with another mode")
	w.apply(p)
	w.plan().wantUnchanged(t)
}

func TestThreshold(t *testing.T) {
	w := newWorld(t)
	w.set().SmallFileThreshold = 4096
	w.file("a", noise(1, 4095))
	w.file("b", noise(2, 4096))
	w.backup()
	p := w.plan()
	p.want(t, "a", "copy unchanged small file")
	p.want(t, "b", "link unchanged unchanged")
	// The lookups lack what was small.
	w.set().SmallFileThreshold = 1000
	w.file("c", noise(1, 4095))
	p = w.plan()
	p.want(t, "a", "link unchanged unchanged")
	p.want(t, "c", "link new known content")
	w.apply(p)
}

// TestUnchangedUnread: size, times and inode are enough.
func TestUnchangedUnread(t *testing.T) {
	w := newWorld(t)
	w.file("a", noise(1, 8<<20))
	w.file("b", noise(2, 8<<20))
	w.backup()
	p := w.planReading(1<<20, false)
	p.wantUnchanged(t)
	if p.by["a"].SHA256.IsZero() {
		t.Error("the recorded hash is not in the plan")
	}
}

// planReading plans, and makes sure that more than size bytes are read, or are
// not.
func (w *world) planReading(size int64, want bool) *planned {
	w.tb.Helper()
	before := readBytes(w.tb)
	p := w.plan()
	if read := readBytes(w.tb)-before > size; read != want {
		w.tb.Errorf("read: %v, want %v", read, want)
	}
	return p
}

// TestReads lists what makes planning read a file again whose metadata tells
// of no change.
func TestReads(t *testing.T) {
	const size = 4 << 20
	for _, tc := range []struct {
		name string
		set  func(w *world)
		both func(w *world) // before the first backup
		read bool
	}{
		{name: "metadata"},
		{name: "mtime", set: func(w *world) { w.set().ChangeDetection = manifest.DetectMtime }},
		{name: "content", set: func(w *world) { w.set().ChangeDetection = manifest.DetectContent }, read: true},
		{name: "rehash", set: func(w *world) { w.opts.Rehash = true }, read: true},
		{name: "racy", both: func(w *world) { w.now = time.Now() }, read: true},
		{name: "racy, mtime", both: func(w *world) {
			w.now = time.Now()
			w.set().ChangeDetection = manifest.DetectMtime
		}, read: true},
		{name: "no catalogue", set: func(w *world) { w.must(os.RemoveAll(filepath.Join(w.root, ".phlb/catalog"))) }, read: true},
		{name: "cut off catalogue", set: cutCatalogue, read: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			if tc.both != nil {
				tc.both(w)
			}
			w.file("a", noise(1, size))
			w.backup()
			if tc.set != nil {
				tc.set(w)
			}
			p := w.planReading(size, tc.read)
			p.want(t, "a", "link unchanged unchanged")
			w.apply(p)
		})
	}
}

// TestRenamedDirectoryIsNotRead: files that move along with a directory above
// them are known by their inodes, unless anything tells that they changed.
func TestRenamedDirectoryIsNotRead(t *testing.T) {
	const size = 4 << 20
	rename := func(w *world) { w.must(os.Rename(w.at("d"), w.at("e"))) }
	for _, tc := range []struct {
		name string
		both func(w *world) // before the first backup
		then func(w *world)
		read bool
		want string
	}{
		{name: "renamed"},
		{name: "by itself", then: func(w *world) { // which alters the ctime
			w.must(os.Mkdir(w.at("e"), 0o755), os.Rename(w.at("d/a"), w.at("e/a")))
		}, read: true},
		{name: "copied", then: func(w *world) {
			w.file("e/a", noise(1, size))
			w.must(os.RemoveAll(w.at("d")))
		}, read: true},
		{name: "written to", then: func(w *world) {
			w.file("d/a", noise(2, size))
			rename(w)
		}, read: true, want: "copy new new content"},
		{name: "racy", both: func(w *world) { w.now = time.Now() }, read: true},
		{name: "rehash", then: func(w *world) { w.opts.Rehash = true; rename(w) }, read: true},
		{name: "content", both: func(w *world) { w.set().ChangeDetection = manifest.DetectContent }, read: true},
		{name: "mtime", both: func(w *world) { w.set().ChangeDetection = manifest.DetectMtime }, read: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			if tc.both != nil {
				tc.both(w)
			}
			w.file("d/a", noise(1, size))
			w.backup()
			if tc.then == nil {
				tc.then = rename
			}
			tc.then(w)
			p := w.planReading(size, tc.read)
			p.want(t, "e/a", cmp.Or(tc.want, "link moved known content"))
			w.apply(p)
		})
	}
}

func cutCatalogue(w *world) {
	found, err := filepath.Glob(filepath.Join(w.root, ".phlb/catalog/home/*"))
	w.must(err)
	info, err := os.Stat(found[0])
	w.must(err, os.Truncate(found[0], info.Size()-10))
}

// TestRestoredMtime: content that changes under a restored mtime is seen by
// the ctime, and by reading, but not by size and mtime alone.
func TestRestoredMtime(t *testing.T) {
	for _, tc := range []struct {
		how  manifest.ChangeDetection
		want string
	}{
		{manifest.DetectMetadata, "copy content new content"},
		{manifest.DetectContent, "copy content new content"},
		{manifest.DetectMtime, "link unchanged unchanged"},
	} {
		w := newWorld(t)
		w.set().ChangeDetection = tc.how
		w.file("f", noise(1, 3000))
		w.backup()
		w.file("f", noise(2, 3000))
		w.plan().want(t, "f", tc.want)
	}
}

func TestHardlinks(t *testing.T) {
	w := newWorld(t)
	w.file("a", noise(1, 3000))
	w.file("s", "small")
	w.must(os.Link(w.at("a"), w.at("b")), os.Link(w.at("s"), w.at("t")))
	p := w.backup()
	p.want(t, "a", "copy new new size")
	p.want(t, "b", "link new hard link in the source")
	p.wantTarget(t, "b", p.Snapshot()+"/a")
	p.want(t, "t", "copy new small file")
	for path, first := range map[string]string{"a": "", "b": "a", "s": "", "t": "s"} {
		if got := p.by[path].Hardlink; got != first {
			t.Errorf("%s: hard link of %q, want %q", path, got, first)
		}
	}
	p = w.backup()
	p.wantUnchanged(t)
	p.want(t, "b", "link unchanged unchanged")
	// A new name that comes first changes the ctime of all, but no content.
	w.must(os.Link(w.at("a"), w.at("0")))
	p = w.plan()
	p.want(t, "0", "link new known content")
	p.want(t, "a", "link unchanged hard link in the source")
	p.want(t, "b", "link unchanged hard link in the source")
	w.apply(p)
	w.plan().wantUnchanged(t)
	w.must(os.Mkdir(w.at("d"), 0o755))
	for _, name := range []string{"0", "a", "b"} {
		w.must(os.Rename(w.at(name), w.at("d/"+name)))
	}
	p = w.plan()
	p.want(t, "d/0", "link moved known content")
	p.want(t, "d/a", "link moved hard link in the source")
	p.want(t, "d/b", "link moved hard link in the source")
	w.apply(p)
	// Copies where the source has one inode become one in the root, too.
	inode := func(path string) uint64 {
		info, err := os.Stat(filepath.Join(w.root, p.Snapshot(), path))
		w.must(err)
		return statOf(info).Ino
	}
	if inode("d/0") != inode("d/a") || inode("d/a") != inode("d/b") {
		t.Error("not one inode")
	}
}

// TestHardlinksUnread: one name is read for all.
func TestHardlinksOnce(t *testing.T) {
	w := newWorld(t)
	w.file("a", noise(1, 4<<20))
	w.file("z", noise(1, 4<<20))
	w.must(os.Link(w.at("a"), w.at("b")), os.Link(w.at("a"), w.at("c")))
	w.backup()
	w.opts.Rehash = true
	before := readBytes(t)
	p := w.plan()
	if n := readBytes(t) - before; n > 9<<20 {
		t.Errorf("read %d bytes of two files of 4 MiB", n)
	}
	p.wantUnchanged(t)
}

func TestDeletedAndSkipped(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"a", "d/x", "d/sub/y", "ex/1", "ex/sub/2", "f/file", "type/old", "z"} {
		w.file(path, path)
	}
	w.must(os.Symlink("x", w.at("ln")), os.Mkdir(w.at("empty"), 0o755),
		os.MkdirAll(w.at("nest/a"), 0o755), os.MkdirAll(w.at("nest/b/c"), 0o755), os.Mkdir(w.at("ex/empty"), 0o755), os.Mkdir(w.at("zz"), 0o755))
	w.backup()
	w.must(os.RemoveAll(w.at("nest")), os.Remove(w.at("zz")), os.Remove(w.at("a")), os.RemoveAll(w.at("d")), os.Remove(w.at("ln")), os.Remove(w.at("empty")), os.RemoveAll(w.at("type")),
		os.RemoveAll(w.at("f")), unix.Mkfifo(w.at("f"), 0o644))
	w.file("type", "a file now")
	w.set().Excludes = append(w.set().Excludes, manifest.Pattern{Text: "ex/"}, manifest.Pattern{Text: "/z"})
	p := w.plan()
	if p.Sources[0].Totals.Deleted != int64(len(p.deleted)) {
		t.Errorf("%d deleted in the totals", p.Sources[0].Totals.Deleted)
	}
	// An empty directory is listed itself. What is excluded was not deleted; a fifo in place of a directory is
	// skipped, and what was in the directory is gone.
	if want := []string{"a", "d/sub/y", "d/x", "empty", "f/file", "ln", "nest/a", "nest/b/c", "type/old", "zz"}; !slices.Equal(p.deleted, want) {
		t.Errorf("deleted %q, want %q", p.deleted, want)
	}
	p.want(t, "f", "skip  fifo")
	p.want(t, "type", "copy type small file")
	for _, path := range []string{"ex", "z"} {
		if e := p.by[path]; e.Action != plan.ActionSkip || !strings.HasPrefix(e.Reason, "excluded") {
			t.Errorf("%s: %s %s", path, e.Action, e.Reason)
		}
	}
}

// TestNamesOfSums: source entries that are called like checksum files keep
// their identity from run to run, with the catalogue and without.
func TestNamesOfSums(t *testing.T) {
	w := newWorld(t)
	w.file("SHA256SUMS", noise(1, 3000))
	w.file("SHA256SUMS.source", noise(2, 3000))
	w.file("d/SHA256SUMS/SHA256SUMS", noise(3, 3000))
	w.file("d/SHA256SUMS-a", noise(4, 3000))
	w.file("e", noise(5, 3000))
	w.backup()
	p := w.plan()
	p.wantUnchanged(t)
	p.wantTarget(t, "SHA256SUMS", *p.Sources[0].Parent+"/SHA256SUMS.source")
	w.must(os.RemoveAll(filepath.Join(w.root, ".phlb/catalog")))
	p = w.plan()
	for path, want := range map[string]string{
		"SHA256SUMS": "link unchanged unchanged", "SHA256SUMS.source": "link unchanged unchanged",
		"d/SHA256SUMS-a": "link unchanged unchanged", "e": "link unchanged unchanged",
		"d/SHA256SUMS/SHA256SUMS": "link new known content", // it stands elsewhere in the snapshot's order
	} {
		p.want(t, path, want)
	}
	if len(p.deleted) > 0 {
		t.Errorf("deleted: %q", p.deleted)
	}
	w.apply(p)
	w.plan().wantUnchanged(t)
}

// TestQuietChange: another content behind the same size and time is told.
func TestQuietChange(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"quiet", "small", "loud", "same"} {
		n := 3000
		if path == "small" {
			n = 10
		}
		w.file(path, noise(1, n))
	}
	w.apply(w.plan())
	w.file("quiet", noise(2, 3000))
	w.file("small", noise(2, 10))
	w.file("loud", noise(2, 3000))
	w.mtime("loud", 1_700_000_001)
	p := w.plan()
	for path, want := range map[string]bool{"quiet": true, "small": true, "loud": false, "same": false} {
		if got := p.by[path]; got.Quiet != want || want && got.Change != plan.ChangeContent {
			t.Errorf("%s: quiet %v, change %s", path, got.Quiet, got.Change)
		}
	}
}
