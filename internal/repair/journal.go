package repair

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"

	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/vouch"
	"phlb/verify"
)

// journal says what is being done: a new inode, durable by then, and all that
// is to become a name of it. It is written before the first name is moved and
// removed after the last one, so that the next run can finish the rest, and
// put back the modes and times of directories.
type journal struct {
	Format        string     `json:"format"`
	FormatVersion string     `json:"format_version"`
	NewInode      uint64     `json:"new_inode"`
	Repair        Repair     `json:"repair"` // as it will be recorded, with all paths
	Links         []link     `json:"links"`
	Dirs          []dirState `json:"dirs"`
}

// link is one name to be moved.
type link struct {
	Path  verify.Path `json:"path"`          // relative to the root
	Inode uint64      `json:"ino,omitempty"` // what it is a name of now; 0: of nothing
}

// dirState is what a directory looked like before.
type dirState struct {
	Path  verify.Path `json:"path"`
	Mode  octal       `json:"mode"`
	Mtime meta.Time   `json:"mtime_ns"`
}

// octal is a mode, written as in catalogues.
type octal uint32

// MarshalText implements encoding.TextMarshaler.
func (o octal) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%04o", uint32(o)), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *octal) UnmarshalText(b []byte) error {
	n, err := strconv.ParseUint(string(b), 8, 12)
	*o = octal(n)
	return err
}

const (
	journalFormat  = "phlb-repair-journal"
	journalVersion = "1.0"
	// maxJournal bounds what is read of a journal, in bytes.
	maxJournal = 1 << 30
)

// write makes the journal durable.
func (w *workplace) write(j *journal) error {
	j.Format, j.FormatVersion = journalFormat, journalVersion
	data, err := json.Marshal(j)
	if err != nil {
		return err
	}
	if err := w.dir.Remove(journalTemp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := w.dir.Create(journalTemp, fileMode)
	if err != nil {
		return err
	}
	_, err = f.Write(append(data, '\n'))
	if err == nil {
		// A rename alone can reach the disk before the data does.
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = w.dir.Rename(journalTemp, w.dir, journalName)
	}
	if err != nil {
		return err
	}
	// With it the name of the new inode becomes durable, too.
	return w.dir.SyncNames()
}

// read returns what an interrupted run was doing; nil: nothing, or nothing
// that can be understood, which a check of the snapshots makes up for.
func (w *workplace) read() (*journal, error) {
	f, err := w.dir.OpenFile(journalName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxJournal))
	if err != nil {
		return nil, err
	}
	return parseJournal(data), nil
}

func parseJournal(data []byte) *journal {
	j := &journal{}
	if json.Unmarshal(data, j) != nil || j.Format != journalFormat || j.FormatVersion != journalVersion || !j.isSane() {
		return nil
	}
	return j
}

// isSane reports whether a journal speaks of nothing but published files and
// the directories they are in.
func (j *journal) isSane() bool {
	dirs := map[string]bool{}
	for _, l := range j.Links {
		if _, _, ok := snapshot.Published(string(l.Path)); !ok {
			return false
		}
		dirs[parentOf(string(l.Path))] = true
	}
	for _, d := range j.Dirs {
		if !dirs[string(d.Path)] {
			return false
		}
	}
	return j.NewInode != 0 && !j.Repair.SHA256.IsZero()
}

// done removes the journal, and then what was left to work with.
func (w *workplace) done() error {
	if err := w.dir.Remove(journalName); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := w.clean(); err != nil {
		return err
	}
	return w.dir.SyncNames()
}

// resume finishes what an interrupted run had begun.
func (r *runner) resume(ctx context.Context) error {
	dir, err := r.root.Dir().OpenDirAt(workDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := r.openWork(dir); err != nil {
		return err
	}
	j, err := r.work.read()
	if err != nil {
		return err
	}
	if j != nil {
		r.Log.Info("finishing an interrupted repair", "paths", len(j.Links), "sha256", j.Repair.SHA256.String())
		if err := r.resumeJournal(ctx, j); err != nil {
			return err
		}
	}
	return r.work.done()
}

func (r *runner) resumeJournal(ctx context.Context, j *journal) error {
	whole, err := r.work.holds(ctx, j.NewInode, j.Repair.SHA256)
	if err != nil {
		return err
	}
	m := &mover{workplace: r.work, journal: j, isWhole: whole}
	if err := m.run(ctx); err != nil {
		return err
	}
	j.Repair.Resumed = true
	return r.record(m)
}

// holds reports whether the new inode is still there and has the content it
// is to have.
func (w *workplace) holds(ctx context.Context, ino uint64, want digest.Sum) (bool, error) {
	info, err := w.dir.Lstat(newName)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if info.Kind != meta.File || info.Ino != ino {
		return false, nil
	}
	sum, err := vouch.Hash(ctx, w.dir, newName, &info, w.buf)
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	if fsys.ClassOf(err) == fsys.ClassIO {
		return false, nil
	}
	return err == nil && sum == want, err
}
