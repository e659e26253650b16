package restore

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"sync"

	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/pool"
)

// groupState says where the file of a hard-link group lies by now.
type groupState struct {
	at  string // path in the target; "": nowhere yet
	sum digest.Sum
}

// link is a further name of a file.
type link struct {
	node *node
	task task
}

// makeLinks restores the further names of hard-linked files, when all other
// files are there.
func (r *run) makeLinks(ctx context.Context) error {
	p := pool.New(r.Workers)
	locks := map[*group]*sync.Mutex{}
	for i := range r.links {
		locks[r.links[i].task.group] = &sync.Mutex{}
	}
	var err error
	for rest := r.links; len(rest) > 0 && err == nil; {
		n := 1
		for n < len(rest) && n < batchFiles && rest[n].node == rest[0].node {
			n++
		}
		part := rest[:n]
		rest = rest[n:]
		err = p.Submit(func() error { return r.linkAll(ctx, part, locks) })
	}
	if werr := p.Wait(); werr != nil {
		return werr
	}
	return err
}

// linkAll restores names in one directory.
func (r *run) linkAll(ctx context.Context, part []link, locks map[*group]*sync.Mutex) error {
	n := part[0].node
	for range part[1:] {
		n.mu.Lock()
		n.open-- // with counts out one
		n.mu.Unlock()
	}
	return r.with(ctx, n, func(h *hands, openErr error) error {
		for i := range part {
			t := &part[i].task
			err := openErr
			if err == nil {
				err = h.locked(ctx, t, locks[t.group])
			}
			if err := r.fault(ctx, t.path, err); err != nil {
				return err
			}
		}
		return nil
	})
}

// locked does one name of a group at a time: where the file could not be
// restored by the name before, the next one has to serve.
func (h *hands) locked(ctx context.Context, t *task, lock *sync.Mutex) error {
	lock.Lock()
	defer lock.Unlock()
	switch state := t.group.state; {
	case state.at == "":
		return h.do(ctx, t)
	case h.DryRun && h.target.dir == nil:
		h.linked(t, false)
		return nil
	case h.DryRun: // no content is read, and no sum known
	case t.rec == nil || t.rec.SHA256 != state.sum:
		t.group = nil // its content is not the same
		return h.do(ctx, t)
	}
	done, err := h.link(t)
	if err != nil || done {
		return err
	}
	h.count(func(r *Result) { r.Taken++ })
	t.group = nil
	return h.do(ctx, t)
}

// link makes another name of the group's file; done is false if that is
// refused.
func (h *hands) link(t *task) (done bool, err error) {
	old, err := h.present(t)
	if err != nil {
		return false, err
	}
	same, err := h.makeName(t, &old)
	switch class := fsys.ClassOf(err); {
	case class == fsys.ClassLinkRefused, class == fsys.ClassUnsupported:
		return false, nil
	case err != nil:
		return false, err
	case same:
		h.count(func(r *Result) { r.Unchanged.Files++ })
		h.advance(event.Event{Path: t.path, Links: 1})
	default:
		h.linked(t, old.Kind != meta.Unknown)
	}
	return true, nil
}

// makeName makes another name of the group's file, unless old is that already.
func (h *hands) makeName(t *task, old *meta.Info) (same bool, err error) {
	above, name := ".", t.group.state.at
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		above, name = name[:i], name[i+1:]
	}
	dir, err := h.target.dir.OpenDirAt(above)
	if err == nil {
		defer dir.Close()
		var first meta.Info
		if first, err = dir.Lstat(name); err == nil && old.Kind == meta.File && old.SameFile(&first) {
			return true, nil
		}
	}
	switch {
	case h.DryRun:
		return false, nil // the first name is not there yet, either
	case err != nil:
		return false, writing(err)
	}
	return false, h.makeLink(dir, name, t)
}

func (h *hands) makeLink(dir *fsys.Dir, first string, t *task) error {
	if !h.Overwrite {
		err := h.to.Link(dir, first, t.source)
		if errors.Is(err, fs.ErrExist) {
			return errExists
		}
		return writing(err)
	}
	temp, err := h.temporary(func(temp string) error { return h.to.Link(dir, first, temp) })
	if err != nil {
		return err
	}
	if err := h.place(temp, t.source); err != nil {
		return h.abandon(temp, err)
	}
	return nil
}

func (h *hands) linked(t *task, replaced bool) {
	if t.suspect != "" {
		h.damaged(t.path, t.suspect+"; restored from another name of the same file", true)
	}
	h.count(func(r *Result) {
		r.Hardlinks++
		if replaced {
			r.Replaced++
		}
	})
	h.advance(event.Event{Path: t.path, Links: 1})
}
