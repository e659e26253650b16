package execute

import (
	"phlb/internal/dress"
	"phlb/internal/meta"
)

// dresser gives one new file, directory or symbolic link its metadata. What is
// lost stands in the catalogue alone; any error ends the run.
type dresser struct {
	*builder
	dress.Dresser
}

func (b *builder) dresser() *dresser {
	return &dresser{builder: b, Dresser: dress.Dresser{FS: b.tree}}
}

// owner sets the owner where it differs from what new files get.
func (d *dresser) owner(on dress.Object, uid, gid uint32) {
	d.Owner(on, dress.Owner{UID: d.uid, GID: d.gid}, dress.Owner{UID: uid, GID: gid})
}

// compare looks whether what was set is there. Some file systems cut times to
// what they can hold, ignore modes or owners, and say nothing.
func (d *dresser) compare(now *meta.Info, want *meta.Info) {
	if now.Mtime != want.Mtime || dress.OwnerOf(now) != dress.OwnerOf(want) ||
		now.Mode != want.Mode && now.Kind != meta.Symlink {
		d.Lost = true
	}
}

// done counts what was lost and returns the error that ends the run.
func (d *dresser) done() error {
	if d.Lost && d.Err == nil {
		d.tally(func(r *Report) { r.NotKept++ })
	}
	return d.Err
}
