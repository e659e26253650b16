// Command release makes what is published of a version of phlb: a static
// program for each system, in an archive with its man pages and completions,
// packages for Debian and for RPM, and SHA256SUMS over all of it.
//
// The same commit and the same version of Go make the same bytes, wherever
// and whenever: no path, time, user or host of the machine that runs it may
// get into what it makes. It publishes nothing and signs nothing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

type options struct {
	out        string
	targets    string
	version    string
	packages   bool
	check      string
	allowDirty bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil {
		stop()
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintf(os.Stderr, "release: %v\n", err)
		}
		os.Exit(1) //nolint:forbidigo // this is main
	}
}

func parse(args []string, w io.Writer) (options, error) {
	var o options
	f := flag.NewFlagSet("release", flag.ContinueOnError)
	f.SetOutput(w)
	f.StringVar(&o.out, "out", "dist", "the `directory` to write to; what an earlier release left there goes")
	f.StringVar(&o.targets, "targets", strings.Join(allTargets(), ","), "the systems to build for")
	f.StringVar(&o.version, "version", "", "the version (default: the tag of this commit, else one made of tag, date and commit)")
	f.BoolVar(&o.packages, "packages", true, "make deb and rpm packages for the Linux targets")
	f.StringVar(&o.check, "check", "", "build this `target` once more in another directory, and compare")
	f.BoolVar(&o.allowDirty, "allow-dirty", false, "go on although the tree has changes; the version says so")
	err := f.Parse(args)
	if err == nil && f.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", f.Arg(0))
	}
	return o, err
}

// run makes a release of the tree in the working directory.
func run(ctx context.Context, args []string, log io.Writer) error {
	o, err := parse(args, log)
	if err != nil {
		return err
	}
	targets, err := parseTargets(o.targets)
	if err != nil {
		return err
	}
	from, err := describe(ctx, o)
	if err != nil {
		return err
	}
	if o.out, err = filepath.Abs(o.out); err != nil {
		return err
	}
	if err := prepareOut(o.out); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "phlb-release-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }() // a leftover in the temporary directory
	r := &release{origin: from, options: o, work: work, log: log, start: time.Now()}
	return r.make(ctx, targets)
}

// release is one that is being made.
type release struct {
	origin
	options
	work  string // temporary, outside the tree
	log   io.Writer
	start time.Time
}

func (r *release) say(format string, args ...any) {
	fmt.Fprintf(r.log, "%5.1fs  %s\n", time.Since(r.start).Seconds(), fmt.Sprintf(format, args...))
}

func (r *release) make(ctx context.Context, targets []target) error {
	r.say("phlb %s of %s", r.Version, r.Date.Format(time.DateOnly))
	if err := r.document(ctx); err != nil {
		return err
	}
	for _, t := range targets {
		if err := r.build(ctx, ".", t, r.program(t)); err != nil {
			return err
		}
		if err := r.archive(t); err != nil {
			return err
		}
		r.say("%s", t)
	}
	if r.packages {
		if err := r.packageAll(ctx, targets); err != nil {
			return err
		}
	}
	if r.check != "" {
		if err := r.again(ctx); err != nil {
			return err
		}
	}
	if err := writeSums(r.out); err != nil {
		return err
	}
	r.say("all in %s", r.out)
	return nil
}

// prepareOut makes the directory, and takes away what an earlier release left
// there. One that holds anything else is refused.
func prepareOut(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		if !isOurs(e.Name()) {
			return fmt.Errorf("%s holds %s, which no release made: name an empty directory with -out", dir, e.Name())
		}
	}
	for _, e := range list {
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	// So git does not see it, and the next release does not call the tree changed.
	return os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("*\n"), 0o644)
}

func isOurs(name string) bool {
	if name == ".gitignore" || name == sumsName {
		return true
	}
	if !strings.HasPrefix(name, "phlb") {
		return false
	}
	for _, ending := range []string{".tar.gz", ".zip", ".deb", ".rpm"} {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return false
}
