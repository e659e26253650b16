package plan

import (
	"context"

	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// sampling is a sample that a reader is making, or will be.
type sampling struct {
	of     *samplings
	source *sourceBuild
	path   string
	size   int64
	sample digest.Sample // valid when of is done
	err    error
}

// wait returns the sample.
func (f *sampling) wait(ctx context.Context) (digest.Sample, error) {
	if err := f.of.start(ctx); err != nil {
		return 0, err
	}
	<-f.of.done
	return f.sample, f.err
}

// samplings are samples that one reader makes in one go: to hand over each by
// itself would cost half as much as to make it.
type samplings struct {
	files   []*sampling
	started bool
	done    chan struct{}
}

// maxSamplings is how many samples are handed over together.
const maxSamplings = 64

// sample has a file sampled, together with the next ones, or when somebody
// waits for it.
func (c *candidates) sample(ctx context.Context, s *sourceBuild, path string, size int64) (*sampling, error) {
	if c.samples == nil || c.samples.started {
		c.samples = &samplings{files: make([]*sampling, 0, maxSamplings), done: make(chan struct{})}
	}
	f := &sampling{of: c.samples, source: s, path: path, size: size}
	if f.of.files = append(f.of.files, f); len(f.of.files) < maxSamplings {
		return f, nil
	}
	return f, f.of.start(ctx)
}

func (g *samplings) start(ctx context.Context) error {
	if g.started {
		return nil
	}
	g.started = true
	b := g.files[0].source.build
	return b.readers.Submit(func() error {
		defer close(g.done)
		buf := b.buffer()
		defer b.recycle(buf)
		r := sampler{buf: buf}
		defer r.leave()
		for i, f := range g.files {
			if f.err = ctx.Err(); f.err == nil {
				f.sample, f.err = r.sample(f, i+1 < len(g.files) && f.beside(g.files[i+1]))
			}
		}
		g.files = nil // whoever keeps one of them keeps no others
		return ctx.Err()
	})
}

// beside reports whether both are in one directory.
func (f *sampling) beside(other *sampling) bool {
	a, _ := split(f.path)
	b, _ := split(other.path)
	return f.source == other.source && a == b
}

// sampler makes samples, and keeps the directory of those that come together.
type sampler struct {
	buf []byte
	dir *fsys.Dir // nil: none is open
	in  *sampling // which is in dir
}

func (r *sampler) leave() {
	if r.dir != nil {
		r.dir.Close()
	}
	r.dir = nil
}

// sample makes one; more says that the next one is of the same directory.
func (r *sampler) sample(f *sampling, more bool) (digest.Sample, error) {
	file, info, err := r.open(f, more)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	if info.Size != f.size {
		return 0, errChanged
	}
	return digest.SampleOf(file, f.size, r.buf)
}

func (r *sampler) open(f *sampling, more bool) (*fsys.File, meta.Info, error) {
	dir, name := split(f.path)
	there := r.dir != nil && r.in.beside(f)
	if !there && !more {
		return regular(f.source.dir.OpenFileAt(f.path))
	}
	if !there {
		r.leave()
		var err error
		if r.dir, err = f.source.dir.OpenDirAt(dir); err != nil {
			r.dir = nil
			return regular(nil, err)
		}
		r.in = f
	}
	return regular(r.dir.OpenFile(name))
}
