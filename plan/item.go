package plan

import (
	"errors"
	"io/fs"
	"strings"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/manifest"
)

// item is one entry on its way from the walk to the plan.
type item struct {
	Entry
	info  meta.Info
	file  bool // regular and not skipped: content decides
	known bool // rec is set: the parent has this path
	rec   catalog.Record
	old   catalog.Stored // what rec.Stored points to, if not nil

	unchanged bool       // by metadata
	indexed   bool       // the lookups know its size
	doubt     bool       // a stored content of this size is missing in the lookups
	links     *hardlinks // the names of its inode in the source, if it has several
	follows   bool       // it is not the first of them
	mine      *member    // as a candidate for later files of the plan
	equal     *member    // an earlier file with the same size and sample
	sample    *future[digest.Sample]
	sum       *future[reading]
	asked     bool // hint is set
	hint      hint
	oldSum    *future[digest.Sum] // of the parent's file, where nobody vouches for it
}

// hardlinks are the names of one inode of the source.
type hardlinks struct {
	path    string // the first that is stored
	sum     digest.Sum
	reading bool   // one of them is being hashed
	placed  bool   // path will be stored
	known   bool   // its content is in the root already
	linked  uint64 // inode of the parent's file that path is linked to; 0: none
}

// setRecord keeps the parent's record, which its reader is about to reuse.
func (it *item) setRecord(rec *catalog.Record) {
	it.known, it.rec = true, *rec
	if rec.Stored != nil {
		it.old = *rec.Stored
		it.rec.Stored = &it.old
	}
}

// waits reports whether a reader is finding out something about the item.
func (it *item) waits() bool { return it.sample != nil || it.sum != nil || it.oldSum != nil }

func (it *item) skip(reason string) {
	e := Entry{Action: ActionSkip, Path: it.Path, Reason: reason, InParent: it.known}
	if it.info.Kind == meta.File {
		e.Size = it.info.Size
	}
	it.Entry = e
	it.file = false
}

// unreadable makes the item a skip that says why it cannot be read.
func (it *item) unreadable(err error) {
	if fsys.ClassOf(err) == fsys.ClassVanished {
		it.skip(reasonVanished)
		return
	}
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	it.skip("unreadable: " + err.Error())
}

// attrs are what the source file would share by sharing an inode.
func (it *item) attrs() Attrs {
	return Attrs{Mode: it.Mode, UID: it.UID, GID: it.GID, Mtime: it.Mtime, Xattrs: it.Xattrs}
}

// sameSize reports whether the parent has a file of the same size here.
func (it *item) sameSize() bool {
	return it.known && it.rec.Kind == meta.File && it.rec.Size == it.Size
}

// changeOf tells how the entry differs from the parent's record. For a file
// whose content nobody needed to read, another size or unknown old content
// counts as changed.
func (it *item) changeOf() Change {
	switch {
	case !it.known:
		return ChangeNew
	case it.rec.Kind != it.info.Kind:
		return ChangeType
	case it.contentDiffers():
		return ChangeContent
	case it.metadataDiffers():
		return ChangeMetadata
	}
	return ChangeUnchanged
}

// changedQuietly reports whether both contents were read and differ, and
// neither size nor time tells.
func (it *item) changedQuietly() bool {
	return it.sameSize() && it.Mtime == it.rec.Mtime &&
		!it.SHA256.IsZero() && !it.rec.SHA256.IsZero() && it.SHA256 != it.rec.SHA256
}

func (it *item) contentDiffers() bool {
	switch it.info.Kind {
	case meta.File:
		return it.Size != it.rec.Size || it.SHA256.IsZero() || it.SHA256 != it.rec.SHA256
	case meta.Symlink:
		return it.Target != it.rec.Target
	}
	return false
}

func (it *item) metadataDiffers() bool {
	r := &it.rec
	if it.info.Kind != meta.Symlink && it.info.Mode != r.Mode {
		return true
	}
	return it.UID != r.UID || it.GID != r.GID || it.Mtime != r.Mtime || !it.Xattrs.Equal(r.Xattrs)
}

// sameByMetadata reports whether size, times and inode say that the file is
// the one the parent's catalogue recorded. A racy record says nothing: the
// file could change after it was read without any of them telling.
func (it *item) sameByMetadata(how manifest.ChangeDetection) bool {
	r := &it.rec
	if !it.sameSize() || r.SHA256.IsZero() || r.Stored == nil || r.Racy || r.Mtime != it.Mtime {
		return false
	}
	switch how {
	case manifest.DetectMtime:
		return true
	case manifest.DetectMetadata:
		return !r.Ctime.IsZero() && r.Ctime == it.Ctime && r.Ino == it.Ino
	}
	return false
}

// split is path.Dir and path.Base for paths that are clean.
func split(p string) (dir, name string) {
	i := strings.LastIndexByte(p, '/')
	if i < 0 {
		return ".", p
	}
	return p[:i], p[i+1:]
}
