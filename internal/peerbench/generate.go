package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// seed is that of all data: every run of the harness, anywhere, gets the same.
const seed = 20261123

// madeAt is the modification time of the first file; each later one is a
// second younger.
var madeAt = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// stream is a source of pseudo-random bytes that depends only on n.
func stream(n int) *rand.ChaCha8 {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	binary.LittleEndian.PutUint64(key[8:], uint64(n))
	return rand.NewChaCha8(key)
}

// dice are for decisions; n keeps different questions apart.
func dice(n int) *rand.Rand { return rand.New(stream(n)) }

// writeRandom creates the n-th file of a data set, with size bytes.
func writeRandom(path string, n int, size int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	if err := copyRandom(f, n, size); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	at := madeAt.Add(time.Duration(n) * time.Second)
	return os.Chtimes(path, at, at)
}

func copyRandom(f *os.File, n int, size int64) error {
	from := stream(n)
	buf := make([]byte, min(size, 1<<20))
	for size > 0 {
		part := buf[:min(size, int64(len(buf)))]
		from.Read(part) //nolint:errcheck // ChaCha8 never fails
		if _, err := f.Write(part); err != nil {
			return err
		}
		size -= int64(len(part))
	}
	return nil
}

// tinyPath spreads files over two levels: a hundred files in a directory, a
// hundred of these in another.
func tinyPath(n int) string {
	leaf := n / 100
	return filepath.Join(fmt.Sprintf("d%03d", leaf/100), fmt.Sprintf("d%02d", leaf%100), fmt.Sprintf("f%02d", n%100))
}

// growTiny makes files of 0 to 3 KiB.
func growTiny(ctx context.Context, dir string, files int) error {
	size := dice(-1)
	for n := range files {
		path := filepath.Join(dir, tinyPath(n))
		if n%100 == 0 {
			if err := firstOf(ctx.Err(), os.MkdirAll(filepath.Dir(path), 0o755)); err != nil {
				return err
			}
		}
		if err := writeRandom(path, n, int64(size.IntN(3<<10+1))); err != nil {
			return err
		}
	}
	return nil
}

// growLarge makes 8 files from 200 to 312 MiB, unit being a MiB but in tests.
func growLarge(ctx context.Context, dir string, unit int64) error {
	for n := range 8 {
		path := filepath.Join(dir, fmt.Sprintf("shelf%d", n/4), fmt.Sprintf("volume%d.bin", n))
		if err := firstOf(ctx.Err(), os.MkdirAll(filepath.Dir(path), 0o755)); err != nil {
			return err
		}
		if err := writeRandom(path, n, (200+16*int64(n))*unit+int64(n)); err != nil {
			return err
		}
	}
	return nil
}

// growSample makes about 3,000 files, mostly tiny ones, and what is odd in
// real trees.
func growSample(ctx context.Context, dir string) error {
	if err := growTiny(ctx, dir, 2900); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "medium"), 0o755); err != nil {
		return err
	}
	for n := range 60 {
		path := filepath.Join(dir, "medium", fmt.Sprintf("m%02d", n))
		if err := writeRandom(path, 10_000+n, int64(5000*(n+1))); err != nil {
			return err
		}
	}
	return growOdd(filepath.Join(dir, "odd"))
}

func growOdd(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "empty directory"), 0o750); err != nil {
		return err
	}
	for n, name := range []string{"a name with spaces", "new\nline", `back\slash`, "-n", "größe", "twin 1", "script"} {
		if err := writeRandom(filepath.Join(dir, name), 20_000+n, 4000); err != nil {
			return err
		}
	}
	// The content of twin 1, so that something is to be linked in a first run.
	if err := writeRandom(filepath.Join(dir, "twin 2"), 20_005, 4000); err != nil {
		return err
	}
	return firstOf(
		os.Chmod(filepath.Join(dir, "script"), 0o755),
		os.Chmod(filepath.Join(dir, "-n"), 0o400),
		os.Link(filepath.Join(dir, "script"), filepath.Join(dir, "hard link")),
		os.Symlink("script", filepath.Join(dir, "link")),
		os.Symlink("nowhere", filepath.Join(dir, "broken link")),
	)
}

// firstOf is the first of errs that is one.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
