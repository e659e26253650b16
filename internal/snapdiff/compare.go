package snapdiff

import (
	"context"
	"errors"
	"io"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/listing"
	"phlb/internal/meta"
)

func isEnd(err error) bool { return errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) }

// comparer goes through both sides in step.
type comparer struct {
	first, second cursor
	exact         bool // both sides tell the source's metadata
	entries       []Entry
	summary       Summary
	buf           []byte
}

// run compares, anew without a catalogue as often as one is not believed.
func (c *comparer) run(ctx context.Context) error {
	for {
		c.entries, c.summary = nil, Summary{}
		err := c.once(ctx)
		var doubt *listing.Distrusted
		if !errors.As(err, &doubt) {
			if err == nil && !c.first.met && !c.second.met {
				err = ErrNowhere
			}
			return err
		}
	}
}

func (c *comparer) once(ctx context.Context) error {
	for _, side := range [...]*cursor{&c.first, &c.second} {
		if err := side.open(); err != nil {
			return err
		}
		defer side.stream.Close()
	}
	c.exact = c.first.stream.Info().Exact && c.second.stream.Info().Exact
	if err := errors.Join(c.first.next(ctx), c.second.next(ctx)); err != nil {
		return err
	}
	if err := c.merge(ctx); err != nil {
		return err
	}
	c.notices(&c.first)
	c.notices(&c.second)
	return nil
}

func (c *comparer) notices(side *cursor) {
	info := side.stream.Info()
	if info.Notice == "" {
		info.Notice = side.doubt
	}
	if info.Notice != "" {
		c.summary.Notices = append(c.summary.Notices, side.side.ID.String()+": its catalogue is not used: "+info.Notice)
	}
	if info.Unreadable > 0 {
		c.summary.Unreadable += info.Unreadable
		c.fail(info.FirstError)
	}
}

func (c *comparer) fail(err error) {
	if len(c.summary.Errors) < maxErrors {
		c.summary.Errors = append(c.summary.Errors, err.Error())
	}
}

func (c *comparer) merge(ctx context.Context) error {
	a, b := &c.first, &c.second
	for !a.end || !b.end {
		order := -1
		switch {
		case a.end:
			order = 1
		case !b.end:
			order = meta.ComparePaths(a.path, b.path)
		}
		switch {
		case order < 0:
			c.entries = append(c.entries, Entry{Change: Removed, Path: a.path, Old: stateOf(&a.entry)})
		case order > 0:
			c.entries = append(c.entries, Entry{Change: Added, Path: b.path, New: stateOf(&b.entry)})
		default:
			if err := c.compare(ctx); err != nil {
				return err
			}
		}
		if order <= 0 {
			if err := a.next(ctx); err != nil {
				return err
			}
		}
		if order >= 0 {
			if err := b.next(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func stateOf(e *listing.Entry) *listing.State {
	s := e.State()
	return &s
}

// compare compares what both sides have.
func (c *comparer) compare(ctx context.Context) error {
	a, b := &c.first.entry, &c.second.entry
	e := Entry{Path: c.second.path}
	if a.Kind != b.Kind {
		e.Change = Type
		c.keep(e, a, b)
		return nil
	}
	if a.Dev != 0 && a.Dev == b.Dev && a.Kind == meta.File && a.Stored.Ino == b.Stored.Ino && !c.exact {
		return nil // one inode
	}
	same, err := c.sameContent(ctx, a, b)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		c.summary.Unreadable++
		c.fail(err)
	}
	e.Differs = c.differs(a, b)
	switch {
	case err == nil && !same:
		e.Change = Changed
	case len(e.Differs) > 0:
		e.Change = Metadata
	default:
		return nil
	}
	c.keep(e, a, b)
	return nil
}

func (c *comparer) keep(e Entry, a, b *listing.Entry) {
	e.Old, e.New = stateOf(a), stateOf(b)
	c.entries = append(c.entries, e)
}

// attrs are what is compared as metadata.
type attrs struct {
	mode, uid, gid uint32
	mtime          meta.Time
	xattrs         meta.Xattrs
}

// attrsOf returns the source's metadata, or that of what is stored.
func attrsOf(r *catalog.Record, exact bool) attrs {
	if s := r.Stored; s != nil && !exact {
		return attrs{s.Mode, s.UID, s.GID, s.Mtime, s.Xattrs}
	}
	return attrs{r.Mode, r.UID, r.GID, r.Mtime, r.Xattrs}
}

// differs names what of the metadata differs. Where one side is only known by
// its files, the other one counts as it is stored, too: an inode that files
// share can have only one time. Times of directories are no news: they change
// with what is in them.
func (c *comparer) differs(ra, rb *listing.Entry) (list []string) {
	a, b := attrsOf(&ra.Record, c.exact), attrsOf(&rb.Record, c.exact)
	if a.mode != b.mode {
		list = append(list, "mode")
	}
	// A catalogue does not tell whose stored directories and links are.
	if (a.uid != b.uid || a.gid != b.gid) && (c.exact || ra.Kind == meta.File) {
		list = append(list, "owner")
	}
	if a.mtime != b.mtime && ra.Kind != meta.Dir {
		list = append(list, "mtime")
	}
	if !a.xattrs.Equal(b.xattrs) {
		list = append(list, "xattrs")
	}
	return list
}

// findMoves makes one entry of a file that was added and one of the same
// content that was removed: first of those with the same name, then of others.
// Each is the origin of one new path only.
func (c *comparer) findMoves() {
	type key struct {
		sum  digest.Sum
		name string
	}
	keyOf := func(e *Entry, s *listing.State, named bool) (k key, ok bool) {
		if s.Kind != meta.File || s.Size == 0 || s.SHA256.IsZero() {
			return k, false
		}
		if k.sum = s.SHA256; named {
			k.name = base(e.Path)
		}
		return k, true
	}
	for _, named := range [...]bool{true, false} {
		removed := map[key][]*Entry{}
		for i := range c.entries {
			e := &c.entries[i]
			if e.Change != Removed {
				continue
			}
			if k, ok := keyOf(e, e.Old, named); ok {
				removed[k] = append(removed[k], e)
			}
		}
		for i := range c.entries {
			e := &c.entries[i]
			if e.Change != Added {
				continue
			}
			k, ok := keyOf(e, e.New, named)
			if list := removed[k]; ok && len(list) > 0 {
				removed[k] = list[1:]
				c.move(list[0], e)
			}
		}
	}
}

// move makes a move of a removed and an added path. The removed one is no
// entry any more.
func (c *comparer) move(removed, added *Entry) {
	added.Change, added.From, added.Old = Moved, removed.Path, removed.Old
	a, b := removed.Old, added.New
	if a.Mode != b.Mode {
		added.Differs = append(added.Differs, "mode")
	}
	if a.UID != b.UID || a.GID != b.GID {
		added.Differs = append(added.Differs, "owner")
	}
	if a.Mtime != b.Mtime {
		added.Differs = append(added.Differs, "mtime")
	}
	removed.Change = ""
}
