//go:build !linux || portable

package fsys

// flaggedFolding: directories are not marked one by one here.
func (d *Dir) flaggedFolding() bool { return false }

// refusesXattrs: whether attributes can be reached is not a matter of the
// file system here.
func (d *Dir) refusesXattrs() bool { return false }
