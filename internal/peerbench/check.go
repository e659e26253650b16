package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// likeness says how like a snapshot must be to its source; names, types,
// contents and the targets of symlinks always are.
type likeness struct {
	modes bool
	times timeRule
}

type timeRule int

// Without a rule, times are not compared.
const (
	// ownTimes compares the times of files that have their inode for
	// themselves. Others share one time with all their names, by design.
	ownTimes timeRule = iota + 1
	allTimes
)

// sumsName is the file that phlb adds to directories.
const sumsName = "SHA256SUMS"

// compareTrees tells the first few differences between want and got.
func compareTrees(ctx context.Context, want, got string, how likeness) error {
	var found findings
	c := &comparer{how: how, a: make([]byte, 128<<10), b: make([]byte, 128<<10)}
	err := walkBoth(ctx, want, got, func(rel, wanted, gotten string, info fs.FileInfo) error {
		return found.add(rel, c.compare(wanted, gotten, info))
	})
	if err == nil {
		err = walkBoth(ctx, got, want, func(rel, _, wanted string, info fs.FileInfo) error {
			if _, err := os.Lstat(wanted); info.Name() != sumsName && err != nil {
				return found.add(rel, errors.New("is not in the source"))
			}
			return nil
		})
	}
	return errors.Join(err, found.err())
}

// walkBoth visits everything below one tree, with the same path in another.
func walkBoth(ctx context.Context, one, other string, visit func(rel, path, otherPath string, info fs.FileInfo) error) error {
	return filepath.WalkDir(one, func(path string, e fs.DirEntry, err error) error {
		if err = firstOf(err, ctx.Err()); err != nil || path == one {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(one, path)
		if err != nil {
			return err
		}
		return visit(rel, path, filepath.Join(other, rel), info)
	})
}

// findings are differences: enough of them, and looking on is no use.
type findings []error

const enough = 5

func (f *findings) add(rel string, err error) error {
	if err == nil {
		return nil
	}
	*f = append(*f, fmt.Errorf("%q: %w", rel, err))
	if len(*f) >= enough {
		return errors.New("and perhaps more")
	}
	return nil
}

func (f findings) err() error { return errors.Join(f...) }

// comparer compares single files, with one pair of buffers.
type comparer struct {
	how  likeness
	a, b []byte
}

func (c *comparer) compare(want, got string, w fs.FileInfo) error {
	g, err := os.Lstat(got)
	switch {
	case err != nil:
		return err
	case w.Mode().Type() != g.Mode().Type():
		return fmt.Errorf("is a %v, not a %v", g.Mode().Type(), w.Mode().Type())
	case w.Mode().Type() == fs.ModeSymlink:
		return sameTarget(want, got)
	case c.how.modes && w.Mode() != g.Mode():
		return fmt.Errorf("has mode %v, not %v", g.Mode(), w.Mode())
	case !w.Mode().IsRegular():
		return nil
	case w.Size() != g.Size():
		return fmt.Errorf("has %d bytes, not %d", g.Size(), w.Size())
	case c.mindsTime(g) && !w.ModTime().Equal(g.ModTime()):
		return fmt.Errorf("is of %v, not %v", g.ModTime(), w.ModTime())
	}
	return c.sameContent(want, got)
}

func (c *comparer) mindsTime(got fs.FileInfo) bool {
	return c.how.times == allTimes || c.how.times == ownTimes && inodeOf(got).links == 1
}

func sameTarget(want, got string) error {
	w, err := os.Readlink(want)
	if err != nil {
		return err
	}
	g, err := os.Readlink(got)
	if err == nil && w != g {
		err = fmt.Errorf("points to %q, not %q", g, w)
	}
	return err
}

// sameContent compares byte by byte, which needs no trust in a hash.
func (c *comparer) sameContent(want, got string) error {
	w, err := os.Open(want)
	if err != nil {
		return err
	}
	defer w.Close()
	g, err := os.Open(got)
	if err != nil {
		return err
	}
	defer g.Close()
	for {
		n, errW := io.ReadFull(w, c.a)
		m, errG := io.ReadFull(g, c.b)
		if !bytes.Equal(c.a[:n], c.b[:m]) {
			return errors.New("has other content")
		}
		if errW != nil || errG != nil {
			return errors.Join(unlessEOF(errW), unlessEOF(errG))
		}
	}
}

func unlessEOF(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// sharedTrees checks that every file of at least minSize in the newer snapshot
// is the older one's: otherwise a quick run would have stored content twice.
func sharedTrees(ctx context.Context, older, newer string, minSize int64) error {
	var found findings
	err := walkBoth(ctx, newer, older, func(rel, _, old string, info fs.FileInfo) error {
		if !info.Mode().IsRegular() || info.Size() < minSize || info.Name() == sumsName {
			return nil
		}
		before, err := os.Lstat(old)
		if err == nil && !os.SameFile(before, info) {
			err = errors.New("is unchanged, but not linked to the last snapshot's")
		}
		return found.add(rel, err)
	})
	return errors.Join(err, found.err())
}
