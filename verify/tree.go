package verify

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
)

// tree is one open snapshot. Tasks that work on it hold it open.
type tree struct {
	id   snapshot.ID
	name string // of the snapshot: name/time
	dir  *fsys.Dir
	// renames says that source entries called SHA256SUMS were stored under
	// another name, which PHLB does not do.
	renames bool
	users   atomic.Int64
	// entries is what list last listed.
	entries []fsys.DirEntry
}

// hold keeps the tree open until release.
func (t *tree) hold() { t.users.Add(1) }

// release closes the tree when nobody holds it any more.
func (t *tree) release() {
	if t.users.Add(-1) == 0 {
		t.dir.Close()
	}
}

// openTree opens a snapshot, held once, and its catalogue. The cursor is nil if there is
// no catalogue; a damaged one is in err, with a usable tree.
func openTree(root *snapshot.Root, id snapshot.ID) (t *tree, records *cursor, catalogErr, err error) {
	dir, err := root.OpenSnapshot(id)
	if err != nil {
		return nil, nil, nil, err
	}
	t = &tree{id: id, name: id.String(), dir: dir}
	t.hold()
	records, catalogErr = openCursor(root, id)
	// Only phlb writes reports, and catalogues that are not rebuilt.
	t.renames = records != nil && records.Header().Origin == catalog.OriginApply || root.HasReport(id)
	return t, records, catalogErr, nil
}

// record is what a catalogue says of one path; zero: nothing.
type record struct {
	kind   meta.Kind
	sum    digest.Sum
	target string
}

func (r *record) isThere() bool { return r.kind != meta.Unknown }

// child is one name in a directory, or one that should be there.
type child struct {
	name   string    // as stored
	source string    // as in the source
	kind   meta.Kind // meta.Unknown: it is not there
	rec    record    // none: there is no catalogue, or it does not list the name
}

// list appends what lies in a directory to children, SHA256SUMS itself left
// out, in the order that the names had in the source. It is for one goroutine.
func (t *tree) list(d *fsys.Dir, children []child) ([]child, error) {
	entries, err := d.AppendDir(t.entries[:0])
	if err != nil {
		return nil, err
	}
	t.entries = entries
	slices.SortFunc(entries, func(a, b fsys.DirEntry) int { return strings.Compare(a.Name, b.Name) })
	isRenamed := false
	children = slices.Grow(children, len(entries))
	for i := range entries {
		e := &entries[i]
		if e.Name == sums.FileName {
			continue
		}
		c := child{name: e.Name, source: e.Name, kind: e.Kind}
		if c.kind == meta.Unknown {
			info, err := d.Lstat(e.Name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			c.kind = info.Kind
		}
		if t.renames {
			c.source, _ = sums.SourceName(e.Name)
			isRenamed = isRenamed || len(c.source) != len(c.name)
		}
		children = append(children, c)
	}
	if isRenamed {
		slices.SortFunc(children, func(a, b child) int { return strings.Compare(a.source, b.source) })
	}
	return children, nil
}

// stored returns the name under which a source name is stored.
func (t *tree) stored(source string) string {
	if t.renames {
		return sums.StoredName(source)
	}
	return source
}

// join appends a name to a relative path.
func join(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}

// snapshots returns those of all names, or of o's choice, sorted by name and
// time.
func snapshots(ctx context.Context, root *snapshot.Root, chosen []snapshot.ID) ([]snapshot.ID, error) {
	if chosen != nil {
		ids := slices.Clone(chosen)
		slices.SortFunc(ids, compareIDs)
		return slices.Compact(ids), nil
	}
	names, err := root.Names(ctx)
	if err != nil {
		return nil, err
	}
	var ids []snapshot.ID
	for _, name := range names {
		times, err := root.Times(name)
		if err != nil {
			return nil, err
		}
		for _, time := range times {
			ids = append(ids, snapshot.ID{Name: name, Time: time})
		}
	}
	return ids, nil
}

func compareIDs(a, b snapshot.ID) int {
	if c := strings.Compare(a.Name, b.Name); c != 0 {
		return c
	}
	return strings.Compare(a.Time, b.Time)
}

// checksums is what a directory's SHA256SUMS says.
type checksums struct {
	lines []sums.Line
	bad   []sums.BadLine
	info  meta.Info // of the file
	found bool
}

// errNoFile says that SHA256SUMS is something else than a regular file.
var errNoFile = errors.New("not a regular file")

// readChecksums reads the SHA256SUMS of a directory. That there is none is no
// error; what could be read before an error is returned with it. The lines are
// in the memory of into.
func readChecksums(d *fsys.Dir, p *sums.Parser, into []sums.Line) (checksums, error) {
	f, err := d.OpenFile(sums.FileName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return checksums{}, nil
	case fsys.ClassOf(err) == fsys.ClassType:
		return checksums{found: true}, errNoFile
	case err != nil:
		return checksums{found: true}, err
	}
	defer f.Close()
	s := checksums{found: true}
	if s.info, err = f.Stat(); err != nil {
		return s, err
	}
	if s.info.Kind != meta.File {
		return s, errNoFile
	}
	if s.lines, s.bad, err = p.Parse(f, into); err != nil {
		return s, fmt.Errorf("parse: %w", err)
	}
	return s, nil
}
