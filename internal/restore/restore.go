package restore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"phlb/internal/catalog"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
	"phlb/internal/transfer"
)

// Options configure Restore.
type Options struct {
	// Overwrite lets the target hold something already. Files in it that the
	// snapshot has, too, are replaced unless they are the same; all others
	// are left alone.
	Overwrite bool
	// AllowDamaged restores files whose content is not what is on record.
	AllowDamaged bool
	// DryRun only looks: nothing is written, and no content read.
	DryRun bool
	// Workers copy at the same time; below 1 means 1.
	Workers int
	// UID is the user's; only 0 may give files to others.
	UID int
	// Now is the clock; nil: the system's.
	Now func() time.Time
	// Events may be nil.
	Events event.Sink
	// Faults fails writing calls in the target, for tests; may be nil.
	Faults fsys.FaultFunc
}

// Source is what is to be restored.
type Source struct {
	ID   snapshot.ID
	Path string // below the snapshot, as stored, slash-separated; "." is all of it
}

// run is one restore.
type run struct {
	Options
	tally
	from    Source
	snap    *fsys.Dir
	top     string // what is restored, as a path of the source
	renames bool   // see sums.StoredName
	book    *book
	target  *target

	noClone atomic.Bool
	temps   atomic.Int64
	links   []link
	buffers sync.Pool
	// strays counts paths that the catalogue does not list.
	strays int64
}

// Restore copies from a snapshot to a path of the user's. A directory becomes
// the target itself, which must be new or empty unless o.Overwrite says
// otherwise; anything else is copied as cp does: into the target if that is a
// directory, else under its name.
//
// What is wrong with one path is in the result and stops nothing else. Errors
// are: a source that is not there, a target that is refused, a full, read-only
// or failing file system, and the context's end. The result tells what was done
// until then; it is nil when nothing was begun. The caller holds the root's
// shared lock.
func Restore(ctx context.Context, root *snapshot.Root, from Source, to string, o Options) (*Result, error) {
	r := newRun(from, to, o)
	snap, err := root.OpenSnapshot(from.ID)
	if err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	defer snap.Close()
	r.snap = snap
	if err := r.prepare(ctx, root, to); err != nil {
		return nil, fmt.Errorf("restore: %w", err)
	}
	defer r.target.close()
	if err := r.carryOut(ctx, root); err != nil {
		r.Status, r.Error = Failed, err.Error()
		if ctx.Err() != nil {
			r.Error = "interrupted"
		}
		return r.end(), fmt.Errorf("restore: %w", err)
	}
	if r.IsDamaged() || r.IsIncomplete() {
		r.Status = Partial
	}
	return r.end(), nil
}

func newRun(from Source, to string, o Options) *run {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Events == nil {
		o.Events = event.Discard
	}
	r := &run{Options: o, from: from}
	r.Result = &Result{
		Format: Format, FormatVersion: FormatVersion, Status: Complete, DryRun: o.DryRun,
		Snapshot: from.ID.String(), Target: to, Durations: map[string]float64{}, Start: o.Now().UTC(),
	}
	r.buffers.New = func() any { b := make([]byte, bufferSize); return &b }
	return r
}

// end completes the result.
func (r *run) end() *Result {
	byPath := func(a, b Problem) int {
		return cmp.Or(meta.ComparePaths(a.Path, b.Path), strings.Compare(a.Err, b.Err))
	}
	for _, l := range [][]Problem{r.Damaged, r.Failed, r.Unverified} {
		slices.SortFunc(l, byPath)
	}
	if r.strays > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("%d paths are in the snapshot but not in its catalogue; they were given the metadata that the stored files carry", r.strays))
	}
	r.End = r.Now().UTC()
	return r.Result
}

// phase times one part of the run into the result.
func (r *run) phase(name string, do func() error) error {
	start := r.Now()
	err := do()
	r.Durations[name] += r.Now().Sub(start).Round(time.Millisecond).Seconds()
	return err
}

// prepare finds out what is to be done, and whether it can be. It makes
// nothing but the target directory.
func (r *run) prepare(ctx context.Context, root *snapshot.Root, to string) error {
	if err := r.phase("catalogue", func() error { return r.readBook(ctx, root) }); err != nil {
		return err
	}
	kind, err := r.kind()
	if err != nil {
		return err
	}
	r.target, err = r.openTarget(to, kind)
	if err != nil {
		return err
	}
	if err := r.admit(ctx, root, kind); err != nil {
		r.target.close()
		return err
	}
	if err := r.makeTarget(); err != nil {
		r.target.close()
		return err
	}
	return nil
}

// MissingError says that the snapshot holds nothing of this path.
type MissingError struct {
	ID   snapshot.ID
	Path string // as stored
}

// Error names both.
func (e *MissingError) Error() string {
	return fmt.Sprintf("the snapshot %s holds no %q", e.ID, e.Path)
}

// kind returns what lies at the source's path; of what is missing, what the
// catalogue lists there.
func (r *run) kind() (meta.Kind, error) {
	info, err := r.snap.LstatAt(r.from.Path)
	switch {
	case err == nil && (info.Kind == meta.Dir || info.Kind == meta.File || info.Kind == meta.Symlink):
		return info.Kind, nil
	case err == nil:
		return info.Kind, fmt.Errorf("%s/%s is a %s, which no backup holds", r.from.ID, r.from.Path, info.Kind)
	case r.book.self != nil && errors.Is(err, fs.ErrNotExist):
		return r.book.self.Kind, nil
	case fsys.ClassOf(err) == fsys.ClassVanished, fsys.ClassOf(err) == fsys.ClassType:
		return meta.Unknown, &MissingError{ID: r.from.ID, Path: r.from.Path}
	}
	return meta.Unknown, err
}

// sourcePath returns the path that a stored one had in the source.
func (r *run) sourcePath(stored string) (string, error) {
	if !r.renames || stored == "." {
		return stored, nil
	}
	elements := strings.Split(stored, "/")
	for i, e := range elements {
		name, ok := sums.SourceName(e)
		if !ok {
			return "", fmt.Errorf("%q holds phlb's own checksums; the source's file of that name is %q", stored, sums.StoredPath(stored))
		}
		elements[i] = name
	}
	return strings.Join(elements, "/"), nil
}

// carryOut restores, and makes the result durable.
func (r *run) carryOut(ctx context.Context, root *snapshot.Root) error {
	r.Events.Send(event.Event{
		Kind: event.Start, Phase: event.Restore, Files: r.book.files, Bytes: r.book.bytes,
		Links: r.book.links, Small: r.book.small, SmallBytes: r.book.smallBytes,
	})
	err := r.phase("restore", func() error { return r.walk(ctx, root) })
	if err == nil && len(r.links) > 0 {
		err = r.phase("links", func() error { return r.makeLinks(ctx) })
	}
	if err == nil && !r.DryRun {
		err = r.phase("sync", r.target.sync)
	}
	if err == nil {
		err = ctx.Err()
	}
	r.Events.Send(event.Event{Kind: event.End, Phase: event.Restore, Err: err})
	return err
}

// damaged notes content that is not what is on record.
func (r *run) damaged(path, why string, restored bool) {
	r.note(&r.Result.Damaged, Problem{path, why, restored})
	text := "damaged, not restored: " + why
	if restored {
		text = "damaged, restored nevertheless: " + why
	}
	r.Events.Send(event.Event{Kind: event.Warning, Phase: event.Restore, Path: path, Text: text})
}

// failed notes a path that could not be restored.
func (r *run) failed(path, why string) {
	r.note(&r.Result.Failed, Problem{Path: path, Err: why})
	r.Events.Send(event.Event{Kind: event.Warning, Phase: event.Restore, Path: path, Text: "not restored: " + why})
}

// fault deals with an error about one path. It returns the error that ends the
// run, if it does.
func (r *run) fault(ctx context.Context, path string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var w *transfer.WriteError
	writes := errors.As(err, &w)
	switch class := fsys.ClassOf(err); {
	case class == fsys.ClassExhausted,
		writes && (class == fsys.ClassFull || class == fsys.ClassReadOnly || class == fsys.ClassIO):
		return fmt.Errorf("%s: %w", path, err)
	case class == fsys.ClassIO:
		r.damaged(path, "it cannot be read: "+reason(err), false)
	default:
		r.failed(path, reason(err))
	}
	return nil
}

// reason is an error's text without the path, which stands beside it.
func reason(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Op + ": " + p.Err.Error()
	}
	return err.Error()
}

// writing marks an error of the target, so that it is not taken for one of the
// snapshot. Nil stays nil.
func writing(err error) error { return transfer.Writing(err) }

// attributes are the metadata that a path is to have.
type attributes struct {
	mode, uid, gid uint32
	mtime          meta.Time
	xattrs         meta.Xattrs
}

func recorded(r *catalog.Record) attributes {
	return attributes{r.Mode, r.UID, r.GID, r.Mtime, r.Xattrs}
}

// carried are the attributes that a stored inode has itself.
func carried(info *meta.Info, xattrs func() (meta.Xattrs, error)) (attributes, error) {
	x, err := xattrs()
	if fsys.ClassOf(err) == fsys.ClassUnsupported {
		x, err = nil, nil
	}
	return attributes{info.Mode, info.UID, info.GID, info.Mtime, x}, err
}
