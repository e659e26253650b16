// Package listing reads what a published snapshot holds, path by path in the
// order of meta.ComparePaths: out of its catalogue, or, where there is none
// that can be believed, out of the files themselves.
//
// A catalogue that is damaged, is that of another snapshot, or lists what the
// files contradict (a snapshot that somebody removed in part, a root that was
// copied, so that all inode numbers are others) is not believed: a sample of
// its records is compared with the files at its end, and the reader begins
// anew without it.
//
// The package only reads, takes no lock, and must never open a file's content
// other than SHA256SUMS. Published snapshots never change, so a run beside it
// does no harm; one that is pruned meanwhile is fs.ErrNotExist.
package listing

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
)

// Detail says how much of each path is needed. A catalogue tells all in any
// case.
type Detail int

// The details.
const (
	Inodes  Detail = iota // what one lstat tells
	Content               // and targets, extended attributes and SHA256SUMS
)

// Check says in what the files must agree with a catalogue.
type Check int

// The checks.
const (
	Presence Check = iota // paths, kinds and sizes
	Identity              // and the numbers of their inodes, which it must know
)

// Options say what is read. The zero value reads all of the snapshot.
type Options struct {
	// Path is where to begin, as stored; "" or "." is the snapshot. There and
	// below everything is read. That there is nothing is no error.
	Path   string
	Detail Detail
	Check  Check
	// WithoutCatalog reads the files in any case.
	WithoutCatalog bool
}

// Origin is where a listing comes from.
type Origin string

// The origins.
const (
	FromCatalog Origin = "catalog"
	FromFiles   Origin = "files"
)

// Info is what is known of a listing as a whole.
type Info struct {
	Origin Origin
	// Exact says that records tell the source's metadata, and those of files
	// have Stored. Otherwise they tell that of what is stored.
	Exact bool
	// Started is when the run began that made the snapshot, in UTC; zero: not
	// known.
	Started time.Time
	// Notice says why there is a catalogue and it is not believed; "" if there
	// is none or it is.
	Notice string
	// Unreadable counts directories and names that could not be looked at,
	// FirstError tells about the first.
	Unreadable int64
	FirstError error
}

// Entry is one path of a snapshot.
type Entry struct {
	catalog.Record
	// Dev and Nlink are those of what is stored; 0: not known.
	Dev   uint64
	Nlink uint64
}

// State is what a snapshot has at a path, as far as people are told of it.
type State struct {
	Kind     meta.Kind
	Size     int64 // bytes; files
	Mode     uint32
	UID, GID uint32
	Mtime    meta.Time
	SHA256   digest.Sum // files; zero: not known
	Target   string     // symbolic links
}

// State returns what the entry tells of its path.
func (e *Entry) State() State {
	return State{
		Kind: e.Kind, Size: e.Size, Mode: e.Mode, UID: e.UID, GID: e.GID, Mtime: e.Mtime, SHA256: e.SHA256, Target: e.Target,
	}
}

// Distrusted says that a catalogue turned out not to be believed after some of
// it was read. Whoever gets it forgets what was read and begins anew with
// Options.WithoutCatalog.
type Distrusted struct {
	Snapshot snapshot.ID
	Why      string
	Err      error // nil: the files contradict it
}

// Error says why.
func (e *Distrusted) Error() string { return fmt.Sprintf("catalogue of %s: %s", e.Snapshot, e.Why) }

// Unwrap returns what went wrong when it was read.
func (e *Distrusted) Unwrap() error { return e.Err }

// source is what entries come from.
type source interface {
	next(ctx context.Context, e *Entry) error
	close()
}

// Stream is an open listing. It is for one goroutine.
type Stream struct {
	info    Info
	root    *snapshot.Root
	id      snapshot.ID
	dir     *fsys.Dir
	source  source
	renames bool
}

// Open opens the listing of a snapshot, which must be closed.
func Open(root *snapshot.Root, id snapshot.ID, o Options) (*Stream, error) {
	dir, err := root.OpenSnapshot(id)
	if err != nil {
		return nil, err
	}
	s := &Stream{root: root, id: id, dir: dir}
	if err := s.open(&o); err != nil {
		dir.Close()
		return nil, err
	}
	return s, nil
}

func (s *Stream) open(o *Options) error {
	c, err := openCatalog(s.root, s.id, o)
	var doubt *Distrusted
	if err != nil && !errors.As(err, &doubt) {
		return err
	}
	// Only phlb writes reports, and catalogues that are not rebuilt; PHLB
	// stores every name as it is.
	s.renames = c != nil && c.header.Origin == catalog.OriginApply || s.root.HasReport(s.id)
	if c != nil {
		s.info.Started = c.header.Started
	}
	switch {
	case doubt != nil:
		s.info.Notice = doubt.Why
	case c == nil:
	case o.WithoutCatalog, o.Check == Identity && c.header.Origin != catalog.OriginApply:
		c.close() // a rebuilt one knows no inodes
	default:
		c.begin(s, o)
		s.info.Origin, s.info.Exact, s.source = FromCatalog, c.header.Origin == catalog.OriginApply, c
		return nil
	}
	s.info.Origin, s.source = FromFiles, newWalk(s, o)
	return nil
}

// Info returns what is known so far.
func (s *Stream) Info() Info { return s.info }

// Dir returns the snapshot's directory. It stays open until Close.
func (s *Stream) Dir() *fsys.Dir { return s.dir }

// Stored returns the path under which a path of the source is stored.
func (s *Stream) Stored(path string) string {
	if s.renames {
		return sums.StoredPath(path)
	}
	return path
}

// SourcePath returns the path that what is stored somewhere had in the source.
func (s *Stream) SourcePath(stored string) string {
	if s.renames {
		return sums.SourcePath(stored)
	}
	return stored
}

// Next reads the next entry into e and returns io.EOF itself after the last.
// A *Distrusted error means to begin anew. The reader may write over what
// e.Stored points to when it gets the same e again.
func (s *Stream) Next(ctx context.Context, e *Entry) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.source.next(ctx, e)
	if err == nil {
		return nil
	}
	// What was removed while it was read must not look like an empty snapshot,
	// nor its catalogue like a wrong one.
	if _, serr := s.root.Dir().LstatAt(s.id.String()); errors.Is(serr, fs.ErrNotExist) {
		return fmt.Errorf("list snapshot %s: it was removed meanwhile: %w", s.id, fs.ErrNotExist)
	}
	return err
}

// Close ends the listing.
func (s *Stream) Close() {
	s.source.close()
	s.dir.Close()
}

// Each calls yield with every entry. Where a catalogue turns out not to be
// believed it begins anew without: begin is called before the first entry, and
// once more then. The Entry and what Stored points to are valid during the
// call only; yield may end the listing early with ErrEnough.
func Each(ctx context.Context, root *snapshot.Root, id snapshot.ID, o Options, begin func(*Stream), yield func(*Entry) error) (Info, error) {
	info, err := each(ctx, root, id, o, begin, yield)
	var doubt *Distrusted
	if !errors.As(err, &doubt) {
		return info, err
	}
	o.WithoutCatalog = true
	started := info.Started
	info, err = each(ctx, root, id, o, begin, yield)
	info.Notice, info.Started = doubt.Why, started
	return info, err
}

// ErrEnough ends a listing before its end, which is no error.
var ErrEnough = errors.New("enough was read")

func each(ctx context.Context, root *snapshot.Root, id snapshot.ID, o Options, begin func(*Stream), yield func(*Entry) error) (Info, error) {
	s, err := Open(root, id, o)
	if err != nil {
		return Info{}, err
	}
	defer s.Close()
	begin(s)
	var e Entry
	for err == nil {
		if err = s.Next(ctx, &e); err == nil {
			err = yield(&e)
		}
	}
	if err == io.EOF || errors.Is(err, ErrEnough) {
		err = nil
	}
	return s.Info(), err
}
