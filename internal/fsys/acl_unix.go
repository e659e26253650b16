//go:build unix && !linux && !portable

package fsys

// DropACL does nothing on this system, whose ACLs are no extended attributes.
func (d *Dir) DropACL() error { return d.self(OpSetXattr, func() error { return nil }) }

// DropACL does nothing on this system, whose ACLs are no extended attributes.
func (f *File) DropACL() error { return f.write(OpSetXattr, func() error { return nil }) }
