// Package snapdiff tells what changed between two snapshots, or between
// directories in them.
//
// It compares catalogues, and walks the snapshots where there is none that can
// be believed. It only reads, takes no lock, and must never take two files for
// equal because of their size and times alone: where no hash is on record it
// reads both.
package snapdiff

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"phlb/internal/listing"
	"phlb/internal/snapshot"
)

// Side is one of the two that are compared.
type Side struct {
	Root *snapshot.Root
	ID   snapshot.ID
	Path string // below the snapshot, as stored; "" or "." is all of it
}

// String returns the side's path below its root.
func (s Side) String() string {
	if s.Path == "" || s.Path == "." {
		return s.ID.String()
	}
	return s.ID.String() + "/" + s.Path
}

// Change says what became of a path.
type Change string

// The changes.
const (
	Added    Change = "added"
	Removed  Change = "removed"
	Changed  Change = "changed"  // the content, or where a symbolic link leads
	Metadata Change = "metadata" // mode, owner, extended attributes, or time of a file or link
	Moved    Change = "moved"    // a file's content, that was at a path that is gone
	Type     Change = "type"     // another kind of thing
)

// Changes are all of them, in the order in which they are told.
func Changes() []Change { return []Change{Added, Removed, Changed, Metadata, Moved, Type} }

// Entry is one path that is not what it was.
type Entry struct {
	Change Change
	Path   string         // relative to what is compared; of what was removed, the old one
	From   string         // Moved: the old path
	Old    *listing.State // nil: Added
	New    *listing.State // nil: Removed
	// Differs names what of the metadata differs, where the path is on both
	// sides and of one kind: mode, owner, mtime, xattrs.
	Differs []string
}

// Count says how many entries there are of one change, and the sizes of their
// files: the new ones, of what was removed the old ones.
type Count struct {
	Entries int64 `json:"entries"`
	Bytes   int64 `json:"bytes"`
}

// Summary is the result as a whole.
type Summary struct {
	First  string
	Second string
	Counts map[Change]Count
	// Unreadable counts paths that could not be compared; Errors tells about
	// the first of them.
	Unreadable int64
	Errors     []string
	// Notices say what is odd about the snapshots.
	Notices []string
}

// Different reports whether there is an entry.
func (s *Summary) Different() bool {
	for _, c := range s.Counts {
		if c.Entries > 0 {
			return true
		}
	}
	return false
}

// Options configure Compare.
type Options struct {
	// Select, if not nil, chooses the paths that are told; a moved file needs
	// one of its two.
	Select func(path string) bool
}

// maxErrors bounds Summary.Errors.
const maxErrors = 100

// ErrNowhere says that neither side has the path that was to be compared.
var ErrNowhere = errors.New("there is no such path in either snapshot")

// Diff is the difference between two sides. Its memory grows with the number of
// differences.
type Diff struct {
	Summary Summary
	Entries []Entry // in the order of their paths
}

// Compare compares two sides. Errors are snapshots that cannot be read or were
// removed meanwhile, ErrNowhere, and the context's end.
func Compare(ctx context.Context, first, second Side, o Options) (*Diff, error) {
	c := &comparer{first: cursor{side: first}, second: cursor{side: second}}
	err := c.run(ctx)
	if err != nil {
		return nil, fmt.Errorf("compare %s with %s: %w", first, second, err)
	}
	c.findMoves()
	d := &Diff{Summary: c.summary}
	d.Summary.First, d.Summary.Second = first.String(), second.String()
	d.Summary.Counts = map[Change]Count{}
	for _, change := range Changes() {
		d.Summary.Counts[change] = Count{}
	}
	for i := range c.entries {
		if e := &c.entries[i]; e.Change != "" && e.selected(o.Select) {
			d.add(e)
		}
	}
	return d, nil
}

func (e *Entry) selected(choose func(string) bool) bool {
	return choose == nil || choose(e.Path) || e.From != "" && choose(e.From)
}

func (d *Diff) add(e *Entry) {
	d.Entries = append(d.Entries, *e)
	n := d.Summary.Counts[e.Change]
	n.Entries++
	if e.New != nil {
		n.Bytes += e.New.Size
	} else {
		n.Bytes += e.Old.Size
	}
	d.Summary.Counts[e.Change] = n
}

// cursor reads one side.
type cursor struct {
	side    Side
	without bool // its catalogue turned out not to be believed
	doubt   string
	stream  *listing.Stream
	top     string // where it begins, as in the source
	entry   listing.Entry
	path    string // of entry, relative to top
	end     bool
	met     bool // there was an entry
}

func (c *cursor) open() (err error) {
	o := listing.Options{Path: c.side.Path, Detail: listing.Content, WithoutCatalog: c.without}
	c.stream, err = listing.Open(c.side.Root, c.side.ID, o)
	if err != nil {
		return err
	}
	c.top = "."
	if c.side.Path != "" {
		c.top = c.stream.SourcePath(c.side.Path)
	}
	c.end = false
	return nil
}

// next reads on. What was read before is not valid any more.
func (c *cursor) next(ctx context.Context) error {
	err := c.stream.Next(ctx, &c.entry)
	if isEnd(err) {
		c.end = true
		return nil
	}
	var doubt *listing.Distrusted
	if errors.As(err, &doubt) {
		c.without, c.doubt = true, doubt.Why
	}
	if err != nil {
		return err
	}
	c.met = true
	c.path = c.entry.Path
	switch rest, below := strings.CutPrefix(c.path, c.top+"/"); {
	case c.top == ".":
	case below:
		c.path = rest
	default:
		c.path = "."
	}
	return nil
}
