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
	groups map[string]*group
}

// readBook reads the catalogue to its end before anything is built on it:
// damage that shows only there may have altered any record before. Where there
// is none, the snapshot's own files have to do.
func (r *run) readBook(ctx context.Context, root *snapshot.Root) error {
	r.book = &book{groups: map[string]*group{}}
	r.Metadata = Carried
	records, err := openRecords(root, r.from.ID)
	r.renames = err == nil && records.origin == catalog.OriginApply || hasReport(root, r.from.ID)
	var nameErr error
	if r.top, nameErr = r.sourcePath(r.from.Path); nameErr != nil {
		if records != nil {
			records.close()
		}
		return nameErr
	}
	r.Path = r.top
	if err == nil {
		defer records.close()
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
	if records.origin != catalog.OriginApply {
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

// hasReport reports whether phlb made the snapshot: PHLB writes no reports.
// Others than the root's owner may see the report, and not read it.
func hasReport(root *snapshot.Root, id snapshot.ID) bool {
	info, err := root.Dir().LstatAt(id.String() + snapshot.SuffixReport)
	return err == nil && info.Kind == meta.File
}

func (b *book) read(ctx context.Context, records *records, top string) error {
	for n := 0; records.err == nil; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		b.take(&records.current, top)
		records.next()
	}
	if records.err != io.EOF {
		return records.err
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
		b.bytes += rec.Size
		return
	}
	g := b.groups[rec.Hardlink]
	if g == nil {
		g = &group{first: rec.Hardlink}
		b.groups[rec.Hardlink] = g
		if !within(top, rec.Hardlink) {
			g.first = rec.Path // the first that is restored
			b.bytes += rec.Size
		}
	}
	g.members++
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

// records reads a catalogue in step with a walk over its snapshot.
type records struct {
	file    io.Closer
	reader  *catalog.Reader
	origin  string
	current catalog.Record
	err     error // io.EOF: read to its end
}

func openRecords(root *snapshot.Root, id snapshot.ID) (*records, error) {
	f, err := root.CatalogFile(id)
	if err != nil {
		return nil, err
	}
	reader, err := catalog.NewReader(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	r := &records{file: f, reader: reader, origin: reader.Header().Origin}
	if h := reader.Header(); h.Name != id.Name || h.Snapshot != id.Time {
		r.close()
		return nil, fmt.Errorf("it is the catalogue of %s/%s", h.Name, h.Snapshot)
	}
	r.next()
	return r, nil
}

func (r *records) close() {
	r.reader.Close()
	r.file.Close()
}

func (r *records) next() {
	if r.err == nil {
		r.err = r.reader.Next(&r.current)
	}
}

// seek passes over everything before path and takes its record, if there is
// one.
func (r *records) seek(path string) (*catalog.Record, bool) {
	for r.err == nil && meta.ComparePaths(r.current.Path, path) < 0 {
		r.next()
	}
	if r.err != nil || r.current.Path != path {
		return nil, false
	}
	return r.take(), true
}

// peek returns the name of the next record if it is directly in dir.
func (r *records) peek(dir string) (name string, ok bool) {
	if r == nil || r.err != nil {
		return "", false
	}
	name = r.current.Path
	if dir != "." {
		if name, ok = strings.CutPrefix(name, dir+"/"); !ok {
			return "", false
		}
	}
	if strings.Contains(name, "/") {
		r.err = fmt.Errorf("the catalogue lists %q without its directory", r.current.Path)
		return "", false
	}
	return name, true
}

// take returns the record that peek saw.
func (r *records) take() *catalog.Record {
	rec := r.current
	rec.Stored = nil // the reader writes over it
	r.next()
	return &rec
}

// skip passes over what is below a path.
func (r *records) skip(path string) {
	for r.err == nil && strings.HasPrefix(r.current.Path, path+"/") {
		r.next()
	}
}

// failure returns what went wrong with reading.
func (r *records) failure() error {
	if r == nil || r.err == nil || r.err == io.EOF {
		return nil
	}
	return r.err
}

// stored returns the name under which a name of the source is stored.
func (r *run) stored(name string) string {
	if r.renames {
		return sums.StoredName(name)
	}
	return name
}
