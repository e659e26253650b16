package verify

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/lookup"
	"phlb/internal/meta"
	"phlb/internal/scan"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
)

// CompareOptions configure Compare.
type CompareOptions struct {
	// Scan says what of the source takes part. Its Workers and Xattrs are
	// set by Compare.
	Scan scan.Options
	// Workers read at the same time; below 1 means 1.
	Workers int
	// Now is the clock; nil: the system's.
	Now func() time.Time
	// Events may be nil.
	Events event.Sink
}

// Difference says in what a path of the source is not as in the snapshot.
type Difference string

// The differences. The last three are about the root, not the content: PHLB
// counts them, and rebuild mends the lookups.
const (
	NewInSource    Difference = "new_in_source"
	SizeDiffers    Difference = "size_differs"
	HashDiffers    Difference = "hash_differs"
	TypeDiffers    Difference = "type_differs"
	TargetDiffers  Difference = "symlink_differs"
	GoneFromSource Difference = "gone_from_source"

	NotInSizeLookup Difference = "missing_in_size_lookup"
	NotInHashLookup Difference = "missing_in_hash_lookup"
	CompareFailed   Difference = "error"
)

// Compared is one path that is not as it should be.
type Compared struct {
	Difference Difference
	Path       string // relative to the source; raw bytes
	Detail     string
}

// MarshalJSON writes the path as path_b64 where it is not UTF-8.
func (c Compared) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Difference Difference `json:"difference"`
		jsonPath
		Detail string `json:"detail,omitempty"`
	}{c.Difference, newJSONPath(c.Path), c.Detail})
}

// CompareResult is what Compare found. As in PHLB the counts are of regular
// files, except for GoneFromSource, TypeDiffers and SymlinkDiffers.
type CompareResult struct {
	Snapshot string `json:"snapshot"`
	// Total is all that takes part in the source.
	TotalFiles int64 `json:"total_files"`
	TotalBytes int64 `json:"total_bytes"`
	// Successful files have the same content in the snapshot, SuccessfulBytes
	// is their size; Small ones among them are below 1000 bytes and in no
	// lookup.
	Successful      int64 `json:"successful"`
	SuccessfulBytes int64 `json:"successful_bytes"`
	Small           int64 `json:"small"`
	NewInSource     int64 `json:"new_in_source"`
	SizeDiffers     int64 `json:"size_differs"`
	HashDiffers     int64 `json:"hash_differs"`
	TypeDiffers     int64 `json:"type_differs"`
	SymlinkDiffers  int64 `json:"symlink_differs"`
	GoneFromSource  int64 `json:"gone_from_source"`
	NotInSizeLookup int64 `json:"missing_in_size_lookup"`
	NotInHashLookup int64 `json:"missing_in_hash_lookup"`
	Errors          int64 `json:"errors"`
	Skipped         int64 `json:"skipped"` // paths excluded, or of a kind that is not stored
	// Paths are sorted. At most 100,000 are kept; the others are counted only.
	Paths        []Compared    `json:"paths"`
	PathsOmitted int64         `json:"paths_omitted"`
	Duration     time.Duration `json:"duration_ns"`
}

// Different reports whether source and snapshot differ in content.
func (r *CompareResult) Different() bool {
	return r.NewInSource+r.SizeDiffers+r.HashDiffers+r.TypeDiffers+r.SymlinkDiffers+r.GoneFromSource > 0
}

// comparer is one run of Compare.
type comparer struct {
	source *fsys.Dir
	tree   *tree
	db     *lookup.DB
	crew   *crew
	events event.Sink
	diffs  *collector[Compared]

	mu     sync.Mutex
	result *CompareResult
}

// Compare compares a source tree with one of its snapshots, by content. It
// writes nothing. What goes wrong with one path is counted; errors are a
// source or snapshot that cannot be read at all, and the context's end.
func Compare(ctx context.Context, source *fsys.Dir, root *snapshot.Root, id snapshot.ID, o CompareOptions) (*CompareResult, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Events == nil {
		o.Events = event.Discard
	}
	start := o.Now()
	db, err := lookup.Open(root.Dir())
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	defer db.Close()
	t, records, _, err := openTree(root, id)
	if err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	defer t.release()
	if records != nil {
		records.Close()
	}
	c := &comparer{
		source: source, tree: t, db: db, crew: newCrew(o.Workers), events: o.Events,
		result: &CompareResult{Snapshot: id.String()},
		diffs: newCollector(func(a, b *Compared) int {
			if c := meta.ComparePaths(a.Path, b.Path); c != 0 {
				return c
			}
			return strings.Compare(string(a.Difference), string(b.Difference))
		}),
	}
	if err := cmp.Or(c.run(ctx, o), ctx.Err()); err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	r := c.result
	r.Paths, r.PathsOmitted = c.diffs.sorted()
	r.Duration = o.Now().Sub(start)
	return r, nil
}

func (c *comparer) run(ctx context.Context, o CompareOptions) error {
	c.events.Send(event.Event{Kind: event.Start, Phase: event.Compare})
	defer c.events.Send(event.Event{Kind: event.End, Phase: event.Compare})
	defer c.crew.stop()
	o.Scan.Workers, o.Scan.Xattrs = o.Workers, scan.XattrsNone
	batch := c.newBatch()
	err := scan.Walk(ctx, c.source, o.Scan, func(e *scan.Entry) error {
		c.take(ctx, e, batch)
		return ctx.Err()
	})
	if err != nil {
		return err
	}
	batch.submit(ctx)
	return c.findGone(ctx)
}

// take deals with one entry of the source.
func (c *comparer) take(ctx context.Context, e *scan.Entry, b *pairs) {
	switch {
	case strings.HasPrefix(e.Skip, "unreadable"), e.Skip == "vanished":
		c.fail(e.Path, e.Skip)
	case e.Skip != "":
		c.count(func(r *CompareResult) { r.Skipped++ })
	case e.Kind == meta.File:
		c.count(func(r *CompareResult) {
			r.TotalFiles++
			r.TotalBytes += e.Size
		})
		b.add(ctx, pair{source: e.Path, stored: c.stored(e.Path), size: e.Size})
	case e.Kind == meta.Symlink:
		c.compareSymlink(e)
	case e.Kind == meta.Dir && e.Path != ".":
		c.compareDir(e.Path)
	}
}

// stored returns the path in the snapshot for one in the source.
func (c *comparer) stored(path string) string {
	if c.tree.renames {
		return sums.StoredPath(path)
	}
	return path
}

// count changes counts of the result.
func (c *comparer) count(change func(*CompareResult)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c.result)
}

// counter returns the count of a difference.
func (r *CompareResult) counter(d Difference) *int64 {
	switch d {
	case NewInSource:
		return &r.NewInSource
	case SizeDiffers:
		return &r.SizeDiffers
	case HashDiffers:
		return &r.HashDiffers
	case TypeDiffers:
		return &r.TypeDiffers
	case TargetDiffers:
		return &r.SymlinkDiffers
	case GoneFromSource:
		return &r.GoneFromSource
	case NotInSizeLookup:
		return &r.NotInSizeLookup
	case NotInHashLookup:
		return &r.NotInHashLookup
	default:
		return &r.Errors
	}
}

func (c *comparer) differ(d Difference, path, detail string) {
	c.count(func(r *CompareResult) { *r.counter(d)++ })
	c.diffs.add(Compared{d, path, detail})
}

func (c *comparer) fail(path, detail string) { c.differ(CompareFailed, path, detail) }

// other looks for the counterpart in the snapshot and reports one that is
// missing or of another kind.
func (c *comparer) other(path string, kind meta.Kind) (info meta.Info, ok bool) {
	info, err := c.tree.dir.LstatAt(c.stored(path))
	switch {
	case err != nil && vanished(err):
		c.lacks(path, kind)
	case err != nil:
		c.fail(path, cause(err))
	case info.Kind != kind:
		c.differ(TypeDiffers, path, "a "+kind.String()+" in the source, a "+info.Kind.String()+" in the snapshot")
	default:
		return info, true
	}
	return info, false
}

// lacks reports what the snapshot does not have.
func (c *comparer) lacks(path string, kind meta.Kind) {
	switch {
	case kind == meta.File:
		c.differ(NewInSource, path, "")
	case kind == meta.Symlink:
		c.differ(TargetDiffers, path, "it is not in the snapshot")
	case c.tree.renames: // PHLB does not store empty directories
		c.differ(TypeDiffers, path, "the directory is not in the snapshot")
	}
}

func (c *comparer) compareDir(path string) { c.other(path, meta.Dir) }

func (c *comparer) compareSymlink(e *scan.Entry) {
	if _, ok := c.other(e.Path, meta.Symlink); !ok {
		return
	}
	target, err := readlinkAt(c.tree.dir, c.stored(e.Path))
	switch {
	case err != nil:
		c.fail(e.Path, cause(err))
	case target != e.Target:
		c.differ(TargetDiffers, e.Path, fmt.Sprintf("to %q in the source, to %q in the snapshot", e.Target, target))
	}
}
