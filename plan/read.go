package plan

import (
	"context"
	"errors"
	"io"

	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/internal/meta"
	"phlb/internal/vouch"
)

// readBuffer is what one reader reads at a time, in bytes.
const readBuffer = 256 << 10

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
func (s *sourceBuild) startHash(ctx context.Context, path string, size int64) (*future[digest.Sum], error) {
	return start(ctx, s.build, size, func(r *fileReader) (digest.Sum, error) {
		return s.hashSource(ctx, r, path, nil)
	})
}

// startSample starts to make the sample of a file of the source.
func (s *sourceBuild) startSample(ctx context.Context, path string, size int64) (*future[digest.Sample], error) {
	return start(ctx, s.build, min(size, 2*digest.SampleSpan), func(r *fileReader) (digest.Sample, error) {
		f, info, err := r.open(s, path)
		if err != nil {
			return 0, err
		}
		defer f.Close()
		if info.Size != size {
			return 0, errChanged
		}
		return digest.SampleOf(f, size, r.buf)
	})
}

// hashSource hashes a file. If want is not nil, it must not have changed
// since the walk saw it so.
func (s *sourceBuild) hashSource(ctx context.Context, r *fileReader, path string, want *meta.Info) (digest.Sum, error) {
	f, now, err := r.open(s, path)
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
	sum, err := vouch.Watch(ctx, f, r.buf, func(n int64) {
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

// hashMoved is hashSource for a path that may be new because a directory above
// it was renamed: then the parent's index, nil for none, knows its content. A
// small file is rather read than waited for. That must not matter for what is
// decided, so one that cannot be read waits, too.
func (s *sourceBuild) hashMoved(ctx context.Context, r *fileReader, path string, want *meta.Info, parent *future[*index]) (digest.Sum, error) {
	if sum, ok := unmoved(parent, path, want, want.Size >= taskBytes); ok {
		return sum, nil
	}
	sum, err := s.hashSource(ctx, r, path, want)
	if err != nil {
		if known, ok := unmoved(parent, path, want, true); ok {
			return known, nil
		}
	}
	return sum, err
}

func unmoved(parent *future[*index], path string, want *meta.Info, patient bool) (sum digest.Sum, ok bool) {
	if parent == nil {
		return sum, false
	}
	x, ok := parent.ready(patient)
	if !ok {
		return sum, false
	}
	return x.unmoved(path, want)
}

// sameState reports whether a file is the same and did not change.
func sameState(a, b *meta.Info) bool {
	return a.SameFile(b) && a.Size == b.Size && a.Mtime == b.Mtime && a.Ctime == b.Ctime
}

// startOldHash starts to read the parent's file, for whose content nobody
// vouches.
func (s *sourceBuild) startOldHash(ctx context.Context, path string, size int64) (*future[digest.Sum], error) {
	dir, name := split(s.parentPath(path))
	return start(ctx, s.build, size, func(r *fileReader) (digest.Sum, error) {
		d, err := s.root.Dir().OpenDirAt(dir)
		if err != nil {
			return digest.Sum{}, err
		}
		defer d.Close()
		return vouch.Hash(ctx, d, name, nil, r.buf)
	})
}
