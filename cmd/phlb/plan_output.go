package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"phlb/internal/fsys"
	"phlb/internal/report"
	"phlb/internal/scan"
	"phlb/internal/snapshot"
	"phlb/manifest"
	"phlb/plan"
)

// planOutput is where a plan goes: a temporary file that takes the name only
// when it is whole.
type planOutput struct {
	name   string // as given; for messages
	file   *os.File
	target string    // the file to become; empty: stream
	stream io.Writer // what is no regular file is written into
	opened io.Closer // stream, if it is ours to close
	avoid  []scan.Identity
	own    []scan.Identity // the temporary file
}

// createOutput prepares writing a plan to a file, or to stdout for "-". It
// creates nothing but the temporary file.
func createOutput(name string, stdout io.Writer) (*planOutput, error) {
	o := &planOutput{name: name}
	if err := o.find(stdout); err != nil {
		return nil, fmt.Errorf("write plan %s: %w", name, err)
	}
	var err error
	if o.target == "" {
		if o.file, err = os.CreateTemp("", "phlb-plan-*.json"); err != nil {
			o.discard()
			return nil, noTemporary(err)
		}
	} else {
		dir, base := filepath.Split(o.target)
		o.file, err = os.OpenFile(filepath.Join(dir, "."+base+"."+rand.Text()[:8]), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	}
	if err != nil {
		o.discard()
		return nil, cannotWrite(name, err)
	}
	// Under its random name it would be another entry in each plan of a source
	// that it lies in.
	o.own = identities(o.file.Name())
	return o, nil
}

// noTemporary is the error of a plan that goes through a temporary file first.
func noTemporary(err error) error {
	err = fmt.Errorf("write the plan to a temporary file in %s: %w", os.TempDir(), bare(err))
	return advise(err, report.CodeTemporary, os.TempDir(), "set TMPDIR to a directory that this user may write to and that has room for the plan")
}

// cannotWrite is the error of a plan that cannot be written under its name.
func cannotWrite(name string, err error) error {
	hint := "give another name with -o FILE, in a directory that this user may write to"
	code := report.CodeOther
	switch fsys.ClassOf(err) {
	case fsys.ClassVanished:
		code, hint = report.CodePathMissing, "its directory does not exist: make it, or give another name with -o FILE"
	case fsys.ClassPermission:
		code = report.CodePermission
	case fsys.ClassReadOnly:
		code = report.CodeReadOnly
	case fsys.ClassFull:
		code, hint = report.CodeFull, "make room there, or give another name with -o FILE"
	}
	return advise(fmt.Errorf("write plan %s: %w", name, bare(err)), code, name, hint)
}

// bare takes off an error the temporary name, which tells nobody anything.
func bare(err error) error {
	var at *fs.PathError
	var output *outputError
	if errors.As(err, &at) && !errors.As(err, &output) {
		return at.Err
	}
	return err
}

// outputApart makes sure that a plan does not take the place of its manifest,
// and is not written into what no plan may change.
func outputApart(m *manifest.Manifest, name string) error {
	if info, err := os.Stat(name); err == nil {
		if of, err := os.Stat(m.Path); err == nil && os.SameFile(info, of) {
			return usagef("write plan %s: it is the manifest itself; give another name with -o FILE", name)
		}
	}
	full, err := filepath.Abs(name)
	if err != nil || name == "-" {
		return err
	}
	if real, err := filepath.EvalSymlinks(filepath.Dir(full)); err == nil {
		full = filepath.Join(real, filepath.Base(full))
	}
	place, err := snapshot.Locate(full)
	within := err == nil && place.Private && place.Rel != "."
	if within || slices.Contains(strings.Split(filepath.ToSlash(full), "/"), snapshot.PrivateDir) {
		return usagef("write plan %s: that place belongs to a backup root, where nobody else may write; give another name with -o FILE", name)
	}
	return nil
}

// find finds out what the name stands for. A link is followed and a device or
// pipe written into: to rename a file over it would put the file in its place.
func (o *planOutput) find(stdout io.Writer) error {
	if o.name == "-" {
		o.stream = stdout
		if f := fileOf(stdout); f != nil {
			// A shell may have sent standard output into a file of a source.
			if to, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd())); err == nil {
				o.avoid = identities(to)
			}
		}
		return nil
	}
	if o.name == "" {
		return usagef("the name is empty")
	}
	info, err := os.Stat(o.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		o.target = o.name
		if to, err := os.Readlink(o.name); err == nil { // a link to what is not there yet
			o.target = absolute(to, filepath.Dir(o.name))
		}
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return usagef("it is a directory; give the name of a file in it")
	case !info.Mode().IsRegular():
		f, err := os.OpenFile(o.name, os.O_WRONLY, 0)
		o.stream, o.opened = f, f
		return err
	}
	o.target, err = filepath.EvalSymlinks(o.name)
	o.avoid = identities(o.target)
	return err
}

// absolute returns path as seen from dir.
func absolute(path, dir string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// identities returns the file's identity, if it exists: a plan that lies in a
// source does not belong into the backup.
func identities(path string) []scan.Identity {
	dir, err := fsys.Open(filepath.Dir(path))
	if err != nil {
		return nil
	}
	defer dir.Close()
	info, err := dir.Lstat(filepath.Base(path))
	if err != nil {
		return nil
	}
	return []scan.Identity{{Dev: info.Dev, Ino: info.Ino}}
}

func (o *planOutput) write(d *plan.Document) error {
	err := o.encode(d)
	switch {
	case err == nil:
		return nil
	case o.target == "":
		return noTemporary(err)
	}
	return cannotWrite(o.name, err)
}

func (o *planOutput) encode(d *plan.Document) error {
	if !strings.HasSuffix(o.name, ".zst") {
		return d.Write(o.file)
	}
	z, err := plan.NewZstdWriter(o.file)
	if err != nil {
		return err
	}
	return errors.Join(d.Write(z), z.Close())
}

// commit makes the plan visible under its name.
func (o *planOutput) commit() error {
	err := o.place()
	if err != nil {
		return cannotWrite(o.name, err)
	}
	return nil
}

func (o *planOutput) place() error {
	if o.stream != nil {
		if _, err := o.file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		_, err := io.Copy(o.stream, o.file)
		return err
	}
	// Some systems rename no open file. It is not synced: a plan that a power
	// loss has cut off is refused, and made again in no time.
	if err := o.file.Close(); err != nil {
		return err
	}
	return os.Rename(o.file.Name(), o.target)
}

// discard removes the temporary file; after commit that name is gone.
func (o *planOutput) discard() {
	if o.opened != nil {
		o.opened.Close()
	}
	if o.file == nil {
		return
	}
	o.file.Close()
	// What is not there any more has become the plan.
	_ = os.Remove(o.file.Name())
}
