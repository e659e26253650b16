package doctor

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"phlb/internal/fsys"
)

// linkLimit is how many names one file can have on a type of file system.
type linkLimit struct {
	max  int64 // 0: no hard links
	note string
}

// byType returns what a type of file system is known for, from its sources or
// manual. Types that pass on what lies beneath (overlay, fuse, network) are
// not known.
func byType(fsType string) (limit linkLimit, known bool) {
	limit, known = map[string]linkLimit{
		"ext4":     {max: 65_000},
		"xfs":      {max: 1<<31 - 1},
		"btrfs":    {max: 65_535, note: "fewer within one directory on file systems made without extref"},
		"tmpfs":    {max: 1<<32 - 1},
		"f2fs":     {max: 1<<32 - 1},
		"zfs":      {max: 1<<63 - 1},
		"bcachefs": {max: 1<<32 - 1},
		"ntfs":     {max: 1024},
		"ntfs3":    {max: 1024},
		"NTFS":     {max: 1024},
		"vfat":     {},
		"exfat":    {},
	}[fsType]
	return limit, known
}

func (l linkLimit) String() string {
	text := fmt.Sprintf("%d names a file", l.max)
	if l.note != "" {
		text += " (" + l.note + ")"
	}
	return text
}

// linksByType stands in for tryLinks where nothing can be tried.
func linksByType(fsType string) Finding {
	f := Finding{Check: "hard_links", Source: ByType, Level: OK, Result: "not found out"}
	limit, known := byType(fsType)
	switch {
	case known && limit.max == 0:
		f.Result, f.Level, f.Supported = "no", Fail, no()
		f.Detail = fsType + " has no hard links."
	case known:
		f.Result, f.Supported, f.Value, f.Unit = "yes, up to "+strconv.FormatInt(limit.max, 10), yes(), number(limit.max), "names"
		f.Detail = fsType + " is known for " + limit.String() + "."
	}
	return f
}

// few is below which number of names snapshots of an unchanged tree soon end
// in copies.
const few = 1000

// tryLinks makes links to one file until one is refused or the bound is
// reached, half of them in another directory.
func tryLinks(ctx context.Context, d *fsys.Dir, e *examinee) (Finding, error) {
	if err := create(d, "origin", "content"); err != nil {
		return Finding{}, err
	}
	other, err := d.MkdirAll("other", 0o700)
	if err != nil {
		return Finding{}, err
	}
	defer other.Close()
	made, refusal, err := linkUntilRefused(ctx, [2]*fsys.Dir{other, d}, d, e.maxLinks)
	if err != nil {
		return Finding{}, err
	}
	if made == 0 {
		return lacks(Fail, "phlb would store every file of every snapshot as a copy: "+refusal.Error()), nil
	}
	if err := sameInode(d, other, made); err != nil {
		return lacks(Fail, err.Error()), nil
	}
	return countedLinks(e, int64(made)+1, refusal), nil
}

func linkUntilRefused(ctx context.Context, to [2]*fsys.Dir, from *fsys.Dir, bound int) (made int, refusal, err error) {
	for made < bound {
		if err := ctx.Err(); err != nil {
			return made, nil, err
		}
		err := to[made%2].Link(from, "origin", strconv.Itoa(made))
		switch fsys.ClassOf(err) {
		case fsys.ClassFull, fsys.ClassIO, fsys.ClassReadOnly:
			return made, nil, err // says nothing about links
		}
		if err != nil {
			return made, err, nil
		}
		made++
	}
	return made, nil, nil
}

// sameInode proves that links are links: some file systems answer to link
// with a copy.
func sameInode(d, other *fsys.Dir, made int) error {
	origin, err := d.Lstat("origin")
	if err != nil {
		return err
	}
	first, err := other.Lstat("0")
	if err != nil {
		return err
	}
	if !origin.SameFile(&first) {
		return errors.New("link(2) succeeds, but makes a file with another inode number")
	}
	if want := uint64(made) + 1; origin.Nlink != want {
		return fmt.Errorf("a file with %d names says it has %d", want, origin.Nlink)
	}
	return nil
}

func countedLinks(e *examinee, names int64, refusal error) Finding {
	f := works("")
	f.Value, f.Unit = number(names), "names"
	limit, known := byType(e.fs.Type)
	if refusal != nil {
		f.Result = fmt.Sprintf("yes, up to %d", names)
		f.Detail = fmt.Sprintf("The next one was refused: %v. phlb then stores a copy and links to that.", refusal)
	} else {
		f.Result, f.AtLeast = fmt.Sprintf("yes, at least %d", names), true
		f.Detail = "Trying ended there; the limit of this type of file system is not known."
		if known {
			f.Detail = fmt.Sprintf("Trying ended there; %s is known for %v.", e.fs.Type, limit)
		}
	}
	if names < few && refusal != nil {
		f.Level = Warn
	}
	return f
}

func tryReflink(_ context.Context, d *fsys.Dir, _ *examinee) (Finding, error) {
	var refusal error
	err := with(d, "origin", func(origin *fsys.File) error {
		if _, err := origin.Write(make([]byte, 64<<10)); err != nil {
			return err
		}
		return with(d, "clone", func(clone *fsys.File) error {
			refusal = clone.Clone(origin)
			return nil
		})
	})
	if err != nil {
		return Finding{}, err
	}
	if refusal != nil {
		return lacks(OK, "Not needed: copies are read and written."), nil
	}
	return works("Copies within the file system can share their data."), nil
}

func trySymlink(_ context.Context, d *fsys.Dir, _ *examinee) (Finding, error) {
	const target = "no/such target"
	if err := d.Symlink(target, "link"); err != nil {
		return lacks(Warn, "Symbolic links cannot be stored: "+err.Error()), nil
	}
	got, err := d.Readlink("link")
	if err != nil {
		return Finding{}, err
	}
	if got != target {
		return lacks(Warn, fmt.Sprintf("A link to %q came back as one to %q.", target, got)), nil
	}
	return works(""), nil
}
