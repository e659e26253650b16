package snapshot

import (
	"fmt"
	"path/filepath"
	"strings"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// Place is what a path of the user's leads to: a snapshot, or something in it.
type Place struct {
	Root string // path of the backup root
	ID   ID
	Rel  string // below the snapshot, as stored; "." is the snapshot itself
	// Private says that the root has its directory .phlb, without which it is
	// a guess where the root ends and a nested name begins.
	Private bool
}

// Locate takes apart a path such as /backups/hosts/web1/2026-11-23-140000/etc:
// the nearest directory above the snapshot that holds .phlb is the root. Where
// there is none the name is taken to have one element. A symbolic link that
// leads to a snapshot is followed; none is below one. Whether the snapshot
// exists is for whoever opens it to find out. Anything else is ErrName.
func Locate(path string) (Place, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Place{}, fmt.Errorf("locate %s: %w", path, err)
	}
	if p, ok := locate(abs); ok {
		return p, nil
	}
	if resolved, err := filepath.EvalSymlinks(abs); err == nil {
		if p, ok := locate(resolved); ok {
			return p, nil
		}
	}
	return Place{}, fmt.Errorf("%s: %w: want the path of a snapshot, ROOT/NAME/YYYY-MM-DD-HHMMSS", path, ErrName)
}

// locate tries the elements that look like a snapshot's time from the left, as
// a snapshot may hold a copy of a backup root.
func locate(abs string) (place Place, ok bool) {
	volume := filepath.VolumeName(abs)
	top := volume + string(filepath.Separator)
	elements := strings.Split(strings.Trim(filepath.ToSlash(abs[len(volume):]), "/"), "/")
	for i, element := range elements {
		if !IsTime(element) {
			continue
		}
		for j := i - 1; j >= 0 && isNameElement(elements[j]); j-- {
			p := Place{
				Root: top + filepath.Join(elements[:j]...),
				ID:   ID{Name: strings.Join(elements[j:i], "/"), Time: element},
				Rel:  relative(elements[i+1:]),
			}
			if p.Private = isRoot(p.Root); p.Private {
				return p, true
			}
			if !ok && j == i-1 {
				place, ok = p, true
			}
		}
	}
	return place, ok
}

func relative(elements []string) string {
	if len(elements) == 0 {
		return "."
	}
	return strings.Join(elements, "/")
}

// isRoot reports whether a directory holds .phlb.
func isRoot(path string) bool {
	dir, err := fsys.Open(path)
	if err != nil {
		return false
	}
	defer dir.Close()
	info, err := dir.Lstat(PrivateDir)
	return err == nil && info.Kind == meta.Dir
}
