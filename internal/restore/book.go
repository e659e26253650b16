package restore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"phlb/internal/catalog"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
)

// book is what a first reading of the catalogue tells: whether it can be used
// at all, and what cannot wait for the second.
type book struct {
	usable bool
	self   *catalog.Record // of the path that is restored
	files  int64           // all regular files
	bytes  int64           // what is to be copied of them
	links  int64           // of the files, those that are further names of others
	small  int64           // of the files, those that are read in one piece
	// smallBytes is the part of bytes that is in these.
	smallBytes int64
	groups     map[string]*group
}

// readBook reads the catalogue to its end before anything is built on it:
// damage that shows only there may have altered any record before. Where there
// is none, the snapshot's own files have to do.
func (r *run) readBook(ctx context.Context, root *snapshot.Root) error {
	r.book = &book{groups: map[string]*group{}}
	r.Metadata = Carried
	records, err := openRecords(root, r.from.ID)
	r.renames = err == nil && records.Header().Origin == catalog.OriginApply || root.HasReport(r.from.ID)
	var nameErr error
	if r.top, nameErr = r.sourcePath(r.from.Path); nameErr != nil {
		if records != nil {
			records.Close()
		}
		return nameErr
	}
	r.Path = r.top
	if err == nil {
		defer records.Close()
		err = r.book.read(ctx, records, r.top)
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	if err != nil {
		r.book = &book{groups: map[string]*group{}}
		r.Notes = append(r.Notes, withoutCatalogue(err))
		return nil
	}
	r.book.usable = true
	r.Metadata = Exact
	if records.Header().Origin != catalog.OriginApply {
		r.Metadata = Rebuilt
		r.Notes = append(r.Notes, "the catalogue was rebuilt from the snapshot: metadata is what the stored files carry, and hard links of the source are not known")
	}
	return nil
}

func withoutCatalogue(err error) string {
	const effect = ": metadata is what the stored files carry, and hard links of the source are not known"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "the snapshot has no catalogue" + effect
	case fsys.ClassOf(err) == fsys.ClassPermission:
		return "the snapshot's catalogue may be read by the backup root's owner alone" + effect
	}
	return fmt.Sprintf("the snapshot's catalogue cannot be used (%v)%s", err, effect)
}

func (b *book) read(ctx context.Context, records *catalog.Cursor, top string) error {
	for n := 0; records.Err == nil; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		b.take(&records.Record, top)
		records.Next()
	}
	if records.Err != io.EOF {
		return records.Err
	}
	return nil
}

// take looks at one record.
func (b *book) take(rec *catalog.Record, top string) {
	if !within(top, rec.Path) {
		return
	}
	if rec.Path == top {
		self := *rec
		self.Stored = nil // the reader writes over it
		b.self = &self
	}
	if rec.Kind != meta.File {
		return
	}
	b.files++
	if rec.Hardlink == "" {
		b.content(rec.Size)
		return
	}
	g := b.groups[rec.Hardlink]
	if g == nil {
		g = &group{first: rec.Hardlink}
		b.groups[rec.Hardlink] = g
		if !within(top, rec.Hardlink) {
			g.first = rec.Path // the first that is restored
			b.content(rec.Size)
			b.links--
		}
	}
	b.links++
	g.members++
}

// content counts a file's content that is to be restored.
func (b *book) content(size int64) {
	b.bytes += size
	if size <= bufferSize {
		b.small++
		b.smallBytes += size
	}
}

// group is a file of several names in the source.
type group struct {
	first   string // path of the name that is restored as a file
	members int    // the other names, and first if it is not the group's own first
	state   groupState
}

// groupOf returns the hard-link group of a file; nil: it has none.
func (b *book) groupOf(rec *catalog.Record) *group {
	switch {
	case rec == nil:
		return nil
	case rec.Hardlink != "":
		return b.groups[rec.Hardlink]
	}
	return b.groups[rec.Path]
}

// within reports whether path is top or lies in it.
func within(top, path string) bool {
	return top == "." || path == top || strings.HasPrefix(path, top) && path[len(top)] == '/'
}

// join appends a name to a relative path.
func join(dir, name string) string {
	if dir == "." {
		return name
	}
	return dir + "/" + name
}

// openRecords opens a snapshot's catalogue.
func openRecords(root *snapshot.Root, id snapshot.ID) (*catalog.Cursor, error) {
	f, err := root.CatalogFile(id)
	if err != nil {
		return nil, err
	}
	return catalog.NewCursor(f, id.Name, id.Time)
}

// take returns a cursor's next record and goes on.
func take(c *catalog.Cursor) *catalog.Record {
	rec := c.Record
	rec.Stored = nil // the cursor writes over it
	c.Next()
	return &rec
}

// stored returns the name under which a name of the source is stored.
func (r *run) stored(name string) string {
	if r.renames {
		return sums.StoredName(name)
	}
	return name
}
