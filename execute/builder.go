package execute

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"phlb/internal/digest"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
	"phlb/internal/transfer"
	"phlb/plan"
)

// builder builds one source's snapshot in staging.
type builder struct {
	run     *runner
	src     *checkedSource
	root    *snapshot.Root
	source  *fsys.Dir // the source directory
	staging *snapshot.Staging
	tree    *fsys.Dir // the snapshot being built
	parent  *fsys.Dir // the parent snapshot; nil: none, or it is gone
	rule    plan.LinkRule
	own     windows   // when phlb itself changed the ctime of stored inodes
	began   meta.Time // by the destination's clock
	// parentDone is when the parent's run had written its files, by the same
	// clock; zero: not known.
	parentDone meta.Time
	private    bool // nobody else can reach the snapshots of this name
	spare      spares
	uid        uint32 // owner of what this process makes here
	gid        uint32
	strict     bool
	noClone    atomic.Bool // the destination cannot share data with the source
	events     event.Sink
	log        *slog.Logger
	debug      bool // the log takes that level, too
	now        func() time.Time
	created    time.Time // when planning began

	out     *collector
	catFile *fsys.File
	logFile *fsys.File
	logBuf  *bufio.Writer
	check   *checkpointer

	mu      sync.Mutex
	report  *Report
	gone    int64 // files that the parent has, too, and that vanished since planning
	altered int64 // files that the parent has, too, with other content than planned
}

// tally changes the report under its lock.
func (b *builder) tally(change func(*Report)) {
	b.mu.Lock()
	change(b.report)
	b.mu.Unlock()
}

// racyWindow is how old a file's ctime must be when reading it begins for a
// later change to be sure to give it another one: clocks of file systems tick
// coarsely, down to two seconds on FAT.
const racyWindow = 2 * time.Second

// racy reports whether a file that changed at ctime could change after it began
// to be read without its ctime telling.
func racy(ctime meta.Time, began time.Time) bool {
	return ctime.Compare(meta.At(began.Add(-racyWindow))) > 0
}

// drifted notes that what was stored is not what was planned; with --strict
// that ends the run.
func (b *builder) drifted(path, why string) error {
	if b.strict {
		return b.strictly(path, errors.New(why))
	}
	b.log.Warn("drifted from the plan", "path", path, "how", why)
	b.tally(func(r *Report) { r.note(&r.Drifted, path, why) })
	return nil
}

func (b *builder) fellBack(t *task, why error, sum digest.Sum) {
	b.tally(func(r *Report) {
		r.LinkFallbacks++
		r.note(&r.FallbackPaths, t.Path, why.Error())
	})
	b.out.lookAgain(sum, pointHere)
}

// sourceFault sorts a failed copy: what lies with the source is noted and the
// run goes on, what lies with the destination ends it.
func (b *builder) sourceFault(ctx context.Context, t *task, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if w := (*transfer.WriteError)(nil); errors.As(err, &w) {
		return b.destination(t.Path, err)
	}
	if exhausted(err) {
		return fmt.Errorf("read %s: %w", t.Path, err)
	}
	if lost := b.source.Answers(); lost != nil {
		return fmt.Errorf("read %s: the source %s is lost, and nothing of it was published (what was copied is kept and taken over): %w", t.Path, b.src.Path, lost)
	}
	if b.strict {
		return b.strictly(t.Path, err)
	}
	if fsys.ClassOf(err) == fsys.ClassVanished {
		b.log.Warn("vanished", "path", t.Path)
		b.tally(func(r *Report) {
			r.note(&r.Vanished, t.Path, reason(err))
			if inherited(t) {
				b.gone++
			}
		})
		return nil
	}
	b.fail(t.Path, err)
	return nil
}

// inherited reports whether the parent has the task's path, with whatever
// content.
func inherited(t *task) bool {
	switch t.Change {
	case plan.ChangeUnchanged, plan.ChangeMetadata, plan.ChangeContent:
		return true
	}
	return false
}

// exhausted reports whether the process or the system lacks something that
// has nothing to do with the path: a snapshot must not miss files for that.
func exhausted(err error) bool {
	return fsys.ClassOf(err) == fsys.ClassExhausted
}

// fail notes an existing path that could not be stored.
func (b *builder) fail(path string, err error) {
	b.log.Error("not stored", "path", path, "error", err)
	b.tally(func(r *Report) { r.note(&r.Failed, path, reason(err)) })
	b.events.Send(event.Event{Kind: event.Warning, Phase: event.Apply, Path: path, Text: reason(err), Logged: true})
}

// destination sorts an error of the destination: a name that it cannot hold,
// or takes for another one that is there, is this path's fault alone; anything
// else ends the run.
func (b *builder) destination(path string, err error) error {
	if badName(err) {
		b.fail(path, err)
		return nil
	}
	return fmt.Errorf("store %s: %w", path, err)
}

func badName(err error) bool {
	return fsys.ClassOf(err) == fsys.ClassName || errors.Is(err, fs.ErrExist) || errors.Is(err, errNameRefused)
}

// errNameRefused says that a name could not be made in a directory that is
// there.
var errNameRefused = errors.New("the destination does not take the name")

// making explains an error of making a name in dir: some file systems say of
// one that they cannot hold that it does not exist.
func making(dir *fsys.Dir, err error) error {
	if fsys.ClassOf(err) != fsys.ClassVanished {
		return err
	}
	if st, serr := dir.Stat(); serr != nil || st.Nlink == 0 {
		return err // it is the directory that is gone
	}
	return fmt.Errorf("%w: %w", errNameRefused, err)
}

// settle fulfils the promise of a path, if somebody waits for it. The zero
// Sum: it was not stored.
func (b *builder) settle(path string, sum digest.Sum) {
	if len(b.run.promises) > 0 {
		b.run.promises.settle(b.src.Snapshot+"/"+sums.StoredPath(path), sum)
	}
}
