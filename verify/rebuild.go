package verify

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/lookup"
	"phlb/internal/snapshot"
)

// RebuildOptions configure Rebuild.
type RebuildOptions struct {
	Workers int           // read and write at the same time; below 1 means 1
	NewID   func() string // makes the id of a root that has lost its own
	// Now is the clock, which many goroutines ask; nil: the system's.
	Now func() time.Time
	// Events may be nil.
	Events event.Sink
}

// RebuildResult is what Rebuild found and did.
type RebuildResult struct {
	// Result is what a verification found on the way. Files without a line
	// and damaged catalogues are in it only as far as they could not be
	// mended.
	Result
	RootCreated bool          `json:"root_created"` // root.json was missing or damaged
	Sizes       LookupCounts  `json:"sizes"`
	Hashes      LookupCounts  `json:"hashes"`
	Catalogs    CatalogCounts `json:"catalogs"`
	Sums        SumsCounts    `json:"sums"`
	// Strays are paths below .phlb that belong to nothing and were left
	// alone. At most 100,000 are kept, as of Errors.
	Strays        []Path      `json:"strays"`
	StraysOmitted int64       `json:"strays_omitted"`
	Errors        []FileError `json:"errors"` // what could not be written
	ErrorsOmitted int64       `json:"errors_omitted"`
}

// LookupCounts are the entries of a lookup by what became of them.
type LookupCounts struct {
	Kept     int64 `json:"kept"`
	Added    int64 `json:"added"`
	Repaired int64 `json:"repaired"` // pointed to nothing, or to other or damaged content
	Removed  int64 `json:"removed"`  // there is no good file for it any more
}

// CatalogCounts are catalogues by what became of them.
type CatalogCounts struct {
	Kept     int64 `json:"kept"`
	Written  int64 `json:"written"` // there was none
	Replaced int64 `json:"replaced"`
	Removed  int64 `json:"removed"` // of snapshots that are gone
}

// SumsCounts count what was added to SHA256SUMS files.
type SumsCounts struct {
	Files     int64 `json:"files"`     // that were written
	Vouched   int64 `json:"vouched"`   // lines whose hash a catalogue, or a line for another path of the inode, confirms
	Unvouched int64 `json:"unvouched"` // lines that nothing on record confirms
}

// Path is a path in a result, raw bytes. In JSON it is a string or, where it
// is not UTF-8, {"path_b64":"…"}.
type Path string

// MarshalJSON implements json.Marshaler.
func (p Path) MarshalJSON() ([]byte, error) {
	if j := newJSONPath(string(p)); j.PathB64 != nil {
		return json.Marshal(j)
	}
	return json.Marshal(string(p))
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (p *Path) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		var j jsonPath
		err := json.Unmarshal(b, &j)
		*p = Path(j.PathB64)
		return err
	}
	return json.Unmarshal(b, (*string)(p))
}

// FileError is one path below the root that could not be written.
type FileError struct {
	Path string // relative to the root; raw bytes
	Err  string
}

// MarshalJSON writes the path as path_b64 where it is not UTF-8.
func (e FileError) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		jsonPath
		Err string `json:"error"`
	}{newJSONPath(e.Path), e.Err})
}

// rebuilder is one run of Rebuild.
type rebuilder struct {
	root   *snapshot.Root
	judge  *judge
	db     *lookup.DB
	now    func() time.Time
	result *RebuildResult
	errs   *collector[FileError]
	strays *collector[Path]

	mu    sync.Mutex // guards the counts in result, and fatal
	fatal error
}

// Rebuild makes lookups, missing catalogues and missing lines in SHA256SUMS
// anew from the snapshots, and root.json if it is gone. What is right is not
// written again. The caller holds the root's exclusive lock.
//
// Content that anything on record contradicts is damage: it is reported, and
// gets neither a line nor an entry. What is wrong with a path is a finding,
// what cannot be written is in Errors; neither stops the rest. A full or
// read-only file system, a root of an unknown format and the context's end
// do, and are returned as errors.
func Rebuild(ctx context.Context, root *snapshot.Root, o RebuildOptions) (*RebuildResult, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Events == nil {
		o.Events = event.Discard
	}
	db, err := lookup.Open(root.Dir())
	if err != nil {
		return nil, fmt.Errorf("rebuild: %w", err)
	}
	defer db.Close()
	b := &rebuilder{
		root: root, db: db, now: o.Now, result: &RebuildResult{},
		errs: newCollector(func(a, b *FileError) int {
			return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Err, b.Err))
		}),
		strays: newCollector(func(a, b *Path) int { return strings.Compare(string(*a), string(*b)) }),
	}
	start := o.Now()
	if err := b.run(ctx, o); err != nil {
		return nil, fmt.Errorf("rebuild: %w", err)
	}
	b.result.Duration = o.Now().Sub(start)
	return b.result, nil
}

func (b *rebuilder) run(ctx context.Context, o RebuildOptions) error {
	if err := b.initialize(o.NewID); err != nil {
		return err
	}
	ids, err := snapshots(ctx, b.root, nil)
	if err != nil {
		return err
	}
	b.judge = newJudge(b.root, o.Workers, event.Rebuild, o.Events)
	b.judge.remember = lookup.MinSize
	b.judge.gaps = newGaps()
	damaged := map[snapshot.ID]error{}
	b.judge.run(ctx, ids, func(id snapshot.ID, err error) { damaged[id] = err })
	if err := ctx.Err(); err != nil {
		return err
	}
	b.fillGaps(ctx)
	b.restoreAll(ctx, ids, damaged, o.Workers)
	b.removeCatalogs(ctx)
	if err := cmp.Or(ctx.Err(), b.fatal); err != nil {
		return err
	}
	b.result.Result = *b.judge.result()
	b.result.Errors, b.result.ErrorsOmitted = b.errs.sorted()
	b.result.Strays, b.result.StraysOmitted = b.strays.sorted()
	return nil
}

// initialize brings root.json back if it is gone.
func (b *rebuilder) initialize(newID func() string) error {
	_, ok, err := b.root.State()
	if errors.Is(err, snapshot.ErrDamaged) {
		err = b.setAsideState()
	}
	if ok || err != nil {
		return err
	}
	b.result.RootCreated = true
	_, err = b.root.Initialize(newID)
	return err
}

// setAsideState renames a root.json that cannot be understood.
func (b *rebuilder) setAsideState() error {
	dir, err := b.root.Dir().OpenDirAt(snapshot.PrivateDir)
	if err != nil {
		return err
	}
	defer dir.Close()
	const name = "root.json"
	return dir.Rename(name, dir, name+".damaged")
}

// failed notes that something could not be written. When nothing more can
// be, the run is to end.
func (b *rebuilder) failed(path string, err error) {
	b.errs.add(FileError{Path: path, Err: cause(err)})
	switch fsys.ClassOf(err) {
	case fsys.ClassFull, fsys.ClassReadOnly:
		b.mu.Lock()
		defer b.mu.Unlock()
		b.fatal = cmp.Or(b.fatal, err)
	}
}

// ended reports whether the run is to end early.
func (b *rebuilder) ended(ctx context.Context) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.fatal != nil || ctx.Err() != nil
}

// count changes a count of the result.
func (b *rebuilder) count(n *int64) {
	b.mu.Lock()
	*n++
	b.mu.Unlock()
}

// newestFirst sorts snapshots by time, those of one time by name.
func newestFirst(ids []snapshot.ID) []snapshot.ID {
	sorted := slices.Clone(ids)
	slices.SortFunc(sorted, func(a, b snapshot.ID) int {
		return cmp.Or(strings.Compare(b.Time, a.Time), strings.Compare(a.Name, b.Name))
	})
	return sorted
}
