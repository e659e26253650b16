package snapshot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// maxHolderSize bounds what is read of the lock file, in bytes.
const maxHolderSize = 64 << 10

// The pauses between two attempts to get the lock grow from the first to the
// last of these.
const (
	firstPause = 10 * time.Millisecond
	lastPause  = 500 * time.Millisecond
)

// HolderInfo says who holds a root's exclusive lock. It is for messages: the
// kernel alone decides whether the lock is held.
type HolderInfo struct {
	Host    string    `json:"host"`
	PID     int       `json:"pid"`
	Start   time.Time `json:"start"`
	Command string    `json:"command"`
}

// LockOptions are the choices for Root.Lock.
type LockOptions struct {
	Wait   time.Duration // how long to wait for another holder; 0: not at all
	Holder HolderInfo    // written into the lock file by an exclusive lock
}

// LockedError says that another run holds the root's lock.
type LockedError struct {
	Root    string
	Readers bool       // shared locks are in the way, which tell no holder
	Holder  HolderInfo // zero when it is not known
	// Elsewhere: the lock is free on this machine, but its holder is of another
	// one, and locks of this file system do not reach there.
	Elsewhere bool
}

// Error names the holder.
func (e *LockedError) Error() string {
	switch {
	case e.Readers:
		return fmt.Sprintf("lock %s: in use by a command that reads it (verify, compare or restore)", e.Root)
	case e.Holder == HolderInfo{}:
		return fmt.Sprintf("lock %s: held by another run", e.Root)
	}
	h := e.Holder
	// Quoted, as the file can hold anything.
	if e.Elsewhere {
		return fmt.Sprintf("lock %s: %q on host %q, process %d, since %s, has not said that it ended, and locks on this file system do not reach other machines",
			e.Root, h.Command, h.Host, h.PID, h.Start.Format(time.RFC3339))
	}
	return fmt.Sprintf("lock %s: held by %q on host %q, process %d, since %s",
		e.Root, h.Command, h.Host, h.PID, h.Start.Format(time.RFC3339))
}

// ErrLocking says that the root's file system cannot lock a file, as NFS
// without its lock service.
var ErrLocking = errors.New("its file system cannot lock files")

// Lock is a root's lock, held by the kernel: the end of the process, however
// it comes, frees it.
type Lock struct {
	file *fsys.File // nil: nothing is held
	mode fsys.LockMode
}

// Lock locks the root. An exclusive lock makes .phlb/lock if it is missing
// and writes the holder into it; the file is never removed. A shared lock
// creates nothing: without a lock file, or where it may not be opened, the
// Lock that is returned holds nothing. While another run is in the way Lock
// waits up to o.Wait, then returns a *LockedError. Where the file system cannot
// lock the error is ErrLocking.
func (r *Root) Lock(ctx context.Context, mode fsys.LockMode, o LockOptions) (*Lock, error) {
	f, err := r.openLock(mode)
	if err != nil {
		return nil, fmt.Errorf("lock backup root: %w", err)
	}
	if f == nil {
		return &Lock{}, nil
	}
	if err := r.acquire(ctx, f, mode, o); err != nil {
		f.Close()
		return nil, err
	}
	if mode == fsys.Exclusive {
		writeHolder(f, o.Holder)
	}
	return &Lock{file: f, mode: mode}, nil
}

// acquire locks the lock file.
func (r *Root) acquire(ctx context.Context, f *fsys.File, mode fsys.LockMode, o LockOptions) error {
	var elsewhere bool
	ok, err := waitLock(ctx, o.Wait, func() (bool, error) {
		ok, err := f.TryLock(mode)
		if err != nil {
			return false, fmt.Errorf("%w: %w", ErrLocking, err)
		}
		elsewhere = ok && mode == fsys.Exclusive && r.heldElsewhere(readHolder(f), o.Holder)
		return ok && !elsewhere, nil
	})
	switch {
	case err != nil && ctx.Err() != nil:
		return err
	case err != nil:
		return fmt.Errorf("lock %s: %w", r.path, err)
	case elsewhere:
		return &LockedError{Root: r.path, Holder: readHolder(f), Elsewhere: true}
	case !ok:
		return r.lockedBy(f, mode)
	}
	return nil
}

func (r *Root) openLock(mode fsys.LockMode) (*fsys.File, error) {
	if mode == fsys.Exclusive {
		return r.createLock()
	}
	f, err := openRegular(r.dir, PrivateDir+"/"+lockFile)
	switch fsys.ClassOf(err) {
	case fsys.ClassVanished, fsys.ClassPermission:
		// Reading harms nobody; whoever may not see .phlb can still read
		// the snapshots that were opened to them.
		return nil, nil
	}
	return f, err
}

func (r *Root) createLock() (*fsys.File, error) {
	dir, err := makeDirs(r.dir, PrivateDir)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	f, err := dir.OpenAppend(lockFile, fileMode)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	// It is about to be truncated, which must not hit a file that has
	// another name elsewhere.
	if err == nil && (info.Kind != meta.File || info.Nlink > 1) {
		err = fmt.Errorf("%s: not a file of its own: %w", f.Path(), ErrDamaged)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// heldElsewhere reports whether a lock that this machine's kernel gives away may
// be held on another machine: FUSE file systems, SSHFS among them, keep locks
// to themselves. What a run that was killed there has left looks the same.
func (r *Root) heldElsewhere(left, own HolderInfo) bool {
	if left.Host == "" || left.Host == own.Host {
		return false
	}
	info, err := r.dir.FS()
	return err == nil && info.Type == "fuse"
}

// waitLock tries until the lock is there or wait is over.
func waitLock(ctx context.Context, wait time.Duration, try func() (bool, error)) (bool, error) {
	deadline := time.Now().Add(wait)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		ok, err := try()
		left := time.Until(deadline)
		if ok || err != nil || left <= 0 {
			return ok, err
		}
		select {
		case <-ctx.Done():
		case <-time.After(min(pause, left)):
		}
	}
}

// lockedBy finds out what is in the way. Holder information alone would not
// do: a run that was killed leaves its own behind.
func (r *Root) lockedBy(f *fsys.File, mode fsys.LockMode) error {
	e := &LockedError{Root: r.path}
	if mode == fsys.Exclusive {
		if ok, err := f.TryLock(fsys.Shared); ok && err == nil {
			e.Readers = true // the caller closes f, and with it this lock
			return e
		}
	}
	e.Holder = readHolder(f)
	return e
}

func readHolder(f *fsys.File) HolderInfo {
	var h HolderInfo
	data, err := io.ReadAll(io.NewSectionReader(f, 0, maxHolderSize))
	if err != nil || json.Unmarshal(data, &h) != nil {
		return HolderInfo{}
	}
	return h
}

// writeHolder tells others who holds the lock. That it fails, on a full disk
// for example, is no reason not to run: pruning is what helps then.
func writeHolder(f *fsys.File, h HolderInfo) {
	data, err := json.Marshal(h)
	if err != nil || f.Truncate(0) != nil {
		return
	}
	_, _ = f.Write(append(data, '\n'))
}

// Release gives the lock up. Further calls do nothing.
func (l *Lock) Release() error {
	if l.file == nil {
		return nil
	}
	var err error
	if l.mode == fsys.Exclusive {
		err = l.file.Truncate(0) // nobody holds it any more
	}
	err = errors.Join(err, l.file.Close())
	l.file = nil
	return err
}
