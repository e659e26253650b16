package snapshot

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gammazero/workerpool"

	"phlb/internal/fsys"
)

// ownerAll are the bits without which a directory's owner cannot empty it.
const ownerAll = 0o700

// makeWritable lets a directory's owner change its entries. It is for
// directories that are on their way out of or into a snapshot only.
func makeWritable(dir *fsys.Dir) error {
	info, err := dir.Stat()
	if err != nil || info.Mode&ownerAll == ownerAll {
		return err
	}
	return dir.Chmod(info.Mode | ownerAll)
}

// maxRelative is how long, in bytes, a path below an open directory may get
// before a directory further down is opened to start from. With a name more
// it still is short enough for one system call.
const maxRelative = 1024

// remover removes one tree. Between two steps only one descriptor stays open
// for each maxRelative bytes of depth, so that neither width nor depth of the
// tree can use them up.
type remover struct {
	dev   uint64
	pool  *workerpool.WorkerPool
	slots chan struct{} // one a worker: what is in flight is bounded
}

// removeTree removes the directory called name in base and everything below
// it; a missing one is no error. It never changes a file's inode, follows no
// symbolic link and enters no other file system. When it fails it has removed
// what it could, and can be called again.
func removeTree(ctx context.Context, base *fsys.Dir, name string, workers int) error {
	info, err := base.Stat()
	if err != nil {
		return err
	}
	workers = max(workers, 1)
	r := &remover{dev: info.Dev, pool: workerpool.New(workers), slots: make(chan struct{}, workers)}
	defer r.pool.StopWait()
	return r.remove(ctx, base, name)
}

func (r *remover) remove(ctx context.Context, base *fsys.Dir, rel string) error {
	subs, err := r.clear(ctx, base, rel)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := r.removeSubs(ctx, base, rel, subs); err != nil {
		return err
	}
	return removeEmpty(base, rel)
}

// removeSubs removes the directories called subs in the directory rel.
func (r *remover) removeSubs(ctx context.Context, base *fsys.Dir, rel string, subs []string) error {
	if len(subs) == 0 || len(rel) < maxRelative {
		return r.removeAll(ctx, base, rel+"/", subs)
	}
	dir, err := openOwn(base, rel)
	if err != nil {
		return err
	}
	defer dir.Close()
	return r.removeAll(ctx, dir, "", subs)
}

// removeAll removes directories, each by a worker that is free, or else at
// once by the calling one, so that nobody ever waits for a queue.
func (r *remover) removeAll(ctx context.Context, base *fsys.Dir, prefix string, subs []string) error {
	var wg sync.WaitGroup
	var first firstError
	for _, sub := range subs {
		path := prefix + sub
		select {
		case r.slots <- struct{}{}:
			wg.Add(1)
			r.pool.Submit(func() {
				defer wg.Done()
				defer func() { <-r.slots }()
				first.note(r.remove(ctx, base, path))
			})
		default:
			first.note(r.remove(ctx, base, path))
		}
	}
	wg.Wait()
	return first.err
}

// clear removes what is not a directory from the directory rel and returns
// the names of those that are.
func (r *remover) clear(ctx context.Context, base *fsys.Dir, rel string) (subs []string, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dir, err := openOwn(base, rel)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	if err := r.prepare(dir); err != nil {
		return nil, err
	}
	list, err := dir.ReadDir()
	if err != nil {
		return nil, err
	}
	var first firstError
	for _, e := range list {
		if isDir(dir, e) {
			subs = append(subs, e.Name)
		} else {
			first.note(removeIfThere(dir, e.Name))
		}
	}
	return subs, first.err
}

// openOwn opens a directory on its way out, even if its mode keeps its owner
// from it.
func openOwn(base *fsys.Dir, rel string) (*fsys.Dir, error) {
	dir, err := base.OpenDirAt(rel)
	if fsys.ClassOf(err) != fsys.ClassPermission {
		return dir, err
	}
	parent, name, perr := openParent(base, rel)
	if perr != nil {
		return nil, err
	}
	defer parent.Close()
	info, serr := parent.Lstat(name)
	if serr != nil || parent.LchmodDir(name, info.Mode|ownerAll) != nil {
		return nil, err
	}
	return parent.OpenDir(name)
}

var errOtherFS = errors.New("another file system is mounted there: unmount it first")

func (r *remover) prepare(dir *fsys.Dir) error {
	info, err := dir.Stat()
	if err != nil {
		return err
	}
	if info.Dev != r.dev {
		return fmt.Errorf("remove %s: %w", dir.Path(), errOtherFS)
	}
	return makeWritable(dir)
}

func removeEmpty(base *fsys.Dir, rel string) error {
	parent, name, err := openParent(base, rel)
	if err != nil {
		return err
	}
	defer parent.Close()
	if err := parent.RemoveDir(name); !isMissing(err) {
		return err
	}
	return nil
}

// firstError keeps the first of several workers' errors.
type firstError struct {
	mu  sync.Mutex
	err error
}

func (f *firstError) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err == nil {
		f.err = err
	}
}
