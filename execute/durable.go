package execute

import (
	"phlb/internal/fsys"
	"phlb/internal/snapshot"
)

// syncFiles makes single files of a tree durable, on systems without syncfs,
// and returns the entries of those that are. Some cannot be opened again by
// an ordinary user, or at all.
func syncFiles(tree *fsys.Dir, entries []snapshot.JournalEntry) ([]snapshot.JournalEntry, error) {
	done := entries[:0]
	for i := range entries {
		synced, err := tree.SyncFileAt(entries[i].Path)
		if fsys.ClassOf(err) == fsys.ClassPermission || err == nil && !synced {
			continue
		}
		if err != nil {
			return nil, err
		}
		done = append(done, entries[i])
	}
	return done, nil
}
