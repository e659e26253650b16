package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"phlb/internal/fsys"
	"phlb/internal/scan"
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
		o.file, err = os.CreateTemp("", "phlb-plan-*.json")
	} else {
		dir, base := filepath.Split(o.target)
		o.file, err = os.OpenFile(filepath.Join(dir, "."+base+"."+rand.Text()[:8]), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	}
	if err != nil {
		o.discard()
		if at := (*fs.PathError)(nil); errors.As(err, &at) {
			err = at.Err // the temporary name tells nobody anything
		}
		return nil, fmt.Errorf("write plan %s: %w", name, err)
	}
	// Neither an older plan nor this one belongs into the backup, if they lie
	// in a source.
	o.avoidFile(o.file.Name())
	return o, nil
}

// find finds out what the name stands for. A link is followed and a device or
// pipe written into: to rename a file over it would put the file in its place.
func (o *planOutput) find(stdout io.Writer) error {
	if o.name == "-" {
		o.stream = stdout
		if f := fileOf(stdout); f != nil {
			// A shell may have sent standard output into a file of a source.
			if to, err := os.Readlink(fmt.Sprintf("/proc/self/fd/%d", f.Fd())); err == nil {
				o.avoidFile(to)
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
	o.avoidFile(o.target)
	return err
}

// absolute returns path as seen from dir.
func absolute(path, dir string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// avoidFile keeps a file out of the plan, if it exists.
func (o *planOutput) avoidFile(path string) {
	dir, err := fsys.Open(filepath.Dir(path))
	if err != nil {
		return
	}
	defer dir.Close()
	if info, err := dir.Lstat(filepath.Base(path)); err == nil {
		o.avoid = append(o.avoid, scan.Identity{Dev: info.Dev, Ino: info.Ino})
	}
}

func (o *planOutput) write(d *plan.Document) error {
	err := o.encode(d)
	if err != nil {
		return fmt.Errorf("write plan %s: %w", o.name, err)
	}
	return nil
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
		return fmt.Errorf("write plan %s: %w", o.name, err)
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
