package repair

import (
	"context"
	"errors"
	"io"

	"phlb/internal/catalog"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/sums"
)

// addRecords gives all paths of the case their records in the catalogues.
func (c *casebook) addRecords(ctx context.Context) error {
	bySnapshot := map[snapshot.ID]map[string]*spot{}
	add := func(s *spot) {
		if bySnapshot[s.id] == nil {
			bySnapshot[s.id] = map[string]*spot{}
		}
		bySnapshot[s.id][s.rel] = s
	}
	for _, n := range c.inodes {
		for _, s := range n.spots {
			add(s)
		}
	}
	for _, s := range c.missing {
		add(s)
	}
	for id, spots := range bySnapshot {
		found, err := readRecords(ctx, c.root, id, spots)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			continue // a catalogue that cannot be read to its end says nothing
		}
		for rel, rec := range found {
			spots[rel].record = rec
		}
	}
	return nil
}

// readRecords reads a snapshot's catalogue to its end and returns the records
// of the wanted stored paths.
func readRecords(ctx context.Context, root *snapshot.Root, id snapshot.ID, wanted map[string]*spot) (map[string]*catalog.Record, error) {
	f, err := root.CatalogFile(id)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	in, err := catalog.NewReader(f)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	h := in.Header()
	if h.Name != id.Name || h.Snapshot != id.Time {
		return nil, errors.New("the catalogue of another snapshot")
	}
	stored := storedPath(root, id, h.Origin)
	found := map[string]*catalog.Record{}
	var rec catalog.Record
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		err := in.Next(&rec)
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return nil, err
		}
		if rec.Kind != meta.File {
			continue
		}
		if rel := stored(rec.Path); wanted[rel] != nil {
			found[rel] = keep(&rec)
		}
	}
}

// keep copies a record, whose Stored the reader writes over.
func keep(r *catalog.Record) *catalog.Record {
	kept := *r
	if r.Stored != nil {
		stored := *r.Stored
		kept.Stored = &stored
	}
	return &kept
}

// storedPath tells under which path a source's path is stored: only phlb
// renames what is called SHA256SUMS, and only phlb writes reports, and
// catalogues that are not rebuilt.
func storedPath(root *snapshot.Root, id snapshot.ID, origin string) func(string) string {
	if origin == catalog.OriginApply || hasReport(root, id) {
		return sums.StoredPath
	}
	return func(path string) string { return path }
}

func hasReport(root *snapshot.Root, id snapshot.ID) bool {
	f, err := root.OpenSidecar(id, snapshot.SuffixReport)
	if err != nil {
		return false
	}
	f.Close()
	return true
}
