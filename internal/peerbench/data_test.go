package main

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// picture is a tree as text: names, modes, times and contents.
func picture(t *testing.T, dir string) map[string]string {
	t.Helper()
	seen := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, path)
		seen[rel] = info.Mode().String()
		if e.Type().IsRegular() {
			data, err := os.ReadFile(path)
			seen[rel] += fmt.Sprintf(" %x %v", sha256.Sum256(data), info.ModTime().UTC())
			return err
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return seen
}

func TestDataIsTheSameEveryTime(t *testing.T) {
	for name, grow := range map[string]func(context.Context, string) error{
		"tiny":   func(ctx context.Context, dir string) error { return growTiny(ctx, dir, 1234) },
		"large":  func(ctx context.Context, dir string) error { return growLarge(ctx, dir, 100) },
		"sample": growSample,
	} {
		t.Run(name, func(t *testing.T) {
			if name == "sample" && !supported {
				t.Skip("its odd names need a Unix file system")
			}
			one, two := quickDir(t), quickDir(t)
			for _, dir := range []string{one, two} {
				if err := grow(t.Context(), dir); err != nil {
					t.Fatal(err)
				}
			}
			if a, b := picture(t, one), picture(t, two); !maps.Equal(a, b) || len(a) < 8 {
				t.Errorf("%d and %d paths differ", len(a), len(b))
			}
			for _, dir := range []string{one, two} {
				if _, err := oneDayLater(dir); err != nil {
					t.Fatal(err)
				}
			}
			if a, b := picture(t, one), picture(t, two); !maps.Equal(a, b) {
				t.Error("different after a day")
			}
		})
	}
}

func TestTinyFiles(t *testing.T) {
	dir := quickDir(t)
	if err := growTiny(t.Context(), dir, 1000); err != nil {
		t.Fatal(err)
	}
	size, err := measureTree(dir)
	if err != nil || size.Files != 1000 || size.Bytes < 1400*1000 || size.Bytes > 1680*1000 {
		t.Errorf("%+v, %v", size, err)
	}
	for n, want := range map[int]string{0: "d000/d00/f00", 99: "d000/d00/f99", 100: "d000/d01/f00", 10_000: "d001/d00/f00", 999_999: "d099/d99/f99"} {
		if got := filepath.ToSlash(tinyPath(n)); got != want {
			t.Errorf("file %d is %s, want %s", n, got, want)
		}
	}
}

func TestOneDayLater(t *testing.T) {
	dir := quickDir(t)
	if err := growTiny(t.Context(), dir, 2000); err != nil {
		t.Fatal(err)
	}
	before := picture(t, dir)
	m, err := oneDayLater(dir)
	if err != nil {
		t.Fatal(err)
	}
	after := picture(t, dir)
	renamed := func(rel string) string {
		if below, ok := strings.CutPrefix(rel, m.renamed[0]+"/"); ok {
			return m.renamed[1] + "/" + below
		}
		return rel
	}
	var changed, chmodded, deleted, created int
	for rel, was := range before {
		now := after[renamed(rel)]
		switch {
		case now == "" && rel != m.renamed[0]:
			deleted++
		case !strings.HasPrefix(was, "d") && was[:10] != now[:10]:
			chmodded++
		case !strings.HasPrefix(was, "d") && was != now:
			changed++
		}
	}
	for rel := range after {
		if strings.Contains(rel, "new-") {
			created++
		}
	}
	if changed != 20 || created != 20 || deleted != 10 || chmodded != 10 {
		t.Errorf("%d changed, %d new, %d deleted, %d chmodded", changed, created, deleted, chmodded)
	}
	if m.renamed[0] == "" || after[m.renamed[1]] == "" {
		t.Errorf("renamed: %v", m.renamed)
	}
}

func TestCompareTrees(t *testing.T) {
	everything := likeness{modes: true, times: allTimes}
	for name, c := range map[string]struct {
		spoil func(dir string) error
		want  string
	}{
		"equal":   {func(string) error { return nil }, ""},
		"sums":    {func(dir string) error { return os.WriteFile(filepath.Join(dir, sumsName), nil, 0o600) }, ""},
		"content": {func(dir string) error { return rewrite(filepath.Join(dir, "shelf0/volume1.bin")) }, "has other content"},
		"missing": {func(dir string) error { return os.Remove(filepath.Join(dir, "shelf0/volume1.bin")) }, "no such file"},
		"extra":   {func(dir string) error { return os.Mkdir(filepath.Join(dir, "more"), 0o755) }, "is not in the source"},
		"mode":    {func(dir string) error { return os.Chmod(filepath.Join(dir, "shelf0/volume1.bin"), 0o400) }, "has mode"},
		"time":    {func(dir string) error { return os.Chtimes(filepath.Join(dir, "shelf0/volume1.bin"), madeAt, madeAt) }, "is of"},
		"size":    {func(dir string) error { return os.Truncate(filepath.Join(dir, "shelf0/volume1.bin"), 5) }, "bytes, not"},
		"type":    {func(dir string) error { return swapForDir(filepath.Join(dir, "shelf0/volume1.bin")) }, "is a d"},
	} {
		t.Run(name, func(t *testing.T) {
			if !supported {
				t.Skip("compares modes and inodes as Linux has them")
			}
			one, two := t.TempDir(), t.TempDir()
			err := firstOf(growLarge(t.Context(), one, 100), growLarge(t.Context(), two, 100), c.spoil(two))
			if err != nil {
				t.Fatal(err)
			}
			err = compareTrees(t.Context(), one, two, everything)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// rewrite changes content and keeps size and time.
func rewrite(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return firstOf(os.WriteFile(path, make([]byte, info.Size()), 0o644), os.Chtimes(path, time.Time{}, info.ModTime()))
}

func swapForDir(path string) error { return firstOf(os.Remove(path), os.Mkdir(path, 0o755)) }

func TestSharedTrees(t *testing.T) {
	older, newer := t.TempDir(), t.TempDir()
	for name, size := range map[string]int{"small": 999, "linked": 1000} {
		if err := os.WriteFile(filepath.Join(older, name), make([]byte, size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	err := firstOf(
		os.Link(filepath.Join(older, "linked"), filepath.Join(newer, "linked")),
		os.WriteFile(filepath.Join(newer, "small"), make([]byte, 999), 0o644),
	)
	if err != nil {
		t.Fatal(err)
	}
	if err := sharedTrees(t.Context(), older, newer, smallSize); err != nil {
		t.Error(err)
	}
	if err := sharedTrees(t.Context(), older, newer, 0); err == nil || !strings.Contains(err.Error(), `"small"`) {
		t.Errorf("%v", err)
	}
}
