package benchmark

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"phlb/internal/event"
)

// ticker is a clock that moves on by a step whenever it is asked.
func ticker(step time.Duration) func() time.Time {
	now := time.Unix(1_700_000_000, 0)
	return func() time.Time { now = now.Add(step); return now }
}

func sourceTree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, size := range map[string]int{
		"a": 100, "sub/b": 20_000, "sub/c": 3 * chunk, "sub/deep/d": 15 << 10, "cache/e": 50_000, "f": 15<<10 - 1,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Repeat("x", size)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("sub/b", filepath.Join(dir, "link")); err != nil {
		t.Skip("cannot make symbolic links:", err)
	}
	return dir
}

type recorder struct {
	mu     sync.Mutex
	events []event.Event
}

func (r *recorder) Send(e event.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *recorder) sum() (files, bytes int64) {
	for _, e := range r.events {
		files, bytes = files+e.Files, bytes+e.Bytes
	}
	return files, bytes
}

func TestScan(t *testing.T) {
	rec := &recorder{}
	got, err := Scan(t.Context(), sourceTree(t), ScanOptions{Excludes: []string{"cache/"}, Workers: 2, Now: ticker(time.Second), Events: rec})
	if err != nil {
		t.Fatal(err)
	}
	want := &ScanResult{Files: 5, Dirs: 3, Symlinks: 1, Skipped: 1, Bytes: 100 + 20_000 + 3*chunk + 15<<10 + 15<<10 - 1, Duration: time.Second}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if got.Rate() != 10 || (&ScanResult{Files: 1}).Rate() != 0 {
		t.Errorf("rate %v", got.Rate())
	}
	if n := len(rec.events); n != 12 || rec.events[0].Kind != event.Start || rec.events[n-1].Kind != event.End {
		t.Errorf("events %+v", rec.events)
	}
}

func TestHashes(t *testing.T) {
	rec := &recorder{}
	got, err := Hashes(t.Context(), sourceTree(t), HashOptions{Excludes: []string{"cache/"}, MaxDuration: time.Hour, Now: ticker(time.Millisecond), Events: rec})
	if err != nil {
		t.Fatal(err)
	}
	const bytes = 20_000 + 3*chunk + 15<<10
	if got.Files != 3 || got.Bytes != bytes || got.Failed != 0 || !got.Finished {
		t.Errorf("result %+v", got)
	}
	// Three files in five chunks, and an end of file each: so many reads, and
	// the opening; so many times each hash, and its end.
	if want := (3 + 5 + 3) * time.Millisecond; got.ReadTime != want {
		t.Errorf("read time %v, want %v", got.ReadTime, want)
	}
	var names []string
	for _, a := range got.Algorithms {
		names = append(names, a.Name)
		if a.Time != 11*time.Millisecond || a.Ratio != 1 {
			t.Errorf("%+v", a)
		}
	}
	want := []string{"md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3-256", "sha3-512", "xxhash64"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	if files, sent := rec.sum(); files != 3 || sent != bytes {
		t.Errorf("events count %d files, %d bytes", files, sent)
	}
}

func TestHashesRange(t *testing.T) {
	dir := sourceTree(t)
	for _, tc := range []struct{ from, to, files int64 }{{1, 1 << 30, 6}, {1, 20_000, 4}, {20_000, 20_000, 1}, {20_001, 49_999, 0}, {3 * chunk, 0, 1}} {
		got, err := Hashes(t.Context(), dir, HashOptions{MinFileSize: tc.from, MaxFileSize: tc.to})
		if err != nil {
			t.Fatal(err)
		}
		if got.Files != tc.files {
			t.Errorf("%d to %d bytes: %d files, want %d", tc.from, tc.to, got.Files, tc.files)
		}
		if got.Files == 0 && (got.ReadTime != 0 || got.Algorithms[0].Ratio != 0) {
			t.Errorf("nothing read: %+v", got)
		}
	}
}

// TestHashesTimeUp: the time ends the benchmark between and within files.
func TestHashesTimeUp(t *testing.T) {
	got, err := Hashes(t.Context(), sourceTree(t), HashOptions{MaxDuration: 60 * time.Millisecond, Now: ticker(time.Millisecond)})
	if err != nil {
		t.Fatal(err)
	}
	if got.Finished || got.Files >= 4 || got.Bytes == 0 {
		t.Errorf("result %+v", got)
	}
	got, err = Hashes(t.Context(), sourceTree(t), HashOptions{MaxDuration: time.Millisecond, Now: ticker(time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	if got.Finished || got.Files != 0 || got.Bytes != 0 {
		t.Errorf("no time at all: %+v", got)
	}
}

// TestHashesFailed: a file that vanishes after it was listed is passed over.
func TestHashesFailed(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("an open directory's files cannot be removed everywhere")
	}
	dir := sourceTree(t)
	gone := filepath.Join(dir, "sub", "deep", "d")
	remove := event.Func(func(e event.Event) {
		if e.Path == "sub/deep" {
			if err := os.Remove(gone); err != nil {
				t.Error(err)
			}
		}
	})
	got, err := Hashes(t.Context(), dir, HashOptions{Events: remove})
	if err != nil {
		t.Fatal(err)
	}
	// Whether the walk has looked at the file already is a matter of chance.
	if got.Files != 3 || got.Failed > 1 || !got.Finished {
		t.Errorf("result %+v", got)
	}
}

func TestErrors(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	if _, err := Scan(t.Context(), missing, ScanOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Scan of nothing: %v", err)
	}
	if _, err := Hashes(t.Context(), missing, HashOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Hashes of nothing: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	stop := event.Func(func(e event.Event) {
		if e.Bytes > 0 {
			cancel()
		}
	})
	if _, err := Hashes(ctx, sourceTree(t), HashOptions{Events: stop}); !errors.Is(err, context.Canceled) {
		t.Errorf("Hashes cancelled: %v", err)
	}
	if _, err := Scan(ctx, sourceTree(t), ScanOptions{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Scan cancelled: %v", err)
	}
}
