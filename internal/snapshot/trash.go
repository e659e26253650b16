package snapshot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

// noteSuffix ends the name of the small file that says, beside each entry of
// the trash, which snapshot it was: its log, report and catalogue go last,
// and an interrupted removal must find them.
const noteSuffix = ".json"

// maxNoteSize bounds such a file, in bytes.
const maxNoteSize = 64 << 10

// trashNote is the content of such a file.
type trashNote struct {
	Snapshot []byte `json:"snapshot_b64"` // base64: a name may be no UTF-8
}

// Trash takes a snapshot out of its name, in one rename that is durable when
// it returns. EmptyTrash then removes it; until then its catalogue can still
// be read. Whether it may go at all is for the caller to know, who holds the
// exclusive lock.
func (r *Root) Trash(ctx context.Context, id ID) error {
	if err := id.check(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.trash(id); err != nil {
		return fmt.Errorf("move snapshot %s to the trash: %w", id, err)
	}
	return nil
}

func (r *Root) trash(id ID) error {
	from, err := r.dir.OpenDirAt(id.Name)
	if err != nil {
		return err
	}
	defer from.Close()
	// Opening proves that it is a directory and no symbolic link.
	tree, err := from.OpenDir(id.Time)
	if err != nil {
		return err
	}
	defer tree.Close()
	bin, err := makeDirs(r.dir, PrivateDir+"/"+trashDir)
	if err != nil {
		return err
	}
	defer bin.Close()
	entry, err := noteTrash(bin, id)
	// A full disk must be possible to empty: without the note only a removal
	// that is interrupted leaves log, report and catalogue behind.
	if err != nil && fsys.ClassOf(err) != fsys.ClassFull {
		return err
	}
	if err := moveTree(from, tree, id.Time, bin, entry); err != nil {
		return errors.Join(err, removeIfThere(bin, entry+noteSuffix))
	}
	return errors.Join(from.SyncNames(), bin.SyncNames())
}

// noteTrash picks a free name in the trash and writes its note. The name is
// also returned with the error of writing.
func noteTrash(bin *fsys.Dir, id ID) (entry string, err error) {
	data, err := json.Marshal(trashNote{Snapshot: []byte(id.String())})
	if err != nil {
		return "", err
	}
	for n := 1; ; n++ {
		entry = trashEntry(id, n)
		there, err := exists(bin, entry)
		if err != nil {
			return "", err
		}
		if !there {
			return entry, writeDurable(bin, entry+noteSuffix, data, (*fsys.Dir).Rename)
		}
	}
}

// moveTree renames a directory to another parent, for which it has to be
// writable itself.
func moveTree(from, tree *fsys.Dir, name string, to *fsys.Dir, toName string) error {
	err := from.RenameNew(name, to, toName)
	if fsys.ClassOf(err) != fsys.ClassPermission || makeWritable(tree) != nil {
		return err
	}
	return from.RenameNew(name, to, toName)
}

// Trashed lists the snapshots in the trash, left there by an interrupted run
// or just moved. Their catalogues still exist, if they had one.
func (r *Root) Trashed() ([]ID, error) {
	bin, err := r.openPrivate(trashDir)
	if isMissing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer bin.Close()
	names, err := listNames(bin)
	if err != nil {
		return nil, err
	}
	var ids []ID
	for _, name := range names {
		if id, ok := r.readNote(bin, name); ok {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// readNote reads which snapshot a note is about. ok is false when it is no
// note, or that snapshot is in its place after all: a crash came before the
// rename.
func (r *Root) readNote(bin *fsys.Dir, name string) (ID, bool) {
	if !strings.HasSuffix(name, noteSuffix) {
		return ID{}, false
	}
	data, err := readSmall(bin, name, maxNoteSize)
	if err != nil {
		return ID{}, false
	}
	var note trashNote
	if json.Unmarshal(data, &note) != nil {
		return ID{}, false
	}
	id, err := ParseID(string(note.Snapshot))
	if err != nil {
		return ID{}, false
	}
	there, err := r.hasSnapshot(id)
	return id, err == nil && !there
}

// PrepareTrash makes the place where snapshots go before they are removed,
// while there is still room for it.
func (r *Root) PrepareTrash() error {
	bin, err := makeDirs(r.dir, PrivateDir+"/"+trashDir)
	if err != nil {
		return fmt.Errorf("make the trash: %w", err)
	}
	return bin.Close()
}

// OpenTrashed opens the tree of a snapshot in the trash; the error is
// fs.ErrNotExist when there is none. Of several trees of one name and time it
// is the last that came there.
func (r *Root) OpenTrashed(id ID) (*fsys.Dir, error) {
	if err := id.check(); err != nil {
		return nil, err
	}
	bin, err := r.openPrivate(trashDir)
	if err != nil {
		return nil, err
	}
	defer bin.Close()
	last := ""
	for n := 1; ; n++ {
		entry := trashEntry(id, n)
		there, err := exists(bin, entry)
		if err != nil {
			return nil, err
		}
		if !there {
			break
		}
		last = entry
	}
	if last == "" {
		last = trashEntry(id, 1)
	}
	return bin.OpenDir(last)
}

// trashEntry is the nth name that a snapshot can have in the trash.
func trashEntry(id ID, n int) string {
	name := escape(id.Name) + "~" + id.Time
	if n == 1 {
		return name
	}
	return name + "-" + strconv.Itoa(n)
}

// EmptyTrash removes everything in the trash, workers directories at a time,
// and then the catalogue, log, summary and report of the snapshots that were
// there. Directories there are made writable first; a file's inode is never
// changed, as other snapshots may share it. When it fails or is interrupted,
// the next call goes on. The caller holds the exclusive lock.
func (r *Root) EmptyTrash(ctx context.Context, workers int) error {
	bin, err := r.openPrivate(trashDir)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("empty the trash: %w", err)
	}
	defer bin.Close()
	names, err := listNames(bin)
	if err != nil {
		return fmt.Errorf("empty the trash: %w", err)
	}
	var first firstError
	for _, name := range names {
		if !strings.HasSuffix(name, noteSuffix) {
			first.note(removeAny(ctx, bin, name, workers))
		}
	}
	if first.err != nil {
		return fmt.Errorf("empty the trash: %w", first.err)
	}
	if err := r.settleNotes(bin, names); err != nil {
		return fmt.Errorf("empty the trash: %w", err)
	}
	return nil
}

// settleNotes finishes the removals whose trees are gone.
func (r *Root) settleNotes(bin *fsys.Dir, names []string) error {
	for _, name := range names {
		if !strings.HasSuffix(name, noteSuffix) {
			continue
		}
		if id, ok := r.readNote(bin, name); ok {
			if err := r.RemoveSidecars(id); err != nil {
				return err
			}
		}
		if err := removeIfThere(bin, name); err != nil {
			return err
		}
	}
	return bin.SyncNames()
}

// removeAny removes a name, whatever it is.
func removeAny(ctx context.Context, dir *fsys.Dir, name string, workers int) error {
	info, err := dir.Lstat(name)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Kind == meta.Dir {
		return removeTree(ctx, dir, name, workers)
	}
	return removeIfThere(dir, name)
}
