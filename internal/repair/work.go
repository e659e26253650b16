package repair

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"

	"phlb/internal/digest"
	"phlb/internal/dress"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/transfer"
)

// Names in the working directory.
const (
	newName     = "new"          // the next inode
	linkName    = "link"         // another name of it, on its way into a snapshot
	journalName = "journal.json" // what is being done
	journalTemp = "journal.json.new"
)

// workplace is the directory where new inodes are made. It is on the root's
// file system, so that they get into snapshots by rename.
type workplace struct {
	dir    *fsys.Dir
	root   *fsys.Dir
	buf    []byte
	events event.Sink
}

// makeWork makes the working directory, durably.
func (r *runner) makeWork() error {
	dir, err := r.root.Dir().MkdirAllDurable(workDir, dirMode)
	if err != nil {
		return err
	}
	return r.openWork(dir)
}

// openWork has the run work in a directory, which it closes.
func (r *runner) openWork(dir *fsys.Dir) error {
	// A default ACL of the root would be inherited by every new inode.
	if err := dir.DropACL(); err != nil {
		dir.Close()
		return err
	}
	r.work = &workplace{dir: dir, root: r.root.Dir(), buf: r.buf, events: r.Events}
	return nil
}

// retire closes the working directory and removes it, unless there is
// something in it to be finished, or of somebody else.
func (w *workplace) retire() error {
	_, err := w.dir.Lstat(journalName)
	if err := w.dir.Close(); err != nil {
		return err
	}
	if err == nil {
		return nil
	}
	staging, err := w.root.OpenDirAt(parentOf(workDir))
	if err != nil {
		return err
	}
	defer staging.Close()
	if err := staging.RemoveDir(baseOf(workDir)); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// clean removes what is left of the last inode.
func (w *workplace) clean() error {
	for _, name := range []string{newName, linkName, journalTemp} {
		if err := w.dir.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// adopt makes a published file, which has the content and the metadata that
// are wanted, the next inode.
func (w *workplace) adopt(good *goodCopy) (info meta.Info, ok bool, err error) {
	dir, err := good.dir.OpenDirAt(parentOf(string(good.from.Path)))
	if err != nil {
		return meta.Info{}, false, nil //nolint:nilerr // it cannot be reached any more
	}
	defer dir.Close()
	err = w.dir.Link(dir, baseOf(string(good.from.Path)), newName)
	if fsys.ClassOf(err) == fsys.ClassLinkRefused || fsys.ClassOf(err) == fsys.ClassVanished {
		return meta.Info{}, false, nil
	}
	if err != nil {
		return meta.Info{}, false, err
	}
	// What was linked must be what was read.
	if info, err = w.dir.Lstat(newName); err != nil {
		return meta.Info{}, false, err
	}
	if !info.SameFile(&good.info) || info.Mtime != good.info.Mtime || info.Size != good.info.Size {
		return meta.Info{}, false, w.clean()
	}
	return info, true, nil
}

// make copies a good copy into a new inode with the given metadata. ok is
// false if it was not good after all.
func (w *workplace) make(ctx context.Context, good *goodCopy, want digest.Sum, a *attrs) (info meta.Info, kept, ok bool, err error) {
	f, err := w.dir.Create(newName, fileMode)
	if err != nil {
		return info, false, false, err
	}
	defer func() {
		// Network file systems tell late what could not be written.
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if !ok && err == nil {
			err = w.clean()
		}
	}()
	sum, err := w.copy(ctx, f, good)
	if ctx.Err() != nil {
		return info, false, false, ctx.Err()
	}
	if failed := (*transfer.WriteError)(nil); errors.As(err, &failed) {
		return info, false, false, err
	}
	if err != nil || sum != want {
		return info, false, false, nil //nolint:nilerr // it cannot be read: it is not good
	}
	if kept, err = wear(f, a); err != nil {
		return info, false, false, err
	}
	// All of it must be durable before any name in a snapshot leads to it.
	if err = f.Sync(); err != nil {
		return info, false, false, err
	}
	info, err = f.Stat()
	return info, kept, err == nil, err
}

// copy copies the good copy and returns the hash of what it wrote.
func (w *workplace) copy(ctx context.Context, dst *fsys.File, good *goodCopy) (digest.Sum, error) {
	if _, err := good.file.Seek(0, io.SeekStart); err != nil {
		return digest.Sum{}, err
	}
	c := transfer.Copier{Hash: sha256.New(), Buf: w.buf, Advance: func(n int64) {
		w.events.Send(event.Event{Kind: event.Advance, Phase: event.Repair, Bytes: n})
	}}
	sum, _, err := c.Copy(ctx, dst, good.file, &good.info)
	return sum, err
}

// wear gives the new inode its metadata; kept is false if some of it was lost.
func wear(f *fsys.File, a *attrs) (kept bool, err error) {
	var d dress.Dresser // the attributes did fit, in the inode that goes
	info, err := f.Stat()
	if err != nil {
		return false, err
	}
	mode := a.mode
	if !d.Owner(f, dress.OwnerOf(&info), dress.Owner{UID: a.uid, GID: a.gid}) {
		mode &^= dress.SetID // it would lend the wrong user's rights
	}
	d.Xattrs(f, a.xattrs)
	d.Try(f.SetMtime(a.mtime))
	if info, err = f.Stat(); err == nil && info.Mode != mode {
		err = f.Chmod(mode)
	}
	d.Try(err)
	return !d.Lost, d.Err
}
