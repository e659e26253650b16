package lookup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// sizeShards is one for each four leading digits; those below 1000 stay
// unused, as no number starts with a zero.
const sizeShards = 10_000

// sizeShard is what one directory of the size lookup holds. It is listed as a
// whole when it is to be written, or asked for more than a few times: a listing
// costs as much as some questions, and answers all later ones.
type sizeShard struct {
	mu     sync.Mutex
	asked  uint8 // questions that were answered without a listing
	loaded bool
	exists bool // the directory does
	sizes  map[int64]struct{}
}

// maxAsked is how many questions are answered without a listing.
const maxAsked = 4

// sizeName returns the file name of a size and its directory below sizesDir.
func sizeName(size int64) (dir, name string) {
	name = strconv.FormatInt(size, 10)
	return name[:2] + "/" + name[2:4], name
}

// parseSize is the inverse of sizeName: it refuses names that do not belong
// into dir.
func parseSize(dir, name string) (size int64, ok bool) {
	size, err := strconv.ParseInt(name, 10, 64)
	if err != nil || size < MinSize {
		return 0, false
	}
	wantDir, wantName := sizeName(size)
	return size, dir == wantDir && name == wantName
}

func (db *DB) sizeShard(size int64) *sizeShard {
	for size >= sizeShards {
		size /= 10
	}
	return &db.sizes[size]
}

// load reads the directory of a shard once. The shard must be locked.
func (db *DB) load(s *sizeShard, dir string) error {
	if s.loaded {
		return nil
	}
	sizes := map[int64]struct{}{}
	d, err := db.root.OpenDirAt(sizesDir + "/" + dir)
	if errors.Is(err, fs.ErrNotExist) {
		s.sizes, s.loaded = sizes, true
		return nil
	}
	if err != nil {
		return err
	}
	defer d.Close()
	list, err := d.ReadDir()
	if err != nil {
		return err
	}
	for _, e := range list {
		if size, ok := parseSize(dir, e.Name); ok && isEntry(e.Kind) {
			sizes[size] = struct{}{}
		}
	}
	s.sizes, s.exists, s.loaded = sizes, true, true
	return nil
}

// isEntry reports whether a listed object can be an entry. Some file systems
// do not tell the kind while listing.
func isEntry(k meta.Kind) bool { return k == meta.File || k == meta.Unknown }

// HasSize reports whether some stored content may have this size in bytes.
// Answers are mostly remembered: what another process adds later may be missed.
func (db *DB) HasSize(size int64) (bool, error) {
	if size < MinSize {
		return false, nil
	}
	dir, name := sizeName(size)
	s := db.sizeShard(size)
	s.mu.Lock()
	defer s.mu.Unlock()
	has, err := db.ask(s, dir, name, size)
	if err != nil {
		return false, fmt.Errorf("look up size %d: %w", size, err)
	}
	return has, nil
}

// ask answers a question about a shard, which must be locked.
func (db *DB) ask(s *sizeShard, dir, name string, size int64) (bool, error) {
	if !s.loaded && s.asked < maxAsked {
		s.asked++
		return db.look(dir, name)
	}
	if err := db.load(s, dir); err != nil {
		return false, err
	}
	_, has := s.sizes[size]
	return has, nil
}

// look reports whether there is an entry.
func (db *DB) look(dir, name string) (bool, error) {
	st, err := db.root.LstatAt(sizesDir + "/" + dir + "/" + name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && isEntry(st.Kind), err
}

// AddSize records that content of this size in bytes is stored. A size that
// is known already costs nothing.
func (db *DB) AddSize(size int64) error {
	if size < MinSize {
		return fmt.Errorf("add size %d: %w", size, ErrSize)
	}
	dir, name := sizeName(size)
	s := db.sizeShard(size)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := db.load(s, dir); err != nil {
		return fmt.Errorf("add size %d: %w", size, err)
	}
	if _, has := s.sizes[size]; has {
		return nil
	}
	if err := db.makeSize(s, dir, name); err != nil {
		return fmt.Errorf("add size %d: %w", size, err)
	}
	s.sizes[size] = struct{}{}
	return nil
}

func (db *DB) makeSize(s *sizeShard, dir, name string) error {
	f, err := db.createSize(s, dir, name)
	if errors.Is(err, fs.ErrExist) {
		return nil // PHLB, or a file system that lists late
	}
	if err != nil {
		return err
	}
	return f.Close()
}

func (db *DB) createSize(s *sizeShard, dir, name string) (*fsys.File, error) {
	path := sizesDir + "/" + dir
	if s.exists {
		f, err := db.root.CreateAt(path+"/"+name, fileMode)
		if !errors.Is(err, fs.ErrNotExist) { // somebody may have tidied up
			return f, err
		}
	}
	if err := db.mkdirSizes(dir); err != nil {
		return nil, err
	}
	s.exists = true
	return db.root.CreateAt(path+"/"+name, fileMode)
}

// mkdirSizes makes a directory of the second level; that of the first mostly
// exists.
func (db *DB) mkdirSizes(dir string) error {
	first, second := dir[:2], dir[3:]
	d, err := db.root.OpenDirAt(sizesDir + "/" + first)
	if errors.Is(err, fs.ErrNotExist) {
		d, err = db.root.MkdirAll(sizesDir+"/"+first, dirMode)
	}
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Mkdir(second, dirMode); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// RemoveSize takes a size out of the lookup; it need not be in it.
func (db *DB) RemoveSize(size int64) error {
	if size < MinSize {
		return nil
	}
	dir, name := sizeName(size)
	s := db.sizeShard(size)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := db.removeAt(sizesDir+"/"+dir, name); err != nil {
		return fmt.Errorf("remove size %d: %w", size, err)
	}
	delete(s.sizes, size)
	return nil
}

// removeAt removes a file that may be missing, as may its directory.
func (db *DB) removeAt(dir, name string) error {
	d, err := db.root.OpenDirAt(dir)
	if err == nil {
		defer d.Close()
		err = d.Remove(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Sizes passes on all sizes in the lookup, in no order and read afresh.
func (db *DB) Sizes(ctx context.Context, yield func(size int64) error, opts ...WalkOption) error {
	w := newWalk(db.root, sizesDir, opts)
	w.isDir = func(name string) bool {
		return len(name) == 2 && strings.Trim(name, "0123456789") == ""
	}
	w.entry = func(_ *fsys.Dir, dir string, e fsys.DirEntry) (bool, error) {
		size, ok := parseSize(dir, e.Name)
		if !ok || !isEntry(e.Kind) {
			return false, nil
		}
		return true, yield(size)
	}
	return w.run(ctx)
}
