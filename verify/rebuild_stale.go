package verify

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"

	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
)

const (
	catalogHome   = snapshot.PrivateDir + "/catalog"
	catalogSuffix = ".jsonl.zst"
	movedSuffix   = ".moved" // whose lookups pruning moved to the snapshot
)

// removeCatalogs removes the catalogues of snapshots that are gone.
func (b *rebuilder) removeCatalogs(ctx context.Context) {
	d, err := b.root.Dir().OpenDirAt(catalogHome)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err != nil {
		b.failed(catalogHome, err)
		return
	}
	defer d.Close()
	b.tidy(ctx, d, "")
}

// tidy goes through the catalogues of one name, or of a part of names. It
// reports whether it removed something and left nothing behind.
func (b *rebuilder) tidy(ctx context.Context, d *fsys.Dir, name string) (isEmptied bool) {
	list, err := d.ReadDir()
	if err != nil {
		b.failed(catalogHome+"/"+name, err)
		return false
	}
	left, removed := len(list), 0
	for _, e := range list {
		if b.ended(ctx) {
			return false
		}
		isRemoved := false
		if e.Kind == meta.Dir {
			isRemoved = b.tidyDir(ctx, d, name, e.Name)
		} else {
			isRemoved = b.tidyFile(d, name, e.Name)
		}
		if isRemoved {
			left--
			removed++
		}
	}
	return left == 0 && removed > 0
}

// tidyDir goes through a directory and removes it if that emptied it.
func (b *rebuilder) tidyDir(ctx context.Context, parent *fsys.Dir, name, element string) (isRemoved bool) {
	sub := path.Join(name, element)
	d, err := parent.OpenDir(element)
	if err != nil {
		b.failed(catalogHome+"/"+sub, err)
		return false
	}
	isEmptied := b.tidy(ctx, d, sub)
	d.Close()
	return isEmptied && parent.RemoveDir(element) == nil
}

// tidyFile removes a catalogue whose snapshot is gone. What is no catalogue
// is left alone.
func (b *rebuilder) tidyFile(d *fsys.Dir, name, file string) (isRemoved bool) {
	place := path.Join(catalogHome, name, file)
	time, ok := strings.CutSuffix(file, catalogSuffix)
	moved, isMoved := strings.CutSuffix(file, movedSuffix)
	if isMoved {
		time, ok = moved, true
	}
	id, err := snapshot.ParseID(name + "/" + time)
	if !ok || err != nil {
		b.strays.add(Path(place))
		return false
	}
	_, err = b.root.Dir().LstatAt(id.String())
	if fsys.ClassOf(err) != fsys.ClassVanished {
		return false
	}
	if err := d.Remove(file); err != nil {
		b.failed(place, err)
		return false
	}
	if !isMoved {
		b.result.Catalogs.Removed++
	}
	return true
}
