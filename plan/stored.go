package plan

import (
	"context"

	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/lookup"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/vouch"
	"phlb/manifest"
)

// storedFiles finds content in the root to link to. A lookup entry is only a
// hint: what it points to is looked at, and its hash vouched for.
type storedFiles struct {
	build   *build
	lookups *lookup.DB // nil: there is no root yet
	// indexes are those of the newest snapshots of names.
	indexes map[indexKey]*index
	names   []string // of the root; nil: not asked for
	recent  map[contentKey]recentFile
	sums    *vouch.Sums
	dir     lastDir
}

type indexKey struct {
	match manifest.LinkMatch
	name  string
}

// recentFile is a stored file that was linked to lately.
type recentFile struct {
	path  string
	sum   digest.Sum
	attrs Attrs
}

// maxRecent bounds how many stored files are remembered.
const maxRecent = 4096

func (c *storedFiles) close() {
	c.dir.close()
	if c.lookups != nil {
		c.lookups.Close() // it only read
	}
}

func (c *storedFiles) hasSize(size int64) (bool, error) {
	if c.lookups == nil {
		return false, nil
	}
	return c.lookups.HasSize(size)
}

// hint is what a lookup entry says.
type hint struct {
	path   string
	listed bool // there is an entry
	err    error
}

func (c *storedFiles) hint(sum digest.Sum) (h hint) {
	h.path, h.listed, h.err = c.lookups.Get(sum)
	return h
}

// foundFile is what the root has of a content.
type foundFile struct {
	path    string // of a file to link to; empty: there is none
	known   bool   // the content is there
	differs string // where it is but cannot be linked to: in what it differs
}

// find looks for the item's content.
func (c *storedFiles) find(ctx context.Context, s *sourceBuild, it *item) (found foundFile, err error) {
	// Where the lookups lack the size, they have no hash to tell of.
	if c.lookups == nil || !it.indexed && !it.doubt && !it.unchanged {
		return found, nil
	}
	want := it.attrs()
	key := s.keys.content(&it.SHA256, &want)
	if r, ok := c.recent[key]; ok && r.sum == it.SHA256 && s.rule.Differs(&want, &r.attrs) == "" {
		return foundFile{path: r.path, known: true}, nil
	}
	h := it.hint
	if !it.asked {
		h = c.hint(it.SHA256)
	}
	if h.err != nil {
		return found, h.err
	}
	if h.listed {
		if found, err = c.check(ctx, s, it, h.path); err != nil || found.path != "" {
			return found, err
		}
	}
	// Another inode with other attributes is worth a search for a file that
	// may have been moved, not for one whose mode changed.
	if found.known && it.known || !h.listed && !it.doubt {
		return found, nil
	}
	return c.search(ctx, s, it, found)
}

// search looks for the content in the parent and in the newest snapshots.
func (c *storedFiles) search(ctx context.Context, s *sourceBuild, it *item, found foundFile) (foundFile, error) {
	own, err := s.parentIndex(ctx)
	if err != nil {
		return found, err
	}
	want := it.attrs()
	try := func(path string) bool {
		var f foundFile
		if f, err = c.check(ctx, s, it, path); f.known {
			found = f
		}
		return err == nil && f.path == ""
	}
	own.fitting(&it.SHA256, &want, func(path string) bool { return try(s.parentPath(path)) })
	if err != nil || found.path != "" {
		return found, err
	}
	if c.names == nil {
		if c.names, err = c.build.root.Names(ctx); err != nil {
			return found, err
		}
	}
	for _, name := range c.names {
		if name == s.Name {
			continue // its newest snapshot is the parent
		}
		x, ierr := c.index(ctx, s, name)
		if ierr != nil {
			return found, ierr
		}
		if x.fitting(&it.SHA256, &want, try); err != nil || found.path != "" {
			break
		}
	}
	return found, err
}

// check looks at a candidate: whether it is a published regular file with
// the item's content, and whether the item may share its inode.
func (c *storedFiles) check(ctx context.Context, s *sourceBuild, it *item, path string) (found foundFile, err error) {
	if _, _, ok := snapshot.Published(path); !ok {
		return found, nil
	}
	dirPath, name := split(path)
	dir, err := c.open(dirPath)
	if err != nil {
		return found, nil //nolint:nilerr // it points to nothing
	}
	st, err := dir.Lstat(name)
	if err != nil || st.Kind != meta.File || st.Size != it.Size {
		return found, nil //nolint:nilerr // it points to nothing
	}
	buf := c.build.buffer()
	defer c.build.recycle(buf)
	sum, err := c.sums.Content(ctx, dir, dirPath, name, &st, buf)
	if ctx.Err() != nil {
		return found, ctx.Err()
	}
	if err != nil || sum != it.SHA256 {
		return found, nil //nolint:nilerr // not readable: as good as not there
	}
	found.known = true
	have, err := attrsOf(dir, name, &st)
	if err != nil {
		found.differs = "xattrs"
		return found, nil //nolint:nilerr // not known to fit
	}
	want := it.attrs()
	if found.differs = s.rule.Differs(&want, &have); found.differs == "" {
		found.path = path
		c.remember(s.keys.content(&it.SHA256, &want), recentFile{path, it.SHA256, have})
	}
	return found, nil
}

func (c *storedFiles) remember(key contentKey, r recentFile) {
	if len(c.recent) >= maxRecent {
		clear(c.recent)
	}
	if c.recent == nil {
		c.recent = map[contentKey]recentFile{}
	}
	c.recent[key] = r
}

func attrsOf(dir *fsys.Dir, name string, st *meta.Info) (Attrs, error) {
	xattrs, err := dir.Xattrs(name)
	if fsys.ClassOf(err) == fsys.ClassUnsupported {
		err = nil // a file system without them
	}
	return Attrs{Mode: st.Mode, UID: st.UID, GID: st.GID, Mtime: st.Mtime, Xattrs: xattrs}, err
}

// open opens a directory of the root, until the next call.
func (c *storedFiles) open(path string) (*fsys.Dir, error) {
	if c.sums == nil {
		c.sums = vouch.NewSums(c.build.root)
	}
	return c.dir.open(c.build.root.Dir(), path)
}

// index returns the contents of the newest snapshot of a name.
func (c *storedFiles) index(ctx context.Context, s *sourceBuild, name string) (*index, error) {
	key := indexKey{s.keys.match, name}
	if x := c.indexes[key]; x != nil {
		return x, nil
	}
	newest, ok, err := c.build.root.Newest(name)
	if err != nil {
		return nil, err
	}
	x := newIndex(s.keys)
	if ok {
		x.addCatalog(ctx, c.build.root, snapshot.ID{Name: name, Time: newest})
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x.order()
	if c.indexes == nil {
		c.indexes = map[indexKey]*index{}
	}
	c.indexes[key] = x
	return x, nil
}
