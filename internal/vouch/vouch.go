// Package vouch finds out what content a published file has before anything
// is linked to it: a SHA256SUMS that nobody but its owner can have replaced
// says so of a file that nobody else can have altered, or the content is
// hashed.
//
// It must never believe a lookup entry, a plan or a doubtful SHA256SUMS, and
// it never writes.
package vouch

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
)

// ErrReplaced means that a file was replaced while it was looked at.
var ErrReplaced = errors.New("it was replaced while it was looked at")

// Sums remembers the SHA256SUMS of the directory it was last asked about. It
// is for one goroutine.
type Sums struct {
	root *snapshot.Root
	key  string
	list list
}

// list is what a directory's SHA256SUMS says; no lines: nothing to be trusted.
type list struct {
	lines map[string]digest.Sum
	file  meta.Info // of the SHA256SUMS itself
}

// NewSums returns a Sums for directories below root.
func NewSums(root *snapshot.Root) *Sums { return &Sums{root: root} }

// Lookup returns what the directory's SHA256SUMS says of name; ok is false
// if it says nothing or cannot be trusted. The key tells directories apart.
func (s *Sums) Lookup(dir *fsys.Dir, key, name string) (sum digest.Sum, ok bool, err error) {
	if err := s.load(dir, key); err != nil {
		return digest.Sum{}, false, err
	}
	sum, ok = s.list.lines[name]
	return sum, ok, nil
}

func (s *Sums) load(dir *fsys.Dir, key string) error {
	if s.list.lines != nil && s.key == key {
		return nil
	}
	l, err := trusted(s.root, dir)
	if err != nil {
		return err
	}
	s.key, s.list = key, l
	return nil
}

// altered reports whether a file seems to have been modified or replaced after
// its SHA256SUMS was written, so that its line is about something else. Links
// that are made or removed change the ctime, too; a file with one name that
// once had more is read in vain.
func (l *list) altered(st *meta.Info) bool {
	return st.Mtime.Compare(l.file.Mtime) > 0 || st.Nlink == 1 && st.Ctime.Compare(l.file.Ctime) > 0
}

// Content returns the hash of a file's content, as far as possible without
// reading it. The Info is what an lstat told of it.
func (s *Sums) Content(ctx context.Context, dir *fsys.Dir, key, name string, st *meta.Info, buf []byte) (digest.Sum, error) {
	sum, ok, err := s.Lookup(dir, key, name)
	if err != nil {
		return digest.Sum{}, err
	}
	if ok && s.root.Fixed(st) && !s.list.altered(st) {
		return sum, nil
	}
	return Hash(ctx, dir, name, st, buf)
}

// Trusted returns the lines of a directory's SHA256SUMS. A missing or
// doubtful one has none, and neither has a name it contradicts itself about.
func Trusted(root *snapshot.Root, dir *fsys.Dir) (map[string]digest.Sum, error) {
	l, err := trusted(root, dir)
	return l.lines, err
}

func trusted(root *snapshot.Root, dir *fsys.Dir) (list, error) {
	none := list{lines: map[string]digest.Sum{}}
	f, err := dir.OpenFile(sums.FileName)
	if err != nil {
		return none, nil //nolint:nilerr // without it the content is hashed
	}
	defer f.Close()
	file, err := f.Stat()
	if err != nil {
		return list{}, err
	}
	above, err := dir.Stat()
	if err != nil {
		return list{}, err
	}
	if file.Kind != meta.File || !root.Trusts(above, file) {
		return none, nil
	}
	lines, err := parse(f)
	return list{lines: lines, file: file}, err
}

// parse reads the lines and drops those that contradict each other.
func parse(f *fsys.File) (map[string]digest.Sum, error) {
	all, _, err := sums.Parse(f)
	if err != nil {
		return nil, err
	}
	lines := make(map[string]digest.Sum, len(all))
	contradicted := map[string]bool{}
	for _, l := range all {
		if other, twice := lines[l.Name]; twice && other != l.Sum {
			contradicted[l.Name] = true
		}
		lines[l.Name] = l.Sum
	}
	for name := range contradicted {
		delete(lines, name)
	}
	return lines, nil
}

// Hash reads a file and returns its SHA-256. If want is not nil, the file
// must be the inode that an earlier lstat told of.
func Hash(ctx context.Context, dir *fsys.Dir, name string, want *meta.Info, buf []byte) (digest.Sum, error) {
	f, err := dir.OpenFile(name)
	if err != nil {
		return digest.Sum{}, err
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return digest.Sum{}, err
	}
	if st.Kind != meta.File {
		return digest.Sum{}, fmt.Errorf("hash %s: it is a %s", f.Path(), st.Kind)
	}
	if want != nil && !st.SameFile(want) {
		return digest.Sum{}, fmt.Errorf("hash %s: %w", f.Path(), ErrReplaced)
	}
	return Read(ctx, f, buf)
}

// Read hashes an open file from its current position to its end.
func Read(ctx context.Context, f *fsys.File, buf []byte) (digest.Sum, error) {
	return Watch(ctx, f, buf, func(int64) {})
}

// Watch is Read for files that take a while: read is told how many bytes came,
// buffer by buffer.
func Watch(ctx context.Context, f *fsys.File, buf []byte, read func(n int64)) (digest.Sum, error) {
	hash := sha256.New()
	for {
		if err := ctx.Err(); err != nil {
			return digest.Sum{}, err
		}
		n, err := f.Read(buf)
		hash.Write(buf[:n])
		if n > 0 {
			read(int64(n))
		}
		if err == io.EOF {
			var sum digest.Sum
			hash.Sum(sum[:0])
			return sum, nil
		}
		if err != nil {
			return digest.Sum{}, err
		}
	}
}
