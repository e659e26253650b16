// Package lookup keeps the size and hash lookups of a backup root in the
// layout of PyHardLinkBackup (PHLB):
//
//	.phlb/size-lookup/12/34/123456789   empty: content of this size exists
//	.phlb/hash-lookup/ab/cd/abcd…       path of one file with this SHA-256
//
// The directories are the first two and the next two digits. Content below
// MinSize bytes is in neither.
//
// Both are a cache that can be rebuilt from the snapshots, never the truth:
// an entry may point to nothing, to the wrong content or to a file that
// somebody planted, and whoever links to what it names must prove it first.
// The package must never look at that file itself. Nothing is synced here:
// after a crash an entry may be missing or empty, which Get tells and the
// next Put mends.
package lookup

import (
	"errors"
	"fmt"

	"phlb/internal/fsys"
)

// MinSize is the size in bytes from which on content is looked up. PHLB fixes
// it, and the directories of the size lookup need four digits.
const MinSize = 1000

const (
	sizesDir  = ".phlb/size-lookup"
	hashesDir = ".phlb/hash-lookup"

	// Only the owner may read or alter the lookups.
	dirMode  = 0o700
	fileMode = 0o600
)

// ErrSize is returned by AddSize for sizes below MinSize.
var ErrSize = fmt.Errorf("smaller than %d bytes", MinSize)

// ErrPath is returned by Put for what cannot be the content of an entry.
var ErrPath = errors.New("not a relative path of plain elements")

// DB is the lookups of one backup root. It is safe for concurrent use.
// Reading needs no lock; only the holder of the root's lock may write.
type DB struct {
	root   *fsys.Dir
	sizes  [sizeShards]sizeShard
	hashes [hashShards]hashShard
}

// Open returns the lookups below root, which must stay open as long as they
// are used. It makes nothing: missing directories are empty lookups.
func Open(root *fsys.Dir) (*DB, error) {
	if _, err := root.Stat(); err != nil {
		return nil, fmt.Errorf("open lookups: %w", err)
	}
	return &DB{root: root}, nil
}

// Close releases the directories that writing keeps open: at most 256, one
// for each first byte of a hash. The lookups can still be used afterwards.
func (db *DB) Close() error {
	var errs []error
	for i := range db.hashes {
		errs = append(errs, db.hashes[i].close())
	}
	return errors.Join(errs...)
}
