package execute

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"phlb/internal/catalog"
	"phlb/internal/event"
	"phlb/internal/fsys"
	"phlb/plan"
)

// build makes one source's snapshot and publishes it.
func (r *runner) build(ctx context.Context, src *checkedSource, rep *Report) error {
	b, err := r.newBuilder(ctx, src, rep)
	if err != nil {
		return err
	}
	defer b.close()
	b.events.Send(event.Event{
		Kind: event.Start, Phase: event.Apply, Path: src.Name, Files: src.files, Bytes: src.bytes,
		Links: src.links, Small: src.small, SmallBytes: src.smallBytes,
	})
	err = r.phase(rep, "copy", func() error { return b.tasks(ctx) })
	if saved := b.check.finish(err != nil); err == nil {
		err = saved
	}
	b.events.Send(event.Event{Kind: event.End, Phase: event.Apply, Path: src.Name, Err: err})
	if err == nil {
		b.events.Send(event.Event{Kind: event.Start, Phase: event.Publish, Path: src.Name})
		err = b.publish(ctx)
		b.events.Send(event.Event{Kind: event.End, Phase: event.Publish, Path: src.Name, Err: err})
	}
	if err != nil && rep.Snapshot == nil {
		b.log.Error("nothing published", "source", b.src.Name, "error", ending(err))
	}
	return err
}

func (r *runner) newBuilder(ctx context.Context, src *checkedSource, rep *Report) (_ *builder, err error) {
	b := &builder{
		run: r, src: src, root: r.root, report: rep, strict: r.opts.Strict, now: r.opts.Now,
		created: r.plan.header.CreatedAt, events: r.opts.Events,
	}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.source, err = fsys.Open(src.Path); err != nil {
		return b, tripAlways(guardSource, "%v", err)
	}
	if src.Parent != nil {
		b.parent, err = r.root.OpenSnapshot(src.parent)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return b, err
		}
	}
	if b.own, b.parentDone, err = r.linkedSince(ctx, src.parent); err != nil {
		return b, err
	}
	if b.private, err = r.root.PrivateName(src.Name); err != nil {
		return b, err
	}
	if b.staging, err = r.root.OpenStaging(src.Name); err != nil {
		return b, err
	}
	b.tree = b.staging.Tree()
	if err := disinherit(b.tree); err != nil {
		return b, err
	}
	made, err := b.tree.Stat()
	if err != nil {
		return b, err
	}
	b.uid, b.gid = made.UID, made.GID
	b.began = made.Ctime
	b.own = append(b.own, Window{From: b.began, To: endOfTime})
	b.rule = plan.LinkRule{
		Match: src.Settings.LinkMatch, UID: b.uid, GID: b.gid, Exposed: !r.root.Sealed(),
		NoXattrs: slices.Contains(r.root.Limits(), fsys.LimitXattrs),
	}
	if err := b.openLog(); err != nil {
		return b, fmt.Errorf("write log: %w", err)
	}
	if err := b.openCatalog(); err != nil {
		return b, fmt.Errorf("write catalogue: %w", err)
	}
	b.check = newCheckpointer(b.staging, r.opts.CheckpointEvery, r.opts.Now)
	return b, nil
}

// disinherit removes what a new tree has from a default ACL of the backup
// root, which would open other people's files to whom it names.
func disinherit(tree *fsys.Dir) error {
	xattrs, err := tree.SelfXattrs()
	if err != nil || len(xattrs) == 0 {
		return err
	}
	return tree.DropACL()
}

// close leaves staging where it is: the next run takes over what is good.
func (b *builder) close() {
	for _, d := range []*fsys.Dir{b.source, b.parent} {
		if d != nil {
			d.Close()
		}
	}
	if b.out != nil {
		_ = b.out.close(catalog.Trailer{}) // only of a run that failed, which has its own error
	}
	if b.catFile != nil {
		b.catFile.Close()
	}
	if b.logFile != nil {
		b.logBuf.Flush() // a log that cannot be written stops nothing
		b.logFile.Close()
	}
	if b.staging != nil {
		b.staging.Close()
	}
}
