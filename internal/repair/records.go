package repair

import (
	"context"

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
	c, err := catalog.NewCursor(f, id.Name, id.Time)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	stored := storedPath(root, id, c.Header().Origin)
	found := map[string]*catalog.Record{}
	for n := 0; c.Err == nil; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if c.Record.Kind == meta.File {
			if rel := stored(c.Record.Path); wanted[rel] != nil {
				found[rel] = keep(&c.Record)
			}
		}
		c.Next()
	}
	return found, c.Failure()
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
	if origin == catalog.OriginApply || root.HasReport(id) {
		return sums.StoredPath
	}
	return func(path string) string { return path }
}
