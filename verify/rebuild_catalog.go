package verify

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"phlb/internal/catalog"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
)

// draft is a catalogue that is being written from a snapshot's files.
type draft struct {
	file    *snapshot.NewCatalog
	w       *catalog.Writer
	trailer catalog.Trailer
}

// maxReport bounds what is read of a report, in bytes.
const maxReport = 64 << 20

// origins is what a run's report tells of a snapshot.
type origins struct {
	Source string    `json:"source"`
	PlanID string    `json:"plan_id"`
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
}

// readOrigins returns zeros where there is no report.
func readOrigins(root *snapshot.Root, id snapshot.ID) origins {
	f, err := root.OpenSidecar(id, snapshot.SuffixReport)
	if err != nil {
		return origins{}
	}
	defer f.Close()
	var o origins
	if json.NewDecoder(io.LimitReader(f, maxReport)).Decode(&o) != nil {
		return origins{}
	}
	return o
}

func (b *rebuilder) newDraft(id snapshot.ID) (*draft, error) {
	status, err := b.root.Status(id)
	if err != nil {
		return nil, err
	}
	from := readOrigins(b.root, id)
	f, err := b.root.CreateCatalog(id)
	if err != nil {
		return nil, err
	}
	w, err := catalog.NewWriter(f, catalog.Header{
		Name: id.Name, Snapshot: id.Time, Source: from.Source, PlanID: from.PlanID,
		Started: from.Start, Origin: catalog.OriginRebuild,
	})
	if err != nil {
		return nil, errors.Join(err, f.Abort())
	}
	return &draft{file: f, w: w, trailer: catalog.Trailer{Status: status, Finished: from.End}}, nil
}

// add writes a record of what a path's own inode carries. There is neither
// inode number nor ctime of the source, so that a plan takes nothing for
// unchanged without looking at its content.
func (d *draft) add(path string, info *meta.Info, x meta.Xattrs, more catalog.Record) error {
	r := more
	r.Path, r.Kind, r.Mode = path, info.Kind, info.Mode
	r.UID, r.GID, r.Mtime, r.Xattrs = info.UID, info.GID, info.Mtime, x
	switch info.Kind {
	case meta.File:
		r.Size = info.Size
		d.trailer.Files++
		d.trailer.Bytes += info.Size
	case meta.Symlink:
		r.Mode = 0
	}
	return d.w.Add(&r)
}

// commit puts the catalogue into place unless err or something else went
// wrong.
func (d *draft) commit(err error) error {
	if err == nil {
		err = d.w.Close(d.trailer)
	} else {
		_ = d.w.Close(d.trailer) // gives its memory back; err tells more
	}
	if err != nil {
		return errors.Join(err, d.file.Abort())
	}
	return d.file.Commit()
}

// restoreAll goes through all snapshots again, newest first, for the lookups
// and for the catalogues that are missing or damaged.
func (b *rebuilder) restoreAll(ctx context.Context, ids []snapshot.ID, damaged map[snapshot.ID]error, workers int) {
	s := newSettler(b, workers)
	for _, id := range newestFirst(ids) {
		if b.ended(ctx) {
			break
		}
		b.restoreSnapshot(ctx, s, id, damaged[id])
	}
	s.finish(ctx)
}

// restoreSnapshot goes through one snapshot. damage is what is wrong with its
// catalogue.
func (b *rebuilder) restoreSnapshot(ctx context.Context, s *settler, id snapshot.ID, damage error) {
	t, records, _, err := openTree(b.root, id)
	if err != nil {
		return // a finding already
	}
	defer t.release()
	w := &survey{settler: s, tree: t}
	if records != nil {
		records.Close()
	}
	if records != nil && damage == nil {
		w.visit(ctx, ".", ".")
		b.result.Catalogs.Kept++
		return
	}
	w.draft, err = b.newDraft(id)
	w.visit(ctx, ".", ".")
	if err == nil {
		if b.ended(ctx) {
			w.err = errHalted
		}
		err = w.draft.commit(w.err)
	}
	b.countCatalog(id, damage, err)
}

func (b *rebuilder) countCatalog(id snapshot.ID, damage, err error) {
	if err == nil {
		if damage == nil {
			b.count(&b.result.Catalogs.Written)
		} else {
			b.count(&b.result.Catalogs.Replaced)
		}
		return
	}
	b.failed(catalogHome+"/"+id.String()+catalogSuffix, err)
	if damage != nil {
		b.judge.findings.add(badCatalog(id, damage))
	}
}
