package snapshot

import (
	"errors"
	"fmt"

	"phlb/internal/fsys"
)

// catalogSuffix ends the name of a catalogue, after the snapshot's time.
const catalogSuffix = ".jsonl.zst"

// movedSuffix ends the name of a list of contents whose lookup entries were
// moved to this snapshot from others, as those were pruned.
const movedSuffix = ".moved"

// MovedFile opens the list of contents whose lookup entries were moved to a
// snapshot; the error is fs.ErrNotExist when there is none.
func (r *Root) MovedFile(id ID) (*fsys.File, error) {
	if err := id.check(); err != nil {
		return nil, err
	}
	return openRegular(r.dir, PrivateDir+"/"+catalogDir+"/"+id.String()+movedSuffix)
}

// AppendMoved adds lines to that list. It is a hint for whoever prunes the
// snapshot, and not made durable.
func (r *Root) AppendMoved(id ID, lines []byte) error {
	if err := id.check(); err != nil {
		return err
	}
	dir, err := r.catalogHome(id)
	if err != nil {
		return fmt.Errorf("note moved lookups of %s: %w", id, err)
	}
	defer dir.Close()
	f, err := dir.OpenAppend(id.Time+movedSuffix, fileMode)
	if err == nil {
		_, err = f.Write(lines)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("note moved lookups of %s: %w", id, err)
	}
	return nil
}

func catalogPath(id ID) string {
	return PrivateDir + "/" + catalogDir + "/" + id.String() + catalogSuffix
}

// CatalogFile opens a snapshot's catalogue for reading; the error is
// fs.ErrNotExist when it is missing.
func (r *Root) CatalogFile(id ID) (*fsys.File, error) {
	if err := id.check(); err != nil {
		return nil, err
	}
	return openRegular(r.dir, catalogPath(id))
}

// HasCatalog reports whether there is a catalogue of a snapshot.
func (r *Root) HasCatalog(id ID) (bool, error) {
	f, err := r.CatalogFile(id)
	if isMissing(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, f.Close()
}

func (r *Root) catalogHome(id ID) (*fsys.Dir, error) {
	return makeDirs(r.dir, PrivateDir+"/"+catalogDir+"/"+id.Name)
}

// PlaceCatalog makes the file CatalogFileName of the staging directory the
// catalogue of the snapshot that is about to be published. The caller has
// synced the file.
func (r *Root) PlaceCatalog(s *Staging, id ID) error {
	if err := id.check(); err != nil {
		return err
	}
	dir, err := r.catalogHome(id)
	if err != nil {
		return fmt.Errorf("put catalogue of %s into place: %w", id, err)
	}
	defer dir.Close()
	// In place of one of an attempt that was interrupted before publishing.
	if err := s.dir.Rename(CatalogFileName, dir, id.Time+catalogSuffix); err != nil {
		return fmt.Errorf("put catalogue of %s into place: %w", id, err)
	}
	// The catalogue must not come after its snapshot.
	return errors.Join(dir.SyncNames(), s.dir.SyncNames())
}

// NewCatalog is a catalogue that is being written for a snapshot that is
// published already. It is seen by nobody before Commit.
type NewCatalog struct {
	dir  *fsys.Dir
	file *fsys.File
	name string
}

// CreateCatalog begins to write the catalogue of a published snapshot. The
// caller holds the exclusive lock.
func (r *Root) CreateCatalog(id ID) (*NewCatalog, error) {
	if err := id.check(); err != nil {
		return nil, err
	}
	dir, err := r.catalogHome(id)
	if err != nil {
		return nil, fmt.Errorf("write catalogue of %s: %w", id, err)
	}
	name := id.Time + catalogSuffix
	f, err := createTemp(dir, tempName(name))
	if err != nil {
		dir.Close()
		return nil, fmt.Errorf("write catalogue of %s: %w", id, err)
	}
	return &NewCatalog{dir: dir, file: f, name: name}, nil
}

// Write implements io.Writer.
func (c *NewCatalog) Write(b []byte) (int, error) { return c.file.Write(b) }

// Commit makes the catalogue durable and puts it into place, replacing one
// that is there.
func (c *NewCatalog) Commit() error { return c.finish(nil) }

var errAborted = errors.New("aborted")

// Abort drops what was written.
func (c *NewCatalog) Abort() error {
	if err := c.finish(errAborted); !errors.Is(err, errAborted) {
		return err
	}
	return nil
}

func (c *NewCatalog) finish(err error) error {
	defer c.dir.Close()
	return commit(c.dir, c.file, err, c.name, (*fsys.Dir).Rename)
}
