package execute

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"

	"phlb/internal/snapshot"
)

// stagedLog is the run's log while it lies in staging.
const stagedLog = "backup.log"

// openLog starts the run's log. It goes on where an interrupted run stopped.
func (b *builder) openLog() error {
	f, err := b.staging.Dir().OpenAppend(stagedLog, 0o600)
	if err != nil {
		return err
	}
	b.logFile = f
	b.logBuf = bufio.NewWriterSize(f, 64<<10)
	if _, err := b.logBuf.Write(b.run.opts.Preamble[b.src.Name]); err != nil {
		return err
	}
	file := slog.NewTextHandler(b.logBuf, &slog.HandlerOptions{Level: b.run.opts.LogFileLevel})
	b.log = slog.New(both{b.run.opts.Log.Handler(), file})
	b.debug = b.log.Enabled(context.Background(), slog.LevelDebug)
	b.log.Info("begin", "plan", b.run.plan.header.PlanID, "source", b.src.Path, "snapshot", b.src.Snapshot)
	for _, g := range b.src.Guards {
		b.log.Info("guard", "name", g.Name, "status", g.Status, "detail", g.Detail)
	}
	if names := b.run.plan.header.Overrides; len(names) > 0 {
		b.log.Warn("guards overridden", "names", strings.Join(names, ","))
	}
	return nil
}

// OpenLog opens the log of a published snapshot (name/time), to add what
// happened after the run. The error is fs.ErrNotExist if it is gone by now.
func OpenLog(destination, published string) (io.WriteCloser, error) {
	id, err := snapshot.ParseID(published)
	if err != nil {
		return nil, err
	}
	root, err := snapshot.Open(destination)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	dir, err := root.Dir().OpenDirAt(id.Name)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	name := id.Time + snapshot.SuffixLog
	if _, err := dir.Lstat(name); err != nil { // to open it would make it
		return nil, err
	}
	return dir.OpenAppend(name, 0o600)
}

// both is a log handler that hands records to two others.
type both [2]slog.Handler

func (h both) Enabled(ctx context.Context, l slog.Level) bool {
	return h[0].Enabled(ctx, l) || h[1].Enabled(ctx, l)
}

func (h both) Handle(ctx context.Context, r slog.Record) error {
	var errs [2]error
	for i, to := range h {
		if to.Enabled(ctx, r.Level) {
			errs[i] = to.Handle(ctx, r.Clone())
		}
	}
	return errors.Join(errs[:]...)
}

func (h both) WithAttrs(a []slog.Attr) slog.Handler {
	return both{h[0].WithAttrs(a), h[1].WithAttrs(a)}
}

func (h both) WithGroup(name string) slog.Handler {
	return both{h[0].WithGroup(name), h[1].WithGroup(name)}
}

// placeLog writes out what is buffered and moves the log beside the snapshot.
// It stays open: what is logged later still goes to it.
func (b *builder) placeLog() error {
	if err := b.logBuf.Flush(); err != nil {
		return err
	}
	return placeLog(b.root, b.staging, b.src.id)
}
