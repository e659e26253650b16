//go:build unix && !linux && !portable

package fsys

// Clone would make f share all data with src (a reflink). What these systems
// have clones into a new name only, so it returns ErrUnsupported.
func (f *File) Clone(*File) error {
	return f.write(OpWrite, func() error { return ErrUnsupported })
}

// ReadAhead tells the kernel that the file will be read once, in order. These
// systems see that by themselves.
func (f *File) ReadAhead() {}
