package plan

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash/maphash"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/pool"
	"phlb/manifest"
)

// TestTasks: small values are found out together, when there are enough, a
// large one comes, or somebody waits.
func TestTasks(t *testing.T) {
	b := &build{readers: pool.New(2)}
	defer b.readers.Wait()
	value := func(n int) func(*fileReader) (int, error) {
		return func(*fileReader) (int, error) { return n, nil }
	}
	var all []*future[int]
	add := func(n int, bytes int64) {
		f, err := start(t.Context(), b, bytes, value(n))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	for n := range 3 * taskJobs / 2 {
		add(n, 1)
	}
	add(len(all), taskBytes)
	first, last, large := all[0].of, all[taskJobs].of, all[len(all)-1].of
	if first == last || last == large || !first.started || last.started || !large.started {
		t.Errorf("started: %v, %v, %v", first.started, last.started, large.started)
	}
	for want, f := range all {
		if got, err := f.wait(); err != nil || got != want {
			t.Errorf("%d, %v; want %d", got, err, want)
		}
	}
	if b.gathered != nil {
		t.Error("a task that was waited for is still being gathered")
	}
}

// TestTasksGiveUp: nobody waits for what no reader will do any more.
func TestTasksGiveUp(t *testing.T) {
	b := &build{readers: pool.New(1)}
	defer b.readers.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	never := func(*fileReader) (int, error) { return 0, errors.New("read after the end") }
	var all []*future[int]
	for range 2 * taskJobs {
		if f, _ := start(ctx, b, 1, never); f != nil {
			all = append(all, f)
		}
		time.Sleep(10 * time.Microsecond)
	}
	for range 2 {
		for _, f := range all {
			if _, err := f.wait(); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		}
	}
}

func TestSizeSet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.OneOf(rapid.Int64Range(0, 300), rapid.Int64Range(smallSizes-3, smallSizes+3), rapid.Int64Min(0))
		var s sizeSet
		want := map[int64]bool{}
		for _, n := range rapid.SliceOf(size).Draw(t, "added") {
			s.add(n)
			want[n] = true
		}
		for _, n := range rapid.SliceOf(size).Draw(t, "asked") {
			if s.has(n) != want[n] {
				t.Fatalf("has %d: %v", n, s.has(n))
			}
		}
	})
}

// TestHashMoved: a file that cannot be read, too, has the content that the
// parent's index knows, and waits for that; a small one that can be read does
// not wait.
func TestHashMoved(t *testing.T) {
	dir, err := fsys.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	if err := os.WriteFile(filepath.Join(dir.Path(), "there"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	rule := LinkRule{Match: manifest.MatchPermissions}
	x := newIndex(newAttrKeys(maphash.MakeSeed(), &rule))
	gone := meta.Info{Ino: 1, Size: 5000, Ctime: meta.Time{Sec: 1, Nsec: 1}}
	x.addSource(&catalog.Record{Path: "old/gone", Kind: meta.File, Size: 5000, Ino: 1, Ctime: gone.Ctime, SHA256: digest.Sum{1}})
	x.order()

	s := &sourceBuild{build: &build{}, dir: dir}
	s.opts.Events = event.Discard
	moved := &future[*index]{of: &task{done: make(chan struct{})}, value: x}
	there, err := dir.Lstat("there")
	if err != nil {
		t.Fatal(err)
	}
	reader := &fileReader{buf: make([]byte, readBuffer)}
	if sum, err := s.hashMoved(t.Context(), reader, "there", &there, moved); err != nil || sum != sha256.Sum256(nil) {
		t.Errorf("%v, %v", sum, err)
	}
	time.AfterFunc(10*time.Millisecond, func() { close(moved.of.done) })
	if sum, err := s.hashMoved(t.Context(), reader, "gone", &gone, moved); err != nil || sum != (digest.Sum{1}) {
		t.Errorf("%v, %v", sum, err)
	}
	gone.Ino++
	if _, err := s.hashMoved(t.Context(), reader, "gone", &gone, moved); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
