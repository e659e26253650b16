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
// leads to a snapshot is followed, one in a snapshot is meant itself. Whether
// the snapshot exists is for whoever opens it to find out. Anything else is
// ErrName.
func Locate(path string) (Place, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return Place{}, fmt.Errorf("locate %s: %w", path, err)
	}
	var guess *Place
	for _, spelling := range spellings(abs) {
		p, ok := locate(spelling)
		if ok && p.Private {
			return p, nil
		}
		if ok && guess == nil {
			guess = &p
		}
	}
	if guess == nil {
		return Place{}, fmt.Errorf("%s: %w: want the path of a snapshot, ROOT/NAME/YYYY-MM-DD-HHMMSS, or of something in it", path, ErrName)
	}
	return *guess, nil
}

// spellings are the path itself, and what it is with its links resolved.
func spellings(abs string) []string {
	all := []string{abs}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(abs)); err == nil {
		all = append(all, filepath.Join(dir, filepath.Base(abs)))
	}
	if resolved, err := filepath.EvalSymlinks(abs); err == nil {
		all = append(all, resolved)
	}
	return all
}

// locate tries the elements that look like a snapshot's time from the left, as
// a snapshot may hold a copy of a backup root. Where .phlb was deleted, one
// that has phlb's or PHLB's files beside it counts, else the last.
func locate(abs string) (place Place, ok bool) {
	volume := filepath.VolumeName(abs)
	top := volume + string(filepath.Separator)
	elements := strings.Split(strings.Trim(filepath.ToSlash(abs[len(volume):]), "/"), "/")
	beside := false
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
			if !beside && j == i-1 {
				place, ok, beside = p, true, p.hasSidecar()
			}
		}
	}
	return place, ok
}

// hasSidecar reports whether a file of the snapshot's run lies beside it.
func (p Place) hasSidecar() bool {
	dir, err := fsys.Open(filepath.Join(p.Root, filepath.FromSlash(p.ID.Name)))
	if err != nil {
		return false
	}
	defer dir.Close()
	for _, suffix := range sidecarSuffixes {
		if _, err := dir.Lstat(p.ID.Time + suffix); err == nil {
			return true
		}
	}
	return false
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
