// Package survey counts what the snapshots of a backup root hold: files, their
// sizes, and the bytes that only one snapshot holds.
//
// It reads catalogues, and the files themselves where there is no catalogue
// that can be believed. It only reads, takes no lock, and must never decide
// what is kept: that is for retain.
package survey

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"phlb/internal/listing"
	"phlb/internal/meta"
	"phlb/internal/pool"
	"phlb/internal/snapshot"
)

// Options configure Survey.
type Options struct {
	// Workers read at the same time; below 1 means 1.
	Workers int
	// Location is where the times of snapshots without a catalogue are read;
	// nil: the system's zone.
	Location *time.Location
	// Name, if not nil, chooses the names that the result lists. What other
	// names hold counts in any case.
	Name func(name string) bool
}

// Snapshot is what a survey tells of one snapshot.
type Snapshot struct {
	Snapshot string `json:"snapshot"` // name/time
	Name     string `json:"name"`
	// Time is when the run began, in UTC: the catalogue's, else the
	// directory's name.
	Time time.Time `json:"time"`
	// Files counts paths of regular files, Bytes their apparent sizes.
	// SHA256SUMS files are not among them.
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
	// UniqueFiles and UniqueBytes are those of the stored files (inodes) of
	// which no other snapshot of the root, whatever its name, has a link:
	// what removing this snapshot alone would free.
	UniqueFiles int64  `json:"unique_files"`
	UniqueBytes int64  `json:"unique_bytes"`
	Status      string `json:"status"` // complete or partial
	Pinned      bool   `json:"pinned"`
	// CountedFrom tells whether the catalogue was read, or the files.
	CountedFrom listing.Origin `json:"counted_from"`
	// Notice says what is odd about the snapshot; "": nothing.
	Notice string `json:"notice,omitempty"`
	// Reasons are why a manifest's policy would keep it: nil where there is no
	// manifest, empty if it would be pruned. The caller fills them in.
	Reasons []string `json:"reasons,omitzero"`

	id snapshot.ID
}

// IsComplete reports whether every existing path was stored.
func (s *Snapshot) IsComplete() bool { return s.Status == snapshot.StatusComplete }

// Result is what a survey found.
type Result struct {
	Root string `json:"root"`
	// Snapshots are sorted by name and time, the oldest first.
	Snapshots []Snapshot `json:"snapshots"`
	// StoredFiles and StoredBytes count every stored file of the root once,
	// however many names it has: of all names, also those not listed.
	StoredFiles int64 `json:"stored_files"`
	StoredBytes int64 `json:"stored_bytes"`
	// Notices are about names as a whole.
	Notices []string `json:"notices,omitempty"`
}

// surveyor is one run of Survey.
type surveyor struct {
	Options
	root   *snapshot.Root
	inodes *inodes
	list   []Snapshot
	gone   []bool // removed while the survey ran
}

// Survey counts what the snapshots of a root hold. A snapshot that is pruned
// meanwhile is left out; one that cannot be read has a Notice. Errors are a
// root that cannot be listed, and the context's end.
func Survey(ctx context.Context, root *snapshot.Root, o Options) (*Result, error) {
	if o.Location == nil {
		o.Location = time.Local
	}
	s := &surveyor{Options: o, root: root}
	if err := s.find(ctx); err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	if err := s.read(ctx); err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	return s.result(ctx)
}

// find lists all snapshots of the root.
func (s *surveyor) find(ctx context.Context) error {
	names, err := s.root.Names(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		times, err := s.root.Times(name)
		if err != nil {
			return err
		}
		for _, t := range times {
			id := snapshot.ID{Name: name, Time: t}
			s.list = append(s.list, Snapshot{Snapshot: id.String(), Name: name, id: id})
		}
	}
	s.gone = make([]bool, len(s.list))
	s.inodes = newInodes(len(s.list))
	return nil
}

func (s *surveyor) read(ctx context.Context) error {
	p := pool.New(s.Workers)
	for i := range s.list {
		if p.Submit(func() error { return s.readOne(ctx, i) }) != nil {
			break
		}
	}
	return p.Wait()
}

// readOne reads one snapshot. Only the context's end is an error.
func (s *surveyor) readOne(ctx context.Context, i int) error {
	snap := &s.list[i]
	c := &count{}
	o := listing.Options{Detail: listing.Inodes, Check: listing.Identity}
	info, err := listing.Each(ctx, s.root, snap.id, o, c.begin, c.add)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, fs.ErrNotExist):
		s.gone[i] = true
		return nil
	case err != nil:
		snap.Notice = "it cannot be read: " + err.Error()
	}
	snap.Files, snap.Bytes, snap.CountedFrom = c.files, c.bytes, info.Origin
	s.inodes.add(i, c)
	s.describe(snap, &info)
	return nil
}

// describe fills in what is told by other files than the snapshot's.
func (s *surveyor) describe(snap *Snapshot, info *listing.Info) {
	var notices []string
	if snap.Notice != "" {
		notices = append(notices, snap.Notice)
	}
	if info.Notice != "" {
		notices = append(notices, "its catalogue is not used: "+info.Notice)
	}
	if info.Unreadable > 0 {
		notices = append(notices, fmt.Sprintf("not all of it can be read: %v", info.FirstError))
	}
	var err error
	if snap.Status, err = s.root.Status(snap.id); err != nil {
		snap.Status = snapshot.StatusPartial // nothing vouches for more
		notices = append(notices, err.Error())
	}
	if snap.Pinned, err = s.root.Pinned(snap.id); err != nil {
		notices = append(notices, err.Error())
	}
	snap.Notice = strings.Join(notices, "; ")
	snap.Time = info.Started.UTC()
	if info.Started.IsZero() {
		if t, err := snapshot.ParseTime(snap.id.Time, s.Location); err == nil {
			snap.Time = t.UTC()
		}
	}
}

func (s *surveyor) result(ctx context.Context) (*Result, error) {
	r := &Result{Root: s.root.Path(), Snapshots: []Snapshot{}, Notices: s.removed()}
	r.StoredFiles, r.StoredBytes = s.inodes.total()
	for i := range s.list {
		if s.gone[i] || s.Name != nil && !s.Name(s.list[i].Name) {
			continue
		}
		snap := s.list[i]
		snap.UniqueFiles, snap.UniqueBytes = s.inodes.unique(i)
		r.Snapshots = append(r.Snapshots, snap)
	}
	return r, ctx.Err()
}

// removed tells which snapshots are gone, but not what was written about them.
func (s *surveyor) removed() (notices []string) {
	last := ""
	for i := range s.list {
		name := s.list[i].Name
		if name == last || s.Name != nil && !s.Name(name) {
			continue
		}
		last = name
		times, err := s.root.Removed(name)
		switch {
		case err != nil || len(times) == 0:
			// Nothing is missed that a reader of snapshots needs.
		case len(times) == 1:
			notices = append(notices, fmt.Sprintf("%s/%s has a report or summary and is not there: was it removed or moved by hand?", name, times[0]))
		default:
			notices = append(notices, fmt.Sprintf("%s/%s and %d more have a report or summary and are not there: were they removed or moved by hand?",
				name, times[0], len(times)-1))
		}
	}
	return notices
}

// count is what is counted in one snapshot, apart from the others until it is
// certain that its catalogue is to be believed.
type count struct {
	files, bytes int64
	dev          uint64
	shared       []stored // what may have other names
	// alone are stored files that have no other name.
	aloneFiles, aloneBytes int64
}

// stored is a stored file as one path shows it.
type stored struct {
	ino  uint64
	size int64
}

func (c *count) begin(s *listing.Stream) {
	*c = count{shared: c.shared[:0]}
	if info, err := s.Dir().Stat(); err == nil {
		c.dev = info.Dev
	}
}

func (c *count) add(e *listing.Entry) error {
	if e.Kind != meta.File {
		return nil
	}
	c.files++
	c.bytes += e.Size
	// What somebody mounted into a snapshot is no link of anything outside.
	if e.Nlink == 1 || e.Dev != 0 && e.Dev != c.dev {
		c.aloneFiles++
		c.aloneBytes += e.Size
		return nil
	}
	c.shared = append(c.shared, stored{e.Stored.Ino, e.Size})
	return nil
}
