//go:build !unix || portable

package fsys

// DropACL does nothing here: permissions that directories inherit are not
// kept as extended attributes.
func (d *Dir) DropACL() error { return d.onSelf(OpSetXattr, func() error { return nil }) }

// DropACL does nothing here, as that of a directory.
func (f *File) DropACL() error { return f.write(OpSetXattr, func() error { return nil }) }
