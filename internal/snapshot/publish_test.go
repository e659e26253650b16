package snapshot

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"phlb/internal/fsys"
)

var zeroTime = time.Unix(1, 0)

func TestPublish(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	s := openStaging(t, r, "hosts/web1")
	stage(t, s, "docs/a", "content")
	at := ID{"hosts/web1", t1}
	must(t, r.Publish(s, at))
	if got := read(t, dir, "hosts/web1/"+t1+"/docs/a"); got != "content" {
		t.Errorf("content %q", got)
	}
	for _, rel := range []string{"hosts", "hosts/web1"} {
		if got := mode(t, dir, rel); got != 0o700 {
			t.Errorf("%s has mode %o", rel, got)
		}
	}
	if _, err := s.Tree().Lstat("docs"); err != nil {
		t.Errorf("the tree cannot be read any more: %v", err)
	}
	if has(dir, ".phlb/staging/hosts%2Fweb1/tree") {
		t.Error("the tree is still in staging")
	}
}

func TestPublishKeepsModes(t *testing.T) {
	dir := t.TempDir()
	mkdir(t, dir, "home")
	must(t, os.Chmod(filepath.Join(dir, "home"), 0o751))
	r := openRoot(t, dir)
	s := openStaging(t, r, "home")
	must(t, s.Tree().Chmod(0o555))
	must(t, r.Publish(s, ID{"home", t1}))
	if got := mode(t, dir, "home"); got != 0o751 {
		t.Errorf("name has mode %o", got)
	}
	if got := mode(t, dir, "home/"+t1); got != 0o555 {
		t.Errorf("snapshot has mode %o", got)
	}
}

func TestPublishReplacesNothing(t *testing.T) {
	for what, occupy := range map[string]func(t *testing.T, dir string){
		"snapshot":        func(t *testing.T, dir string) { write(t, dir, "home/"+t1+"/a", "old") },
		"empty directory": func(t *testing.T, dir string) { mkdir(t, dir, "home/"+t1) },
		"file":            func(t *testing.T, dir string) { write(t, dir, "home/"+t1, "old") },
		"dangling link":   func(t *testing.T, dir string) { mkdir(t, dir, "home"); symlink(t, "nowhere", dir, "home/"+t1) },
	} {
		t.Run(what, func(t *testing.T) {
			dir := t.TempDir()
			occupy(t, dir)
			r := openRoot(t, dir)
			s := openStaging(t, r, "home")
			stage(t, s, "a", "new")
			if err := r.Publish(s, ID{"home", t1}); !errors.Is(err, fs.ErrExist) {
				t.Errorf("got %v", err)
			}
			if has(dir, "home/"+t1+"/a") && read(t, dir, "home/"+t1+"/a") != "old" {
				t.Error("replaced")
			}
			if !has(s.tree.Path(), "a") {
				t.Error("the tree is lost")
			}
		})
	}
}

func TestPublishRefusesOtherNames(t *testing.T) {
	dir := t.TempDir()
	outside := t.TempDir()
	symlink(t, outside, dir, "link")
	r := openRoot(t, dir)
	s := openStaging(t, r, "home")
	for _, id := range []ID{{"other", t1}, {"home", "x"}, {"../home", t1}, {"home", "../" + t1}} {
		if err := r.Publish(s, id); !errors.Is(err, ErrName) {
			t.Errorf("%v: %v", id, err)
		}
	}
	if s, err := r.OpenStaging("link"); err == nil {
		s.Close()
		t.Error("staging for a link")
	}
	if list, err := os.ReadDir(outside); err != nil || len(list) > 0 {
		t.Errorf("outside: %v, %v", list, err)
	}
}

// sweepPublish fails every operation of publishing once; the snapshot must
// be there whole or not at all, and its content must never be lost.
func sweepPublish(t *testing.T, topMode uint32, firstRename error) {
	sweep(t, func(t *testing.T, f *faults) {
		dir := t.TempDir()
		armed, refused := false, firstRename == nil
		opt := fsys.WithFaults(func(op fsys.Op, name string) error {
			if !armed {
				return nil
			}
			if op == fsys.OpRename && !refused {
				refused = true
				return firstRename
			}
			f.count++
			if f.count-1 == f.n {
				f.op, f.name = op, name
				return f.err
			}
			return nil
		})
		r := openRoot(t, dir, opt)
		s := openStaging(t, r, "home")
		record(t, s, stage(t, s, "d/a", "content"))
		must(t, s.tree.Chmod(topMode))
		armed = true
		err := r.Publish(s, ID{"home", t1})
		armed = false
		if has(dir, "home/"+publishingDir) {
			t.Error("a tree is left half-way")
		}
		must(t, s.Close())

		times, terr := openRoot(t, dir).Times("home")
		must(t, terr)
		if err == nil && len(times) != 1 {
			t.Fatal("reported as published, but missing")
		}
		if len(times) == 1 {
			if got := read(t, dir, "home/"+t1+"/d/a"); got != "content" {
				t.Errorf("content %q", got)
			}
			if got := mode(t, dir, "home/"+t1); got != os.FileMode(topMode) {
				t.Errorf("mode %o", got)
			}
			return
		}
		s = openStaging(t, openRoot(t, dir), "home")
		if !takeOver(t, s, "d/a", "a") {
			t.Error("the staged file is lost")
		}
		if has(dir, "home/"+publishingDir) {
			t.Error("a tree is left behind")
		}
	})
}

func TestPublishedWholeOrNotAtAll(t *testing.T) {
	sweepPublish(t, 0o755, nil)
}

// The same on the way that a read-only top directory takes, where the kernel
// refuses the first rename.
func TestReadOnlyPublishedWholeOrNotAtAll(t *testing.T) {
	sweepPublish(t, 0o555, syscall.EACCES)
}

// A crash between the two renames of a read-only tree.
func TestRecallAfterCrash(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	s := openStaging(t, r, "home")
	record(t, s, stage(t, s, "a", "content"))
	must(t, s.tree.Chmod(0o555))
	mkdir(t, dir, "home")
	must(t, os.Rename(s.tree.Path(), filepath.Join(dir, "home", publishingDir)))
	must(t, s.Close())
	if times, err := r.Times("home"); err != nil || len(times) > 0 {
		t.Fatalf("visible: %v, %v", times, err)
	}
	s = openStaging(t, r, "home")
	if !takeOver(t, s, "a", "a") || has(dir, "home/"+publishingDir) {
		t.Error("not recalled")
	}
}

func TestRecallDoesNotFollowSymlinks(t *testing.T) {
	dir := t.TempDir()
	outside := t.TempDir()
	must(t, os.Chmod(outside, 0o555))
	mkdir(t, dir, "home")
	symlink(t, outside, dir, "home/"+publishingDir)
	if s, err := openRoot(t, dir).OpenStaging("home"); err == nil {
		s.Close()
		t.Error("recalled a link")
	}
	if got := mode(t, outside, "."); got != 0o555 {
		t.Errorf("outside now has mode %o", got)
	}
}

// After publishing, the journal of the published tree must not make its
// files candidates for taking over.
func TestPublishedFilesAreNotTakenOver(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	s := openStaging(t, r, "home")
	record(t, s, stage(t, s, "a", "content"))
	must(t, r.Publish(s, ID{"home", t1}))
	must(t, s.Close())
	s = openStaging(t, r, "home")
	if _, ok := s.Earlier("a"); ok || takeOver(t, s, "a", "a") {
		t.Error("taken over")
	}
	if !has(dir, "home/"+t1+"/a") {
		t.Error("the snapshot lost a file")
	}
}

func TestRunMarkers(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	const plan = "6f2a-B"
	check := func(want bool) {
		t.Helper()
		if got, err := r.RunOpen(plan); err != nil || got != want {
			t.Errorf("open: %v, %v", got, err)
		}
	}
	check(false)
	if resumed, err := r.BeginRun(Run{PlanID: plan, Names: []string{"home"}}); resumed || err != nil {
		t.Errorf("begin: %v, %v", resumed, err)
	}
	check(true)
	if resumed, err := r.BeginRun(Run{PlanID: plan, Names: []string{"home"}}); !resumed || err != nil {
		t.Errorf("begin again: %v, %v", resumed, err)
	}
	half := filepath.Join(dir, ".phlb/staging", tempName(".run-killed.json"))
	must(t, os.WriteFile(half, nil, 0o600))
	must(t, r.EndRun(plan))
	must(t, r.EndRun(plan))
	check(false)
	if _, err := os.Lstat(half); !os.IsNotExist(err) {
		t.Errorf("what a crash left of a marker stays: %v", err)
	}
	for _, bad := range []string{"", "../x", "a/b", "a.b", "a\x00", string(make([]byte, 65))} {
		_, berr := r.BeginRun(Run{PlanID: bad})
		_, oerr := r.RunOpen(bad)
		for _, err := range []error{berr, oerr, r.EndRun(bad)} {
			if !errors.Is(err, ErrName) {
				t.Errorf("plan id %q: %v", bad, err)
			}
		}
	}
	sweep(t, func(t *testing.T, f *faults) {
		dir := t.TempDir()
		_, err := openRoot(t, dir, f.option()).BeginRun(Run{PlanID: plan})
		open, oerr := openRoot(t, dir).RunOpen(plan)
		if oerr != nil || err == nil && !open {
			t.Errorf("begin %v, open %v, %v", err, open, oerr)
		}
	})
}

// TestUnpublishedIsDropped: what an interrupted run wrote right before it would
// have published goes when a later one is done, and nothing else.
func TestUnpublishedIsDropped(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	const removed, t3 = "2026-01-01-000000", "2026-12-24-180000"
	written := func(at string) [2]string {
		return [2]string{"home/" + at + SuffixReport, ".phlb/catalog/home/" + at + catalogSuffix}
	}
	interrupted := Run{PlanID: "1", Names: []string{"home"}, Snapshots: []string{"home/" + t1, "home/" + t2, "home/" + removed, "../home/" + t1}}
	for _, run := range []Run{interrupted, {PlanID: "2", Names: []string{"home"}, Snapshots: []string{"home/" + t3}}} {
		_, err := r.BeginRun(run)
		must(t, err)
	}
	for _, at := range []string{t1, t2, t3, removed} {
		for _, file := range written(at) {
			write(t, dir, file, "{}")
		}
	}
	mkdir(t, dir, "home/"+t2)
	mkdir(t, dir, "home/"+t3)
	write(t, dir, "home/"+removed+SuffixLog, "")
	must(t, r.EndRun("2"))
	for at, want := range map[string]bool{t1: false, t2: true, t3: true, removed: true} {
		for _, file := range written(at) {
			if has(dir, file) != want {
				t.Errorf("%s: there is %v, want %v", file, !want, want)
			}
		}
	}
}
