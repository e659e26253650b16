package lookup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"sync"

	"phlb/internal/digest"
	"phlb/internal/fsys"
)

const (
	// hashShards is one for each first byte of a hash.
	hashShards = 256
	// maxPath bounds the content of an entry, in bytes.
	maxPath = 64 << 10
	// newSuffix marks a replacement that has not been renamed yet. The root's
	// lock and the shard's mutex leave one writer at a time.
	newSuffix = ".new"
)

// hashShard is the writing side of one directory of the first level, opened
// when first needed.
type hashShard struct {
	mu   sync.Mutex
	dir  *fsys.Dir
	made [hashShards]bool // directories of the second level that exist
}

func (s *hashShard) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir == nil {
		return nil
	}
	err := s.dir.Close()
	s.dir, s.made = nil, [hashShards]bool{}
	return err
}

// hashName returns the file name of a hash and its directory below hashesDir.
func hashName(sum digest.Sum) (dir, name string) {
	name = string(sum.AppendHex(make([]byte, 0, 64)))
	return name[:2] + "/" + name[2:4], name
}

// validPath reports whether path can be the content of an entry: elements
// that lead nowhere but down.
func validPath(path string) bool {
	if len(path) > maxPath || strings.IndexByte(path, 0) >= 0 {
		return false
	}
	for name := range strings.SplitSeq(path, "/") {
		if name == "" || name == "." || name == ".." {
			return false
		}
	}
	return true
}

// Get returns the path, relative to the backup root, of a file that is said
// to have this hash. ok is false when there is no entry, or one that is no
// path. The path is exactly the entry's content, a newline at its end
// included: file names may end in one. The caller proves what it points to.
func (db *DB) Get(sum digest.Sum) (path string, ok bool, err error) {
	dir, name := hashName(sum)
	f, err := db.root.OpenFileAt(hashesDir + "/" + dir + "/" + name)
	if err == nil {
		path, ok, err = readEntry(f)
	}
	switch {
	case err == nil:
		return path, ok, nil
	case errors.Is(err, fs.ErrNotExist), fsys.ClassOf(err) == fsys.ClassType:
		return "", false, nil
	}
	return "", false, fmt.Errorf("look up %v: %w", sum, err)
}

// readEntry reads and closes f.
func readEntry(f *fsys.File) (path string, ok bool, err error) {
	defer f.Close()
	text, err := readAll(f)
	if err != nil {
		return "", false, err
	}
	if path = string(text); !validPath(path) {
		return "", false, nil
	}
	return path, true, nil
}

// readAll reads up to one byte more than an entry may hold.
func readAll(r io.Reader) ([]byte, error) {
	buf := make([]byte, 512)
	for n := 0; ; {
		got, err := r.Read(buf[n:])
		n += got
		if err == io.EOF || n > maxPath {
			return buf[:n], nil
		}
		if err != nil {
			return nil, err
		}
		if n == len(buf) {
			buf = append(buf, make([]byte, 3*len(buf))...)
		}
	}
}

// Put records that the file at path, relative to the backup root, has this
// hash. An entry that is right already is not written: on ext4 replacing a
// file forces its data out. A different one is replaced by rename.
func (db *DB) Put(sum digest.Sum, path string) error {
	added, err := db.Add(sum, path)
	if err != nil || added {
		return err
	}
	if err := db.replace(sum, path); err != nil {
		return fmt.Errorf("put %v: %w", sum, err)
	}
	return nil
}

// Add is Put where the lookup has nothing about the hash: an entry that
// exists, whatever it says, stays as it is, and added is false.
func (db *DB) Add(sum digest.Sum, path string) (added bool, err error) {
	if !validPath(path) {
		return false, fmt.Errorf("put %v: %q: %w", sum, path, ErrPath)
	}
	f, err := db.createHash(sum)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err == nil {
		err = fill(f, path, func() error { return db.Remove(sum) })
	}
	if err != nil {
		return false, fmt.Errorf("put %v: %w", sum, err)
	}
	return true, nil
}

// fill writes a new entry and closes it. After a failure the entry is removed,
// as half a path could be the path of something else.
func fill(f *fsys.File, text string, remove func() error) error {
	_, err := io.WriteString(f, text)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return errors.Join(err, remove())
	}
	return nil
}

// Repoint lets find say what the entry of a hash is to hold, if what it holds
// now is from; "" leaves it as it is. It reports whether it held from.
//
// A path of the same length, as another snapshot of one name has, is written
// over the old one: nothing is allocated, and nothing forced out, which of a
// hundred thousand entries would take minutes. Then half a new path can only
// be there after a power loss, and only if it is longer than a sector of the
// disk; like any entry it is believed by nobody.
func (db *DB) Repoint(sum digest.Sum, from string, find func() string) (held bool, err error) {
	dir, name := hashName(sum)
	f, err := db.root.OpenUpdateAt(hashesDir + "/" + dir + "/" + name)
	switch {
	case errors.Is(err, fs.ErrNotExist), fsys.ClassOf(err) == fsys.ClassType:
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look up %v: %w", sum, err)
	}
	defer f.Close()
	text, err := readAll(f)
	if err != nil || string(text) != from {
		return false, err
	}
	to := find()
	if to == "" || to == from {
		return true, nil
	}
	if !validPath(to) {
		return true, fmt.Errorf("put %v: %q: %w", sum, to, ErrPath)
	}
	if own, err := f.Stat(); err == nil && len(to) == len(from) && own.Nlink == 1 {
		return true, overwrite(f, to)
	}
	if err := db.replace(sum, to); err != nil {
		return true, fmt.Errorf("put %v: %w", sum, err)
	}
	return true, nil
}

func overwrite(f *fsys.File, text string) error {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return err
	}
	_, err := io.WriteString(f, text)
	return err
}

// replace makes an existing entry hold path.
func (db *DB) replace(sum digest.Sum, path string) error {
	s := &db.hashes[sum[0]]
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok, err := db.Get(sum); err == nil && ok && old == path {
		return nil
	}
	dir, name := hashName(sum)
	d, err := db.root.OpenDirAt(hashesDir + "/" + dir)
	if err != nil {
		return err
	}
	defer d.Close()
	temp := name + newSuffix
	f, err := d.Create(temp, fileMode)
	if errors.Is(err, fs.ErrExist) { // left by an interrupted run
		if err = d.Remove(temp); err == nil {
			f, err = d.Create(temp, fileMode)
		}
	}
	if err != nil {
		return err
	}
	if err := fill(f, path, func() error { return d.Remove(temp) }); err != nil {
		return err
	}
	if err := d.Rename(temp, d, name); err != nil {
		return errors.Join(err, d.Remove(temp))
	}
	return nil
}

// createHash makes the file of a hash's entry, and its directory if need be.
func (db *DB) createHash(sum digest.Sum) (*fsys.File, error) {
	dir, name := hashName(sum)
	first, second := dir[:2], dir[3:]
	s := &db.hashes[sum[0]]
	if err := db.prepare(s, sum[1], first, second); err != nil {
		return nil, err
	}
	f, err := s.dir.CreateAt(second+"/"+name, fileMode)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	// Somebody has tidied up.
	if err := s.makeSecond(sum[1], second); err != nil {
		return nil, err
	}
	return s.dir.CreateAt(second+"/"+name, fileMode)
}

// prepare makes the directories of both levels unless they are known to exist.
// Only that is done under the shard's lock: the entries themselves are made by
// several workers at once.
func (db *DB) prepare(s *hashShard, b byte, first, second string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := db.openShard(s, first); err != nil || s.made[b] {
		return err
	}
	return s.mkdir(b, second)
}

func (s *hashShard) makeSecond(b byte, second string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mkdir(b, second)
}

// mkdir makes a directory of the second level. The shard must be locked.
func (s *hashShard) mkdir(b byte, second string) error {
	err := s.dir.Mkdir(second, dirMode)
	s.made[b] = err == nil || errors.Is(err, fs.ErrExist)
	if s.made[b] {
		return nil
	}
	return err
}

// openShard opens, and makes, the directory of the first level, and notes
// which of the second exist, so that no call is made in vain for them.
func (db *DB) openShard(s *hashShard, first string) error {
	if s.dir != nil {
		return nil
	}
	d, err := db.root.MkdirAll(hashesDir+"/"+first, dirMode)
	if err != nil {
		return err
	}
	list, err := d.ReadDir()
	if err != nil {
		return errors.Join(err, d.Close())
	}
	for _, e := range list {
		if b, ok := parseByte(e.Name); ok {
			s.made[b] = true
		}
	}
	s.dir = d
	return nil
}

// parseByte reads the name of a directory: two lower-case hex digits.
func parseByte(name string) (b byte, ok bool) {
	const digits = "0123456789abcdef"
	if len(name) != 2 {
		return 0, false
	}
	high, low := strings.IndexByte(digits, name[0]), strings.IndexByte(digits, name[1])
	return byte(high<<4 | low), high >= 0 && low >= 0
}

// Remove takes a hash out of the lookup; it need not be in it.
func (db *DB) Remove(sum digest.Sum) error {
	dir, name := hashName(sum)
	if err := db.removeAt(hashesDir+"/"+dir, name); err != nil {
		return fmt.Errorf("remove %v: %w", sum, err)
	}
	return nil
}

// Sums passes on all entries of the lookup, in no order.
func (db *DB) Sums(ctx context.Context, yield func(sum digest.Sum, path string) error, opts ...WalkOption) error {
	w := newWalk(db.root, hashesDir, opts)
	w.isDir = func(name string) bool { _, ok := parseByte(name); return ok }
	w.entry = func(d *fsys.Dir, dir string, e fsys.DirEntry) (bool, error) {
		sum, err := digest.Parse(e.Name)
		if wantDir, wantName := hashName(sum); err != nil || dir != wantDir || e.Name != wantName {
			return false, nil
		}
		path, ok, err := listedEntry(d, e)
		if err != nil || !ok {
			return false, err
		}
		return true, yield(sum, path)
	}
	return w.run(ctx)
}

// listedEntry reads an entry found by listing. One that went meanwhile, or is
// no file, is not ok.
func listedEntry(d *fsys.Dir, e fsys.DirEntry) (path string, ok bool, err error) {
	if !isEntry(e.Kind) {
		return "", false, nil
	}
	f, err := d.OpenFile(e.Name)
	if err == nil {
		path, ok, err = readEntry(f)
	}
	if errors.Is(err, fs.ErrNotExist) || fsys.ClassOf(err) == fsys.ClassType {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("read lookups: %w", err)
	}
	return path, ok, nil
}
