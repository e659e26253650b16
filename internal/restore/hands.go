package restore

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"strconv"

	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
)

const (
	// A batch goes to the pool from this many files or bytes on.
	batchFiles = 128
	batchBytes = 32 << 20
	// bufferSize is how much is read at a time, in bytes.
	bufferSize = 256 << 10
)

// task is one path to restore that is no directory.
type task struct {
	child
	path    string       // in the source
	sums    []digest.Sum // what is on record for its content
	suspect string       // what is wrong with it before it is read
	group   *group       // of hard links; nil: it has none
}

// batch is a run of tasks of one directory.
type batch struct {
	node  *node
	tasks []task
	bytes int64
}

func (b *batch) full() bool { return len(b.tasks) >= batchFiles || b.bytes >= batchBytes }

// hands is what one worker needs while it works on a batch.
type hands struct {
	*run
	node *node
	from *fsys.Dir // the directory in the snapshot
	to   *fsys.Dir // the same in the target; nil: there is none, in a dry run
	hash hash.Hash
	buf  []byte
}

// do does a batch: the one task of the pool.
func (r *run) do(ctx context.Context, b *batch) error {
	return r.with(ctx, b.node, func(h *hands, openErr error) error {
		for i := range b.tasks {
			t := &b.tasks[i]
			err := openErr
			if err == nil {
				err = h.do(ctx, t)
			}
			if err := r.fault(ctx, t.path, err); err != nil {
				return err
			}
		}
		return nil
	})
}

// with lends f a worker's hands for a directory, or why there are none, and
// counts the batch out.
func (r *run) with(ctx context.Context, n *node, f func(*hands, error) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	buf := r.buffers.Get().(*[]byte)
	defer r.buffers.Put(buf)
	h := &hands{run: r, node: n, hash: sha256.New(), buf: *buf}
	err := h.open()
	defer h.close()
	if err := f(h, err); err != nil {
		return err
	}
	return r.done(ctx, n)
}

func (h *hands) open() (err error) {
	if h.from, err = h.snap.OpenDirAt(h.node.stored); err != nil {
		return err
	}
	if h.target.dir == nil {
		return nil
	}
	h.to, err = h.target.dir.OpenDirAt(h.node.path)
	if h.DryRun {
		return nil
	}
	return writing(err)
}

func (h *hands) close() {
	for _, d := range []*fsys.Dir{h.from, h.to} {
		if d != nil {
			d.Close()
		}
	}
}

func (h *hands) do(ctx context.Context, t *task) error {
	switch {
	case t.suspect != "" && (t.kind == meta.Unknown || !h.AllowDamaged):
		h.damaged(t.path, t.suspect, false)
		return nil
	case t.rec != nil && t.rec.Kind != t.kind:
		t.rec = nil // it is about something else
	}
	switch t.kind {
	case meta.File:
		return h.file(ctx, t)
	case meta.Symlink:
		return h.symlink(t)
	}
	h.failed(t.path, "it is a "+t.kind.String()+", which no backup holds")
	return nil
}

// tempMode keeps others out until owner and mode are right.
const tempMode = 0o600

// temporary returns a name that nothing in the directory has, after trying it
// with make.
func (h *hands) temporary(make func(name string) error) (string, error) {
	for {
		name := h.node.temp + strconv.FormatInt(h.temps.Add(1), 10)
		err := make(name)
		if err == nil {
			return name, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", writing(err)
		}
	}
}

var (
	errExists    = errors.New("the target has something of that name already: its file system may not tell names apart by case")
	errDirectory = errors.New("a directory is in its place, which is not replaced")
)

// place gives a finished file its name.
func (h *hands) place(temp, name string) error {
	if h.Overwrite {
		return writing(h.to.Rename(temp, h.to, name))
	}
	err := h.to.RenameNew(temp, h.to, name)
	if errors.Is(err, fs.ErrExist) {
		return errExists
	}
	return writing(err)
}

// abandon removes a file that could not be finished.
func (h *hands) abandon(temp string, why error) error {
	if err := h.to.Remove(temp); err != nil {
		return fmt.Errorf("%w; what was written of it could not be removed and lies beside it as %s (%s)", why, temp, reason(err))
	}
	return why
}
