package plan

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"phlb/internal/catalog"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/scan"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
	"phlb/manifest"
)

// sourceBuild plans one source.
type sourceBuild struct {
	*build
	Source
	rule     LinkRule
	keys     attrKeys
	parentID snapshot.ID
	// parentPrefix stands before the parent's paths, below the root.
	parentPrefix []byte
	paths        meta.Paths
	native       bool            // phlb made the parent: its names are stored names
	oldIndex     *future[*index] // of the parent; made when it is asked for
	dir          *fsys.Dir
	spool        *Spool
	parent       parent
	pipe         pipeline
	// exact: what the parent recorded of a file tells whether it is still the
	// same. Then the walk leaves the files' extended attributes to those who
	// need them.
	exact   bool
	near    lastDir // below dir
	names   names
	sizes   *sizeSet             // of unchanged files
	groups  map[inode]*hardlinks // of files with several names
	unheld  string               // the skipped directory that the walk entered nevertheless
	gone    string               // the skipped directory whose old content is not "deleted"
	bare    string               // the last deleted directory, while nothing that was below it is met
	measure measure
	need    need
	untold  int64 // entries of which whoever watches does not know yet
	partial bool  // existing paths cannot be stored
	missing bool  // there is no directory to read, which is overridden
}

// inode names a file of the source on whichever file system it is.
type inode struct{ dev, ino uint64 }

func (s *sourceBuild) close() {
	s.near.close()
	if s.dir != nil {
		s.dir.Close()
	}
}

// scan walks the source, decides about each entry and spools it.
func (s *sourceBuild) scan(ctx context.Context) error {
	matcher, err := matcherOf(s.Settings.Excludes)
	if err != nil {
		return err
	}
	if s.parent, s.native, err = s.openParent(ctx); err != nil {
		return err
	}
	defer s.parent.Close()
	s.groups, s.sizes = map[inode]*hardlinks{}, &sizeSet{}
	s.pipe.source = s
	s.names = newNames(s.nameMax, s.limited)
	xattrs := scan.XattrsAll
	if s.parent.Exact() && !s.opts.Rehash && s.Settings.ChangeDetection == manifest.DetectMetadata {
		s.exact, xattrs = true, scan.XattrsDirs
	}
	s.opts.Events.Send(s.expectation())
	err = scan.Walk(ctx, s.dir, scan.Options{
		Only:     s.opts.probe.only(),
		Excludes: matcher, ExcludeIfPresent: s.Settings.ExcludeIfPresent, ExcludeCaches: s.Settings.ExcludeCaches,
		MaxFileSize: s.Settings.MaxFileSize, CrossFileSystems: !s.Settings.OneFileSystem,
		Avoid: slices.Concat(s.opts.Avoid, s.avoid), Drop: s.opts.Drop, UID: s.opts.UID, Workers: max(s.opts.Workers, 1), Xattrs: xattrs,
	}, func(e *scan.Entry) error { return s.entry(ctx, e) })
	if err == nil {
		err = s.pipe.drain(ctx)
	}
	if err == nil {
		err = s.rest()
	}
	if err == nil && s.partial {
		err = s.answers()
	}
	if s.untold > 0 {
		s.opts.Events.Send(event.Event{Kind: event.Advance, Phase: event.Plan, Files: s.untold})
	}
	s.opts.Events.Send(event.Event{Kind: event.End, Phase: event.Plan, Path: s.Name, Err: err})
	s.pipe, s.sizes, s.groups, s.oldIndex = pipeline{}, nil, nil, nil // other sources need the memory
	return err
}

// expectation opens the phase with what the parent had.
func (s *sourceBuild) expectation() event.Event {
	start := event.Event{Kind: event.Start, Phase: event.Plan, Path: s.Name}
	if s.Parent == nil {
		return start
	}
	if t, ok := s.root.Totals(s.parentID); ok {
		start.Files, start.Expected = t.Entries(), true
		if s.opts.Rehash {
			start.Bytes = t.Copy.Bytes + t.Link.Bytes
		}
	}
	return start
}

// answers makes sure that what cannot be read are single paths, not the source
// altogether: a plan without them would take a server that is down for files
// that are gone.
func (s *sourceBuild) answers() error {
	if s.dir == nil {
		return nil // missing, which is overridden
	}
	if err := s.dir.Answers(); err != nil {
		return fmt.Errorf("scan %s: the source %s is lost: %w", s.Name, s.Path, err)
	}
	return nil
}

func matcherOf(patterns []manifest.Pattern) (*scan.Matcher, error) {
	list := make([]scan.Pattern, len(patterns))
	for i, p := range patterns {
		list[i].Text = p.Text
	}
	return scan.NewMatcher(list)
}

// entry takes one entry of the walk.
func (s *sourceBuild) entry(ctx context.Context, e *scan.Entry) error {
	if e.Skip != "" && e.Kind == meta.Dir && slices.Contains(s.avoid, scan.Identity{Dev: e.Dev, Ino: e.Ino}) {
		return fmt.Errorf("%w: the destination %s is met in the source at %s; exclude it, or choose another", ErrOverlap, s.root.Path(), e.Path)
	}
	if s.unheld != "" && strings.HasPrefix(e.Path, s.unheld+"/") {
		return nil // its directory is skipped
	}
	s.opts.probe.saw(e)
	it := s.pipe.item()
	it.info = e.Info
	rec, err := s.recordOf(e.Path)
	if err != nil {
		return err
	}
	if rec != nil {
		it.setRecord(rec)
	}
	it.Entry = Entry{
		Path: e.Path, Size: e.Size, Mode: e.Mode, UID: e.UID, GID: e.GID, Mtime: e.Mtime, Xattrs: e.Xattrs, Target: e.Target,
	}
	refused := ""
	if e.Skip == "" {
		refused = s.names.refuse(e.Path)
	}
	switch {
	case refused != "":
		it.skip(refused)
		if e.Kind == meta.Dir {
			s.gone, s.unheld = e.Path, e.Path
		}
	case e.Skip != "":
		it.skip(e.Skip)
		if e.Kind == meta.Dir || e.Kind == meta.Unknown {
			s.gone = e.Path
		}
	case e.Kind == meta.Dir:
		it.Action, it.Size, it.Target = ActionMkdir, 0, ""
		it.Change = it.changeOf()
	case e.Kind == meta.Symlink:
		it.Action, it.Size, it.Mode = ActionSymlink, 0, 0
		it.Change = it.changeOf()
	default:
		it.Ctime, it.Ino = e.Ctime, e.Ino
		it.file = true
	}
	if !it.file {
		s.tell(e.Path, false)
	}
	return s.pipe.push(ctx, it)
}

// maxUntold is how many entries are told of together.
const maxUntold = 64

// tell counts an entry for whoever watches. Entries that take no time wait for
// the next one that does.
func (s *sourceBuild) tell(path string, now bool) {
	if s.untold++; now || s.untold == maxUntold {
		s.opts.Events.Send(event.Event{Kind: event.Advance, Phase: event.Plan, Files: s.untold, Path: path})
		s.untold = 0
	}
}

// recordOf moves through the parent's records up to path, or to the end if
// path is empty. Those passed on the way are no longer in the source.
func (s *sourceBuild) recordOf(path string) (*catalog.Record, error) {
	for {
		rec, err := s.parent.Peek()
		if err != nil || rec == nil {
			return nil, err
		}
		if path != "" {
			c := meta.ComparePaths(rec.Path, path)
			if c > 0 {
				return nil, nil
			}
			if c == 0 {
				s.measure.record(rec)
				s.parent.Advance()
				return rec, nil
			}
		}
		s.measure.record(rec)
		if err := s.deleted(rec); err != nil {
			return nil, err
		}
		s.parent.Advance()
	}
}

// rest passes the parent's records behind the last path.
func (s *sourceBuild) rest() error {
	if p := s.opts.probe; p != nil {
		rec, err := s.recordOf(p.path)
		if rec != nil {
			p.gone = rec.Kind
		}
		return err
	}
	if _, err := s.recordOf(""); err != nil {
		return err
	}
	return s.deletedBare("")
}

// deleted lists what the parent has and the source no longer. A directory
// shows by its content, if it had any; what lies in a skipped directory was not
// looked for.
func (s *sourceBuild) deleted(rec *catalog.Record) error {
	if s.opts.probe != nil || s.gone != "" && strings.HasPrefix(rec.Path, s.gone+"/") {
		return nil
	}
	s.measure.deleted(rec)
	if err := s.deletedBare(rec.Path); err != nil {
		return err
	}
	if rec.Kind == meta.Dir {
		s.bare = rec.Path
		return nil
	}
	return s.addDeleted(rec.Path)
}

// deletedBare lists the last deleted directory if it turns out to have been
// empty: the next path that is deleted, "" at the end, is not below it.
func (s *sourceBuild) deletedBare(next string) error {
	dir := s.bare
	s.bare = ""
	if dir == "" || strings.HasPrefix(next, dir+"/") {
		return nil
	}
	return s.addDeleted(dir)
}

func (s *sourceBuild) addDeleted(path string) error {
	if show := s.opts.Observer.Deleted; show != nil {
		show(path)
	}
	return s.spool.AddDeleted(path)
}

// add spools a decided entry.
func (s *sourceBuild) add(it *item) error {
	s.need.take(&it.Entry, it.info.Blocks, s.threshold())
	s.measure.entry(it)
	switch it.Action {
	case ActionLink:
		s.retention.link(it.Target)
	case ActionSkip:
		s.partial = s.partial || leavesOut(it.Reason)
	}
	if show := s.opts.Observer.Entry; show != nil {
		show(&it.Entry)
	}
	return s.spool.Add(&it.Entry)
}

// leavesOut reports whether a skip's reason says that an existing path cannot
// be stored, rather than that nobody wants it.
func leavesOut(reason string) bool {
	return strings.HasPrefix(reason, "unreadable") || strings.HasPrefix(reason, "name")
}

// storedPath returns where a path will lie, relative to the root.
func (s *sourceBuild) storedPath(path string) string { return s.Snapshot + "/" + sums.StoredPath(path) }

// parentPath returns where the parent snapshot has a path.
func (s *sourceBuild) parentPath(path string) string {
	if s.native {
		path = sums.StoredPath(path)
	}
	return s.paths.Join(s.parentPrefix, path)
}
