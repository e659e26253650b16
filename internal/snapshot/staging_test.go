package snapshot

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"phlb/internal/digest"
	"phlb/internal/meta"
)

// takeOver takes a path over into the top of the new tree.
func takeOver(t testing.TB, s *Staging, path, name string) bool {
	t.Helper()
	e, ok := s.Earlier(path)
	if !ok {
		return false
	}
	ok, err := s.TakeOver(context.Background(), e, s.Tree(), name)
	must(t, err)
	return ok
}

func record(t testing.TB, s *Staging, entries ...JournalEntry) {
	t.Helper()
	must(t, s.Record(entries))
}

func TestStagingBeginsEmpty(t *testing.T) {
	dir := t.TempDir()
	s := openStaging(t, openRoot(t, dir), "hosts/web1")
	if s.Name() != "hosts/web1" {
		t.Error(s.Name())
	}
	for _, rel := range []string{".phlb", ".phlb/staging", ".phlb/staging/hosts%2Fweb1", ".phlb/staging/hosts%2Fweb1/tree"} {
		if got := mode(t, dir, rel); got != 0o700 {
			t.Errorf("%s has mode %o", rel, got)
		}
	}
	if _, ok := s.Earlier("a"); ok {
		t.Error("something from earlier")
	}
	if _, err := openRoot(t, dir).OpenStaging("../x"); err == nil {
		t.Error("opened a bad name")
	}
	must(t, s.DiscardOld(context.Background()))
}

func TestTakeOverAfterInterruption(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	s := openStaging(t, r, "home")
	mkdir(t, s.tree.Path(), "docs")
	a := stage(t, s, "docs/a", "content of a")
	odd := stage(t, s, "not utf-8 \xff\"\n", "odd")
	record(t, s, a, odd)
	stage(t, s, "unrecorded", "x")
	must(t, s.Close())

	s = openStaging(t, r, "home")
	got, ok := s.Earlier("docs/a")
	if diff := cmp.Diff(a, got); !ok || diff != "" {
		t.Fatal(diff)
	}
	if _, ok := s.Earlier("unrecorded"); ok {
		t.Error("a file that was not recorded is known")
	}
	if !takeOver(t, s, "docs/a", "a") || !takeOver(t, s, "not utf-8 \xff\"\n", "odd") {
		t.Fatal("not taken over")
	}
	if got := read(t, s.tree.Path(), "a"); got != "content of a" {
		t.Errorf("content %q", got)
	}
	if entryOf(t, s.tree, "a").StagedIno != a.StagedIno {
		t.Error("another inode")
	}
	if takeOver(t, s, "docs/a", "b") {
		t.Error("taken over twice")
	}
	must(t, s.DiscardOld(context.Background()))
	if has(dir, ".phlb/staging/home/old-1") || has(dir, ".phlb/staging/home/journal-1") {
		t.Error("old staging is still there")
	}
	if !has(s.tree.Path(), "a") {
		t.Error("the new tree went with the old")
	}
	must(t, s.Discard(context.Background()))
	if has(dir, ".phlb/staging/home") {
		t.Error("staging is still there")
	}
	if err := s.Discard(context.Background()); err == nil {
		t.Error("discarded twice")
	}
}

// A crash can come between taking a file over and recording it again, over
// and over; it is still found.
func TestTakeOverAfterSeveralInterruptions(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	s := openStaging(t, r, "home")
	record(t, s, stage(t, s, "a", "A"), stage(t, s, "b", "B"))
	must(t, s.Close())
	s = openStaging(t, r, "home")
	if !takeOver(t, s, "a", "a") {
		t.Fatal("a not taken over")
	}
	newer := stage(t, s, "b", "B, changed")
	record(t, s, newer)
	must(t, s.Close())
	s = openStaging(t, r, "home")
	must(t, s.Close())
	s = openStaging(t, r, "home")
	if got, _ := s.Earlier("b"); got != newer {
		t.Errorf("the later entry does not win: %+v", got)
	}
	if !takeOver(t, s, "a", "a") || !takeOver(t, s, "b", "b") {
		t.Fatal("not taken over")
	}
	if got := read(t, s.tree.Path(), "a") + read(t, s.tree.Path(), "b"); got != "AB, changed" {
		t.Errorf("content %q", got)
	}
	must(t, s.DiscardOld(context.Background()))
	left, err := os.ReadDir(filepath.Join(dir, ".phlb/staging/home"))
	if err != nil || len(left) != 2 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestTakeOverRefuses(t *testing.T) {
	published := "home/" + t1 + "/file"
	for what, spoil := range map[string]func(t *testing.T, root, tree string){
		"missing": func(t *testing.T, _, tree string) { must(t, os.Remove(tree+"/d/f")) },
		"other inode": func(t *testing.T, _, tree string) {
			write(t, tree, "d/g", "content")
			must(t, os.Rename(tree+"/d/g", tree+"/d/f"))
		},
		"other size":  func(t *testing.T, _, tree string) { must(t, os.Truncate(tree+"/d/f", 3)) },
		"other mtime": func(t *testing.T, _, tree string) { must(t, os.Chtimes(tree+"/d/f", zeroTime, zeroTime)) },
		"symlink": func(t *testing.T, root, tree string) {
			must(t, os.Remove(tree+"/d/f"))
			symlink(t, root+"/"+published, tree, "d/f")
		},
		"through a symlink": func(t *testing.T, _, tree string) {
			must(t, os.Rename(tree+"/d", tree+"/e"))
			symlink(t, "e", tree, "d")
		},
		"directory":       func(t *testing.T, _, tree string) { must(t, os.Remove(tree+"/d/f")); mkdir(t, tree, "d/f") },
		"parent replaced": func(t *testing.T, _, tree string) { must(t, os.RemoveAll(tree+"/d")); write(t, tree, "d", "") },
		"named elsewhere": func(t *testing.T, root, tree string) {
			mkdir(t, root, "home/"+t1)
			must(t, os.Link(tree+"/d/f", root+"/"+published))
		},
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			r := openRoot(t, dir)
			s := openStaging(t, r, "home")
			record(t, s, stage(t, s, "d/f", "content"))
			must(t, s.Close())
			spoil(t, dir, filepath.Join(dir, ".phlb/staging/home/tree"))
			s = openStaging(t, r, "home")
			if takeOver(t, s, "d/f", "f") || has(s.tree.Path(), "f") {
				t.Error("taken over")
			}
		})
	}
}

func TestTakeOverKeepsFilesThatAreLinkedInStaging(t *testing.T) {
	r := openRoot(t, t.TempDir())
	s := openStaging(t, r, "home")
	a := stage(t, s, "a", "content")
	mkdir(t, s.tree.Path(), "x/y")
	must(t, os.Link(s.tree.Path()+"/a", s.tree.Path()+"/x/y/b"))
	record(t, s, a)
	must(t, s.Close())
	s = openStaging(t, r, "home")
	if !takeOver(t, s, "a", "a") {
		t.Error("not taken over")
	}
}

func TestTakeOverDoesNotReplace(t *testing.T) {
	r := openRoot(t, t.TempDir())
	s := openStaging(t, r, "home")
	record(t, s, stage(t, s, "a", "old"))
	must(t, s.Close())
	s = openStaging(t, r, "home")
	stage(t, s, "a", "new")
	e, _ := s.Earlier("a")
	if ok, err := s.TakeOver(context.Background(), e, s.Tree(), "a"); ok || err == nil {
		t.Errorf("got %v, %v", ok, err)
	}
	if ok, err := s.TakeOver(context.Background(), JournalEntry{Path: "../a"}, s.Tree(), "b"); ok || err != nil {
		t.Errorf("bad path: %v, %v", ok, err)
	}
}

// Staging that others can enter is only good for files that nobody else
// could have altered.
func TestTakeOverFromOpenStaging(t *testing.T) {
	for perm, want := range map[os.FileMode]bool{0o644: true, 0o664: false, 0o646: false} {
		dir := t.TempDir()
		r := openRoot(t, dir)
		s := openStaging(t, r, "home")
		e := stage(t, s, "a", "content")
		must(t, os.Chmod(s.tree.Path()+"/a", perm))
		record(t, s, e)
		must(t, s.Close())
		must(t, os.Chmod(filepath.Join(dir, ".phlb/staging/home"), 0o755))
		s = openStaging(t, r, "home")
		if got := takeOver(t, s, "a", "a"); got != want {
			t.Errorf("mode %o: taken over %v", perm, got)
		}
	}
}

func TestJournalFromOutside(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	s := openStaging(t, r, "home")
	good := stage(t, s, "good", "good")
	last := stage(t, s, "last", "last")
	line, lastLine := appendJournal(nil, &good), appendJournal(nil, &last)
	must(t, s.Close())
	text := strings.Repeat("x", 3*maxJournalLine) + "\nno JSON\n\n" +
		strings.ReplaceAll(string(line), `"good"`, `"../good"`) +
		strings.ReplaceAll(string(line), `"good"`, `"/good"`) +
		strings.ReplaceAll(string(line), `"size":4`, `"size":-4`) +
		strings.ReplaceAll(string(line), `"path":"good"`, `"path":"a","path_b64":"Yg=="`) +
		string(line) + string(lastLine[:len(lastLine)-1])
	write(t, dir, ".phlb/staging/home/journal", text)
	s = openStaging(t, r, "home")
	if diff := cmp.Diff(map[string]JournalEntry{"good": good}, s.earlier); diff != "" {
		t.Error(diff)
	}
	if !takeOver(t, s, "good", "good") {
		t.Error("not taken over")
	}
}

func TestJournalRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := drawEntry(t)
		text := appendJournal(nil, &want)
		var got []JournalEntry
		err := readJournal(bytes.NewReader(text), func(e JournalEntry) { got = append(got, e) })
		if diff := cmp.Diff([]JournalEntry{want}, got); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
		cut := rapid.IntRange(0, len(text)-1).Draw(t, "cut")
		err = readJournal(bytes.NewReader(text[:cut]), func(e JournalEntry) { t.Fatalf("torn, but read: %+v", e) })
		if err != nil {
			t.Fatal(err)
		}
	})
}

func drawEntry(t *rapid.T) JournalEntry {
	path := rapid.Custom(func(t *rapid.T) string {
		return string(rapid.SliceOfN(rapid.Byte(), 1, 30).Draw(t, "bytes"))
	}).Filter(isLocal)
	at := rapid.Custom(func(t *rapid.T) meta.Time {
		return meta.Time{Sec: rapid.Int64().Draw(t, "sec"), Nsec: rapid.Int32Range(0, 999_999_999).Draw(t, "nsec")}
	})
	e := JournalEntry{
		Path: path.Draw(t, "path"), Size: rapid.Int64Min(0).Draw(t, "size"),
		Mtime: at.Draw(t, "mtime"), Ctime: at.Draw(t, "ctime"), Ino: rapid.Uint64().Draw(t, "ino"),
		StagedIno: rapid.Uint64Min(1).Draw(t, "staged ino"), StagedMtime: at.Draw(t, "staged mtime"),
	}
	copy(e.SHA256[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "sum"))
	if e.SHA256.IsZero() {
		e.SHA256 = digest.Sum{1}
	}
	return e
}

func FuzzReadJournal(f *testing.F) {
	f.Add(appendJournal(nil, &JournalEntry{Path: "a/b", Size: 5, SHA256: digest.Sum{7}, StagedIno: 3}))
	f.Add([]byte("{}\n{\"path_b64\":\"/w==\",\"size\":1,\"staged_ino\":1}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		must(t, readJournal(bytes.NewReader(data), func(e JournalEntry) {
			text := appendJournal(nil, &e)
			if again, ok := parseJournal(text); !ok || again != e || !isLocal(e.Path) {
				t.Errorf("%+v became %+v, %v", e, again, ok)
			}
		}))
	})
}

func TestRecordTellsWhenItFails(t *testing.T) {
	sweep(t, func(t *testing.T, f *faults) {
		dir := t.TempDir()
		r := openRoot(t, dir, f.option())
		s, err := r.OpenStaging("home")
		if err != nil {
			return
		}
		defer s.Close()
		e := stage(t, s, "a", "content")
		recorded := s.Record([]JournalEntry{e}) == nil
		must(t, s.Close())
		s = openStaging(t, openRoot(t, dir), "home")
		if _, ok := s.Earlier("a"); recorded && !ok {
			t.Error("recorded, but lost")
		}
		if recorded && !takeOver(t, s, "a", "a") {
			t.Error("recorded, but not taken over")
		}
	})
}

// Whatever fails while staging is opened, the work of the run before is not
// lost.
func TestOpenStagingLosesNothing(t *testing.T) {
	sweep(t, func(t *testing.T, f *faults) {
		dir := t.TempDir()
		s := openStaging(t, openRoot(t, dir), "home")
		record(t, s, stage(t, s, "a", "content"))
		must(t, s.Close())
		if s, err := openRoot(t, dir, f.option()).OpenStaging("home"); err == nil {
			must(t, s.Close())
		}
		s = openStaging(t, openRoot(t, dir), "home")
		if !takeOver(t, s, "a", "a") {
			t.Error("lost")
		}
	})
}

func TestStagingDoesNotFollowSymlinks(t *testing.T) {
	outside := t.TempDir()
	write(t, outside, "tree/file", "content")
	dir := t.TempDir()
	mkdir(t, dir, ".phlb/staging")
	symlink(t, outside, dir, ".phlb/staging/home")
	if s, err := openRoot(t, dir).OpenStaging("home"); err == nil {
		s.Close()
		t.Error("entered a link")
	}
	if !has(outside, "tree/file") {
		t.Error("the outside changed")
	}
}

func TestDiscardRemovesReadOnlyTreesOnly(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	other := openStaging(t, r, "other")
	stage(t, other, "keep", "x")
	s := openStaging(t, r, "home")
	stage(t, s, "a/b/c", "x")
	must(t, os.Chmod(s.tree.Path()+"/a/b", 0o555))
	must(t, s.Close())
	s = openStaging(t, r, "home")
	must(t, s.Discard(context.Background()))
	if has(dir, ".phlb/staging/home") || !has(other.tree.Path(), "keep") {
		t.Error("not exactly what was to be discarded")
	}
}
