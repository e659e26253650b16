package execute

import (
	"errors"
	"io/fs"
	"path/filepath"

	"phlb/internal/fsys"
)

// nearest opens the deepest directory on the way to path that exists, and
// returns the names of those that do not.
func nearest(path string, opts []fsys.Option) (dir *fsys.Dir, missing []string, err error) {
	for path = filepath.Clean(path); ; path = filepath.Dir(path) {
		dir, err := fsys.Open(path, opts...)
		if err == nil {
			return dir, missing, nil
		}
		if !errors.Is(err, fs.ErrNotExist) || path == filepath.Dir(path) {
			return nil, nil, err
		}
		missing = append([]string{filepath.Base(path)}, missing...)
	}
}

// makeRoot makes the missing directories: the last one, the root, for its
// owner's eyes only, those above it as the umask says.
func makeRoot(near *fsys.Dir, missing []string) error {
	cur := near
	for i, name := range missing {
		mode := uint32(0o777)
		if i == len(missing)-1 {
			mode = 0o700
		}
		next, err := makeOne(cur, name, mode)
		if cur != near {
			cur.Close()
		}
		if err != nil {
			return err
		}
		cur = next
	}
	return cur.Close()
}

func makeOne(parent *fsys.Dir, name string, mode uint32) (*fsys.Dir, error) {
	if err := parent.Mkdir(name, mode); err != nil {
		return nil, err
	}
	// A power loss must not take the root away from under its snapshots.
	if err := parent.SyncNames(); err != nil {
		return nil, err
	}
	return parent.OpenDir(name)
}
