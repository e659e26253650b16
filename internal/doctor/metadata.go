package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"phlb/internal/fsys"
	"phlb/internal/meta"
)

func tryModes(_ context.Context, d *fsys.Dir, _ *examinee) (Finding, error) {
	var lost []string
	err := with(d, "file", func(f *fsys.File) error {
		for _, mode := range []uint32{0o600, 0o644, 0o755, 0o444, 0o640, 0o7, 0o4755, 0o2755, 0o1644} {
			err := f.Chmod(mode)
			info, statErr := f.Stat()
			if statErr != nil {
				return statErr
			}
			if err != nil || info.Mode != mode {
				lost = append(lost, fmt.Sprintf("%04o", mode))
			}
		}
		_ = f.Chmod(0o600) // some systems remove no file that cannot be written
		return nil
	})
	if err != nil {
		return Finding{}, err
	}
	if len(lost) == 0 {
		return works(""), nil
	}
	f := lacks(Warn, "These are lost on the stored files; the catalogue records them: "+strings.Join(lost, ", ")+".")
	f.Refused = lost
	return f, nil
}

func tryOwners(_ context.Context, d *fsys.Dir, _ *examinee) (Finding, error) {
	const uid, gid = 12345, 54321 // nobody's in particular
	var info meta.Info
	var refusal error
	err := with(d, "file", func(f *fsys.File) (err error) {
		refusal = f.Chown(uid, gid)
		info, err = f.Stat()
		return err
	})
	switch {
	case err != nil:
		return Finding{}, err
	case refusal == nil && info.UID == uid && info.GID == gid:
		return works(""), nil
	case errors.Is(refusal, fs.ErrPermission):
		return Finding{Result: "not for this user", Level: OK,
			Detail: "Only root can give files to other owners; the catalogue records them."}, nil
	case refusal != nil:
		return lacks(Warn, "Owners are lost on the stored files; the catalogue records them: "+refusal.Error()), nil
	}
	return lacks(Warn, "Setting an owner succeeds without effect; the catalogue records owners."), nil
}

// tryXattrs finds the largest value that a user attribute can have, of some
// sizes.
func tryXattrs(_ context.Context, d *fsys.Dir, _ *examinee) (Finding, error) {
	const attr = "user.phlb.doctor"
	largest := 0
	var refusal error
	err := with(d, "file", func(f *fsys.File) error {
		for _, length := range []int{16, 1 << 10, 3 << 10, 32 << 10, 64 << 10} {
			value := bytes.Repeat([]byte{0, 'x'}, length/2)
			if err := f.SetXattr(attr, value); err != nil {
				refusal = err
				return nil
			}
			got, err := f.Xattrs()
			if err != nil {
				return err
			}
			if !bytes.Equal(got[attr], value) {
				refusal = errors.New("another value came back")
				return nil
			}
			largest = length
		}
		return nil
	})
	if err != nil {
		return Finding{}, err
	}
	if largest == 0 {
		return lacks(Warn, "Extended attributes and ACLs are lost on the stored files; the catalogue records them: "+refusal.Error()), nil
	}
	f := works("")
	f.Value, f.Unit, f.AtLeast = number(int64(largest)), "bytes", true
	f.Detail = fmt.Sprintf("Values of %s can be stored.", size(int64(largest)))
	return f, nil
}

// setTime sets and reads back a modification time.
func setTime(f *fsys.File, t meta.Time) (meta.Time, error) {
	if err := f.SetMtime(t); err != nil {
		return meta.Time{}, err
	}
	info, err := f.Stat()
	return info.Mtime, err
}

// tryTimes sets a time with an odd digit in every place and looks which of
// them come back.
func tryTimes(_ context.Context, d *fsys.Dir, _ *examinee) (Finding, error) {
	want := meta.Time{Sec: 1_600_000_001, Nsec: 987_654_321}
	var got meta.Time
	err := with(d, "file", func(f *fsys.File) (err error) {
		got, err = setTime(f, want)
		return err
	})
	if err != nil {
		return Finding{}, err
	}
	step, ok := resolution(want, got)
	if !ok {
		return lacks(Warn, fmt.Sprintf("%v came back as %v.", want.Std(), got.Std())), nil
	}
	f := Finding{Result: step.String(), Level: OK, Value: number(int64(step)), Unit: "ns"}
	if step > time.Nanosecond {
		f.Level = Warn
		f.Detail = "Times of stored files are cut to that; the catalogue records them to the nanosecond."
	}
	return f, nil
}

// resolution returns the finest usual step at which got stands for want, up
// to the two seconds of FAT.
func resolution(want, got meta.Time) (step time.Duration, ok bool) {
	diff := want.Std().Sub(got.Std()).Abs()
	steps := []time.Duration{1, 100, time.Microsecond, 10 * time.Microsecond, time.Millisecond, 10 * time.Millisecond, time.Second, 2 * time.Second}
	for _, step := range steps {
		if diff < step && got.Std().UnixNano()%int64(step) == 0 {
			return step, true
		}
	}
	return 0, false
}

func tryTimeRange(_ context.Context, d *fsys.Dir, _ *examinee) (Finding, error) {
	eras := []struct {
		name string
		sec  int64
	}{{"before 1970", -86_399}, {"after 2038", 1<<31 + 1}, {"after 2106", 1<<32 + 1}}
	var lost []string
	err := with(d, "file", func(f *fsys.File) error {
		for _, era := range eras {
			got, err := setTime(f, meta.Time{Sec: era.sec})
			// FAT counts in steps of two seconds.
			if off := got.Sec - era.sec; err != nil || off < -1 || off > 1 {
				lost = append(lost, era.name)
			}
		}
		return nil
	})
	if err != nil {
		return Finding{}, err
	}
	if len(lost) == 0 {
		return Finding{Result: "before 1970 to after 2106", Level: OK}, nil
	}
	return Finding{Result: "not " + strings.Join(lost, ", not "), Level: Warn, Refused: lost,
		Detail: "Such times are lost on the stored files; the catalogue records them."}, nil
}

func trySparse(_ context.Context, d *fsys.Dir, _ *examinee) (Finding, error) {
	const hole = 16 << 20
	var info meta.Info
	var start int64
	err := with(d, "file", func(f *fsys.File) (err error) {
		if _, err = f.Seek(hole, 0); err != nil {
			return err
		}
		if _, err = f.Write([]byte("end")); err != nil {
			return err
		}
		if info, err = f.Stat(); err != nil {
			return err
		}
		start, _, _ = f.NextData(0, info.Size)
		return nil
	})
	if err != nil {
		return Finding{}, err
	}
	if !info.Sparse() {
		return lacks(Warn, "Holes take space like zeros."), nil
	}
	if start == 0 {
		return works("The file system does not tell where holes are; finding them means reading."), nil
	}
	return works(""), nil
}

// tryInodes asks for one file's inode number in three ways.
func tryInodes(_ context.Context, d *fsys.Dir, e *examinee) (Finding, error) {
	var open meta.Info
	err := with(d, "file", func(f *fsys.File) (err error) {
		open, err = f.Stat()
		return err
	})
	if err != nil {
		return Finding{}, err
	}
	if err := d.Rename("file", d, "renamed"); err != nil {
		return Finding{}, err
	}
	named, err := d.Lstat("renamed")
	if err != nil {
		return Finding{}, err
	}
	if named.Ino == 0 || !named.SameFile(&open) {
		return lacks(Warn, "A source here is read in full every time unless it has change_detection: mtime."), nil
	}
	if madeUp(e.fs.Type) {
		return Finding{Result: "until remounted", Level: Warn, Supported: yes(),
			Detail: e.fs.Type + " may number files anew when it is mounted again; a source here is then read in full unless it has change_detection: mtime."}, nil
	}
	return works(""), nil
}

// madeUp reports whether a type of file system is known to invent inode
// numbers as files are looked up.
func madeUp(fsType string) bool {
	switch fsType {
	case "vfat", "exfat", "fuse", "cifs", "smb":
		return true
	}
	return false
}
