package plan

import (
	"context"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// future is a value that a reader is finding out, or will be.
type future[T any] struct {
	of    *task
	value T // valid when of is done
	err   error
}

// wait is for the goroutine that decides.
func (f *future[T]) wait() (T, error) {
	if err := f.of.start(); err != nil {
		var none T
		return none, err
	}
	<-f.of.done
	return f.value, f.err
}

// ready is for readers: it returns the value if it is there already. A patient
// one waits for it, which is for tasks that were handed over before its own.
func (f *future[T]) ready(patient bool) (value T, ok bool) {
	if !patient {
		select {
		case <-f.of.done:
		default:
			return value, false
		}
	}
	<-f.of.done
	return f.value, f.err == nil
}

// task is what one reader does in one go. Small files are gathered: to hand
// over each by itself costs half as much as to read it.
type task struct {
	build   *build
	jobs    []func(*fileReader)
	bytes   int64 // that will be read
	ended   func() error
	started bool
	err     error // why no reader will do it
	done    chan struct{}
}

// What is read in one go: a larger file by itself, smaller ones until one of
// these is reached, so many entries have passed, or somebody waits for one.
const (
	taskBytes   = 1 << 20
	taskJobs    = 64
	taskEntries = 256
)

// start has a reader find out a value, for which it reads about so many bytes.
// Readers wait for none but those that began before them, and give up when ctx
// ends, so whoever waits for one waits no longer.
func start[T any](ctx context.Context, b *build, bytes int64, find func(r *fileReader) (T, error)) (*future[T], error) {
	t := b.gathered
	if t == nil || bytes >= taskBytes {
		t = &task{build: b, ended: ctx.Err, done: make(chan struct{})}
	}
	f := &future[T]{of: t}
	t.bytes += bytes
	t.jobs = append(t.jobs, func(r *fileReader) {
		if f.err = ctx.Err(); f.err == nil {
			f.value, f.err = find(r)
		}
	})
	if t.bytes >= taskBytes || len(t.jobs) == taskJobs {
		return f, t.start()
	}
	b.gathered = t
	return f, nil
}

// start hands a task over, unless that has been done.
func (t *task) start() error {
	if t.started {
		return t.err
	}
	t.started = true
	b := t.build
	if b.gathered == t {
		b.gathered = nil
	}
	t.err = b.readers.Submit(func() error {
		defer close(t.done)
		r := fileReader{buf: b.buffer()}
		defer b.recycle(r.buf)
		defer r.dir.close()
		for _, job := range t.jobs {
			job(&r)
		}
		t.jobs = nil // whoever keeps a future keeps no others
		return t.ended()
	})
	return t.err
}

// readGathered hands over what has been gathered.
func (b *build) readGathered() error {
	if b.gathered == nil {
		return nil
	}
	return b.gathered.start()
}

// fileReader is what the jobs of a task have in common.
type fileReader struct {
	buf  []byte
	dir  lastDir
	near string // the directory of the last file
}

// open opens a file that the walk saw. Where a second one is in a directory
// that is opened, too.
func (r *fileReader) open(s *sourceBuild, path string) (*fsys.File, meta.Info, error) {
	in, name := split(path)
	if !r.dir.is(s.dir, in) && r.near != in {
		r.near = in
		return regular(s.dir.OpenFileAt(path))
	}
	dir, err := r.dir.open(s.dir, in)
	if err != nil {
		return regular(nil, err)
	}
	return regular(dir.OpenFile(name))
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

// lastDir keeps the directory that was opened last: what is looked for in one
// mostly comes together. The zero value has none.
type lastDir struct {
	top *fsys.Dir
	at  string
	dir *fsys.Dir
}

func (l *lastDir) is(top *fsys.Dir, at string) bool {
	return l.dir != nil && l.top == top && l.at == at
}

// open returns a directory below top, open until the next call.
func (l *lastDir) open(top *fsys.Dir, at string) (*fsys.Dir, error) {
	if l.is(top, at) {
		return l.dir, nil
	}
	dir, err := top.OpenDirAt(at)
	if err != nil {
		return nil, err
	}
	l.close()
	l.top, l.at, l.dir = top, at, dir
	return dir, nil
}

func (l *lastDir) close() {
	if l.dir != nil {
		l.dir.Close()
	}
	l.dir = nil
}
