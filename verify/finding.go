package verify

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"phlb/internal/digest"
	"phlb/internal/meta"
)

// Kind says what is wrong with a path of a snapshot.
type Kind string

// The kinds of findings.
const (
	Changed    Kind = "changed"    // the content is not what is on record for it
	Missing    Kind = "missing"    // SHA256SUMS or the catalogue lists what is not there
	Unlisted   Kind = "unlisted"   // a regular file has no line in SHA256SUMS
	Unreadable Kind = "unreadable" // a file, directory or SHA256SUMS cannot be read
	BadLine    Kind = "bad-line"   // a damaged or contradictory line in SHA256SUMS
	WrongType  Kind = "type"       // what should be a regular file is something else
	Catalog    Kind = "catalog"    // the catalogue disagrees; with the path ".", it cannot be used
)

// Finding is one thing that is wrong with one path.
type Finding struct {
	Kind     Kind
	Snapshot string // name/time
	Path     string // relative to the snapshot, as stored; raw bytes; "." is the snapshot
	Detail   string // for people; "" where the kind says all
	// Recorded and Actual are hashes, as far as they are known and matter.
	Recorded digest.Sum
	Actual   digest.Sum
	// Inode is the same for all paths that share one stored file, and zero
	// where no file is concerned.
	Inode uint64

	key inodeKey
}

// IsDamage reports whether the snapshot itself is harmed. It is not where
// merely its catalogue cannot be used, or is that of another snapshot: that
// is a cache, and Rebuild makes it anew.
func (f *Finding) IsDamage() bool { return f.Kind != Catalog || f.Path != "." }

// Compare orders findings by snapshot, path and kind.
func (f *Finding) Compare(o *Finding) int {
	return cmp.Or(
		strings.Compare(f.Snapshot, o.Snapshot),
		meta.ComparePaths(f.Path, o.Path),
		strings.Compare(string(f.Kind), string(o.Kind)),
		strings.Compare(f.Detail, o.Detail))
}

// MarshalJSON writes the path as path_b64 (standard base64) where it is not
// UTF-8.
func (f Finding) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Kind     Kind   `json:"kind"`
		Snapshot string `json:"snapshot"`
		jsonPath
		Detail   string     `json:"detail,omitempty"`
		Recorded digest.Sum `json:"recorded_sha256,omitzero"`
		Actual   digest.Sum `json:"actual_sha256,omitzero"`
		Inode    uint64     `json:"inode,omitempty"`
	}{f.Kind, f.Snapshot, newJSONPath(f.Path), f.Detail, f.Recorded, f.Actual, f.Inode})
}

// jsonPath is a path in JSON, in one of two spellings.
type jsonPath struct {
	Path    string `json:"path,omitempty"`
	PathB64 []byte `json:"path_b64,omitempty"`
}

func newJSONPath(raw string) jsonPath {
	if utf8.ValidString(raw) {
		return jsonPath{Path: raw}
	}
	return jsonPath{PathB64: []byte(raw)}
}

// maxListed bounds the lists of a result: a root of which everything is
// damaged must not need memory for each path.
const maxListed = 100_000

// collector keeps the first maxListed of what workers report, in sorted
// order whatever order they report in, and counts the rest. It is safe for
// concurrent use.
type collector[T any] struct {
	compare func(a, b *T) int
	limit   int

	mu      sync.Mutex
	kept    []T
	dropped int64
}

func newCollector[T any](compare func(a, b *T) int) *collector[T] {
	return &collector[T]{compare: compare, limit: maxListed}
}

func (c *collector[T]) add(item T) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = append(c.kept, item)
	if len(c.kept) >= 2*c.limit {
		c.shrink()
	}
}

func (c *collector[T]) shrink() {
	slices.SortStableFunc(c.kept, func(a, b T) int { return c.compare(&a, &b) })
	if extra := len(c.kept) - c.limit; extra > 0 {
		clear(c.kept[c.limit:])
		c.kept = c.kept[:c.limit]
		c.dropped += int64(extra)
	}
}

// sorted returns what was kept; the collector is not used afterwards.
func (c *collector[T]) sorted() (kept []T, dropped int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shrink()
	if c.kept == nil {
		c.kept = []T{} // [] in JSON
	}
	return c.kept, c.dropped
}

// cause is what the system said of an error; the path stands beside it
// anyway.
func cause(err error) string {
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	return err.Error()
}
