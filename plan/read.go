package plan

import (
	"context"
	"errors"
	"io"

	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/vouch"
)

// readBuffer is what one reader reads at a time, in bytes.
const readBuffer = 256 << 10

// future is a value that a reader is finding out.
type future[T any] struct {
	done  chan struct{}
	value T
	err   error
}

func (f *future[T]) wait() (T, error) {
	<-f.done
	return f.value, f.err
}

// start has a reader find out a value. Readers never wait for each other,
// and give up when ctx ends, so whoever waits for one waits no longer.
func start[T any](ctx context.Context, b *build, find func(buf []byte) (T, error)) (*future[T], error) {
	f := &future[T]{done: make(chan struct{})}
	return f, b.readers.Submit(func() error {
		defer close(f.done)
		if f.err = ctx.Err(); f.err != nil {
			return f.err
		}
		buf := b.buffer()
		defer b.recycle(buf)
		f.value, f.err = find(buf)
		return ctx.Err()
	})
}

func (b *build) buffer() []byte {
	if p, ok := b.buffers.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, readBuffer)
}

func (b *build) recycle(buf []byte) { b.buffers.Put(&buf) }

// errChanged means that a file changed while it was looked at, so that what
// was read says nothing about the state that is being planned. Copying it can
// still succeed.
var errChanged = errors.New("changed while it was read")

func changed(err error) bool {
	return errors.Is(err, errChanged) || errors.Is(err, io.ErrUnexpectedEOF)
}

// startHash starts to hash a file of the source, in whatever state it is.
func (s *sourceBuild) startHash(ctx context.Context, path string) (*future[digest.Sum], error) {
	return start(ctx, s.build, func(buf []byte) (digest.Sum, error) {
		return s.hashSource(ctx, path, nil, buf)
	})
}

// openRegular opens a file that the walk saw.
func (s *sourceBuild) openRegular(path string) (*fsys.File, meta.Info, error) {
	return regular(s.dir.OpenFileAt(path))
}

// regular looks at a file that was just opened. Something else in its place is
// not read: a device might never end.
func regular(f *fsys.File, err error) (*fsys.File, meta.Info, error) {
	if err != nil {
		if fsys.ClassOf(err) == fsys.ClassType {
			err = errChanged
		}
		return nil, meta.Info{}, err
	}
	info, err := f.Stat()
	if err == nil && info.Kind != meta.File {
		err = errChanged
	}
	if err != nil {
		f.Close()
	}
	return f, info, err
}

// hashSource hashes a file. If want is not nil, it must not have changed
// since the walk saw it so.
func (s *sourceBuild) hashSource(ctx context.Context, path string, want *meta.Info, buf []byte) (digest.Sum, error) {
	f, now, err := s.openRegular(path)
	if err != nil {
		return digest.Sum{}, err
	}
	defer f.Close()
	if want != nil && !sameState(&now, want) {
		return digest.Sum{}, errChanged
	}
	if now.Size >= event.LargeFile {
		s.opts.Events.Send(event.Event{Kind: event.File, Phase: event.Plan, Path: path, Bytes: now.Size})
		defer s.opts.Events.Send(event.Event{Kind: event.FileDone, Phase: event.Plan, Path: path})
	}
	sum, err := vouch.Watch(ctx, f, buf, func(n int64) {
		s.opts.Events.Send(event.Event{Kind: event.Advance, Phase: event.Plan, Bytes: n, Path: path})
	})
	if err != nil {
		return digest.Sum{}, err
	}
	after, err := f.Stat()
	if err != nil {
		return digest.Sum{}, err
	}
	if !sameState(&after, &now) {
		return digest.Sum{}, errChanged
	}
	return sum, nil
}

// sameState reports whether a file is the same and did not change.
func sameState(a, b *meta.Info) bool {
	return a.SameFile(b) && a.Size == b.Size && a.Mtime == b.Mtime && a.Ctime == b.Ctime
}

// startOldHash starts to read the parent's file, for whose content nobody
// vouches.
func (s *sourceBuild) startOldHash(ctx context.Context, path string) (*future[digest.Sum], error) {
	dir, name := split(s.parentPath(path))
	return start(ctx, s.build, func(buf []byte) (digest.Sum, error) {
		d, err := s.root.Dir().OpenDirAt(dir)
		if err != nil {
			return digest.Sum{}, err
		}
		defer d.Close()
		return vouch.Hash(ctx, d, name, nil, buf)
	})
}
