//go:build unix

package fsys

// openToSync opens a file so that it can be synced.
func (d *Dir) openToSync(name string) (*File, error) { return d.OpenFile(name) }
