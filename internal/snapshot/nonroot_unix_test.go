//go:build unix

package snapshot

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"phlb/internal/treetest"
)

func TestReadOnlySnapshotOfOrdinaryUser(t *testing.T) {
	if !treetest.AsOrdinaryUser(t) {
		return
	}
	ctx := context.Background()
	dir := t.TempDir()
	r := openRoot(t, dir)
	at := ID{"home", t1}
	s := openStaging(t, r, "home")
	e := stage(t, s, "ro/a", "content")
	record(t, s, e)
	must(t, os.Chmod(s.tree.Path()+"/ro", 0o555))
	must(t, s.Close())

	s = openStaging(t, r, "home")
	if !takeOver(t, s, "ro/a", "a") {
		t.Fatal("not taken over out of a read-only directory")
	}
	mkdir(t, s.tree.Path(), "ro")
	must(t, os.Rename(s.tree.Path()+"/a", s.tree.Path()+"/ro/a"))
	must(t, os.Chmod(s.tree.Path()+"/ro", 0o500))
	must(t, s.tree.Chmod(0o555))
	must(t, r.Publish(s, at))
	if mode(t, dir, at.String()) != 0o555 || read(t, dir, at.String()+"/ro/a") != "content" {
		t.Error("not published as it was")
	}
	must(t, s.Discard(ctx))

	must(t, r.Trash(ctx, at))
	must(t, r.EmptyTrash(ctx, 2))
	if got := entries(t, dir, ".phlb/trash"); got != nil || has(dir, at.String()) {
		t.Errorf("not removed: %v", got)
	}
}

func TestNamesPassesOverClosedDirectories(t *testing.T) {
	if !treetest.AsOrdinaryUser(t) {
		return
	}
	ours := t.TempDir()
	mkdir(t, ours, "home/"+t1)
	must(t, os.Chmod(filepath.Join(ours, "home"), 0))
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(ours, "home"), 0o700) })
	r := openRoot(t, ours)
	if names, err := r.Names(context.Background()); err == nil {
		t.Errorf("one of our own is closed, and nobody says so: %v", names)
	}
	r.euid = 4711 // as if it were somebody else's
	if names, err := r.Names(context.Background()); err != nil || len(names) > 0 {
		t.Errorf("%v, %v", names, err)
	}
	if closed, err := r.Closed(context.Background()); err != nil || len(closed) > 0 {
		t.Errorf("nothing says that home is a name, but %v, %v", closed, err)
	}
	mkdir(t, ours, ".phlb/catalog/home")
	if closed, err := r.Closed(context.Background()); err != nil || !slices.Equal(closed, []string{"home"}) {
		t.Errorf("%v, %v, want home", closed, err)
	}
}

func TestSharedLockOfOneWhoMayNotSeeIt(t *testing.T) {
	if !treetest.AsOrdinaryUser(t) {
		return
	}
	dir := t.TempDir()
	write(t, dir, ".phlb/lock", "")
	must(t, os.Chmod(filepath.Join(dir, ".phlb"), 0))
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(dir, ".phlb"), 0o700) })
	l, err := lock(openRoot(t, dir), 0, 0)
	must(t, err)
	release(t, l)
}

// TestReportOfAnother: what is in it is for its owner alone, that it is there is
// not.
func TestReportOfAnother(t *testing.T) {
	if !treetest.AsOrdinaryUser(t) {
		return
	}
	dir := t.TempDir()
	at := ID{"home", t1}
	mkdir(t, dir, at.String())
	write(t, dir, at.String()+SuffixReport, "{}")
	must(t, os.Chmod(filepath.Join(dir, at.String()+SuffixReport), 0))
	if !openRoot(t, dir).HasReport(at) {
		t.Error("not seen")
	}
}

// TestRemovesClosedDirectories: a mode that shuts its owner out keeps nobody
// from removing what is staged or in the trash.
func TestRemovesClosedDirectories(t *testing.T) {
	if !treetest.AsOrdinaryUser(t) {
		return
	}
	dir := t.TempDir()
	for _, mode := range []os.FileMode{0o055, 0o000, 0o400, 0o300, 0o111} {
		write(t, dir, "old/sub/file", "content")
		write(t, dir, "old/sub/deeper/file", "content")
		for _, name := range []string{"old/sub/deeper", "old/sub", "old"} {
			must(t, os.Chmod(filepath.Join(dir, name), mode))
		}
		if err := removeTree(context.Background(), openRoot(t, dir).dir, "old", 2); err != nil || has(dir, "old") {
			t.Fatalf("mode %o: %v", mode, err)
		}
	}
}
