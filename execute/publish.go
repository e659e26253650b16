package execute

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"phlb/internal/catalog"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
)

// openCatalog starts the catalogue in staging.
func (b *builder) openCatalog() error {
	dir := b.staging.Dir()
	if err := dir.Remove(snapshot.CatalogFileName); err != nil && fsys.ClassOf(err) != fsys.ClassVanished {
		return err
	}
	f, err := dir.Create(snapshot.CatalogFileName, 0o600)
	if err != nil {
		return err
	}
	b.catFile = f
	w, err := catalog.NewWriter(f, catalog.Header{
		Name: b.src.id.Name, Snapshot: b.src.id.Time, Source: b.src.Path,
		PlanID: b.run.plan.header.PlanID, Started: b.now().UTC(), Origin: catalog.OriginApply,
	})
	if err != nil {
		return err
	}
	b.out = newCollector(w)
	return nil
}

// publish makes the finished tree durable and renames it into place. From
// then on it is never altered, and only the rest remains.
func (b *builder) publish(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := b.guardStored(); err != nil {
		return err
	}
	rep := b.report
	if len(rep.Failed) > 0 || rep.Unreadable > 0 {
		rep.Status = StatusPartial
	}
	rep.End = b.now().UTC()
	if err := b.run.phase(rep, "sync", b.harden); err != nil {
		return err
	}
	if err := b.place(); err != nil {
		return err
	}
	b.log.Info("published", "snapshot", b.src.Snapshot, "status", string(rep.Status))
	r := rest{runner: b.run, src: b.src, report: rep, news: b.out.news, staging: b.staging}
	return r.do(ctx, b.placeLog)
}

// harden makes everything durable that the snapshot consists of: its files
// and directories, its catalogue and its report. Until the snapshot is there
// too, the latter two count for nothing.
func (b *builder) harden() error {
	there, err := b.there()
	if err != nil {
		return err
	}
	if there != nil {
		return fmt.Errorf("publish %s: %w", b.src.Snapshot, fs.ErrExist)
	}
	files, bytes := b.stored()
	err = b.out.close(catalog.Trailer{
		Status: string(b.report.Status), Finished: b.now().UTC(), Files: files, Bytes: bytes,
	})
	if err != nil {
		return fmt.Errorf("write catalogue: %w", err)
	}
	// It was written to after the last link was made.
	written, err := b.catFile.Stat()
	if err != nil {
		return fmt.Errorf("write catalogue: %w", err)
	}
	b.report.CtimeWindow = &Window{From: b.began, To: written.Ctime}
	// One syncfs makes durable what a million fsyncs would: data, metadata
	// and directory entries of all that this run wrote.
	err = b.tree.SyncFS()
	if fsys.ClassOf(err) == fsys.ClassUnsupported {
		err = errors.Join(b.tree.SyncTree(), b.catFile.Sync())
	}
	if err != nil {
		return fmt.Errorf("make the snapshot durable: %w", err)
	}
	return nil
}

// place puts catalogue, report and snapshot into place, in this order.
func (b *builder) place() error {
	id := b.src.Snapshot
	b.report.Snapshot = &id
	err := b.root.PlaceCatalog(b.staging, b.src.id)
	if err == nil {
		err = b.run.writeReport(b.src.id, b.report)
	}
	if err == nil {
		err = b.root.Publish(b.staging, b.src.id)
	}
	if err == nil {
		return nil
	}
	made, serr := b.tree.Stat()
	if there, terr := b.there(); terr == nil && serr == nil && there != nil && there.SameFile(&made) {
		return published(b.src, err) // only the rename may not be durable yet
	}
	b.report.Snapshot = nil
	// They must not pass for those of a snapshot that somebody else makes.
	return errors.Join(err, b.root.RemoveSidecars(b.src.id))
}

// there tells what stands at the snapshot's place; nil: nothing.
func (b *builder) there() (*meta.Info, error) {
	st, err := b.root.Dir().LstatAt(b.src.Snapshot)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return &st, err
}

// stored counts the regular files of the snapshot and their apparent size.
func (b *builder) stored() (files, bytes int64) {
	t := &b.report.Totals
	return t.Copy.Files + t.Link.Files, t.Copy.Bytes + t.Link.Bytes
}
