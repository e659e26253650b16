package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// images is a workplace where every contender gets a new ext4 file system of
// its own in each round. On one that was used before, it would pay for its
// predecessor: ext4 avoids recently deleted inodes for about a minute, which
// makes creating files many times slower.
//
// All of them are made in the same image file, one after the other. A virtual
// machine gets each page of memory from its host at the first use, and gives
// back what it does not use for a while: in a file of its own, or in one with
// holes, each contender would pay for every page it writes there, and most of
// all who writes most files.
//
// Two more images hold the source in its two states. The second is a copy of
// the first, block by block, in which a day has passed; so mounting the one or
// the other at the same place changes the source and keeps its inode numbers,
// by which all tools tell what changed.
//
// Images on a disk are read and written without the page cache, which has
// everything already for the file systems in them: kept twice, a million files
// would need more memory than there is.
type images struct {
	dir      string
	isDirect bool // past the page cache
	set      *dataset
	settled  time.Time
}

// The tree is not the root of its file system: lost+found is nobody's data.
const treeName = "tree"

func (w *images) describe() string {
	how := ""
	if w.isDirect {
		how = " with direct I/O"
	}
	return "fresh ext4 images on loop devices" + how + ", in " + w.dir
}

func (w *images) path(name string) string { return filepath.Join(w.dir, name) }

func (w *images) prepare(ctx context.Context, set *dataset) error {
	w.set = set
	err := w.create(ctx, "day1.img", set.size.onDisk()*2+256<<20)
	if err != nil {
		return err
	}
	err = w.mounted(ctx, "day1.img", func(tree string) error {
		if err := os.Mkdir(tree, 0o755); err != nil {
			return err
		}
		if err := set.grow(ctx, tree); err != nil {
			return err
		}
		set.size, err = measureTree(tree)
		return err
	})
	if err == nil {
		err = w.prepareNextDay(ctx)
	}
	if err != nil {
		return err
	}
	w.settled = time.Now().Add(settling)
	return w.prepareVolume(ctx)
}

// volume is the image that all contenders work in.
const volume = "volume.img"

// prepareVolume makes it with all the room it will ever take: where the last
// contender left a hole, the next one would be the first to use that memory.
func (w *images) prepareVolume(ctx context.Context) error {
	size := volumeRoom(w.set)
	if err := w.allocate(volume, size); err != nil {
		return err
	}
	return cmd("fallocate", "--length", strconv.FormatInt(size, 10), w.path(volume)).run(ctx)
}

func (w *images) prepareNextDay(ctx context.Context) error {
	if err := cmd("cp", "--sparse=always", w.path("day1.img"), w.path("day2.img")).run(ctx); err != nil {
		return err
	}
	return w.mounted(ctx, "day2.img", func(tree string) error {
		_, err := oneDayLater(tree)
		return err
	})
}

// mounted works on a source that is not used yet.
func (w *images) mounted(ctx context.Context, image string, do func(tree string) error) error {
	if err := w.mount(ctx, image, "src", writable); err != nil {
		return err
	}
	return errors.Join(do(w.path("src/"+treeName)), w.unmount("src"))
}

// journal has the size, in MiB, that mkfs gives to any disk of 128 GiB or more.
// An image's own would be sixteen times smaller, and waiting for it to empty
// would be what is measured.
const journal = "size=1024"

// create makes a file system in a new file.
func (w *images) create(ctx context.Context, image string, size int64) error {
	if err := w.allocate(image, size); err != nil {
		return err
	}
	return w.format(ctx, image)
}

// allocate makes a sparse file.
func (w *images) allocate(image string, size int64) error {
	f, err := os.OpenFile(w.path(image), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Close())
}

// format makes a file system in an image and keeps what the image has of
// memory. Nothing is left for the kernel to do later, in the background of
// somebody's measurement.
func (w *images) format(ctx context.Context, image string, options ...string) error {
	args := append([]string{"mkfs.ext4", "-q", "-F", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0", "-i", "4096"}, options...)
	return cmd(append(args, w.path(image))...).run(ctx)
}

// access is how a file system may be used.
type access string

const (
	writable access = "rw"
	readOnly access = "ro"
)

// mount is not interrupted: killed at the wrong moment, it would leave a mount
// that nobody knows of.
func (w *images) mount(ctx context.Context, image, at string, how access) error {
	ctx = context.WithoutCancel(ctx)
	if err := os.MkdirAll(w.path(at), 0o755); err != nil {
		return err
	}
	device, err := w.attach(ctx, image, how)
	if err == nil {
		err = cmd("mount", "-t", "ext4", "-o", string(how), device, w.path(at)).run(ctx)
		// What is mounted keeps its device until it is unmounted.
		err = errors.Join(err, cmd("losetup", "--detach", device).run(ctx))
	}
	if err != nil {
		return fmt.Errorf("%w(--plain works without file systems of its own)", err)
	}
	return nil
}

// attach makes a loop device of an image and returns its name.
func (w *images) attach(ctx context.Context, image string, how access) (device string, err error) {
	args := []string{"losetup", "--find", "--show"}
	if w.isDirect {
		args = append(args, "--direct-io=on")
	}
	if how == readOnly {
		args = append(args, "--read-only")
	}
	device, err = cmd(append(args, w.path(image))...).output(ctx)
	return strings.TrimSpace(device), err
}

// unmount must also work when the run was interrupted, and be patient with
// whoever looks into a new mount: indexers do.
func (w *images) unmount(at string) error {
	var err error
	for range 20 {
		if err = cmd("umount", w.path(at)).run(context.Background()); err == nil {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
	return errors.Join(err, cmd("umount", "-l", w.path(at)).run(context.Background()))
}

func (w *images) begin(context.Context, []string) error { return nil }
func (w *images) end() error                            { return nil }

// open mounts a new volume and the source's first day. The source is read-only:
// reading it must not write access times.
func (w *images) open(ctx context.Context, _ string) (s *site, err error) {
	if err := w.format(ctx, volume, "-J", journal); err != nil {
		return nil, err
	}
	if err := w.mount(ctx, volume, "volume", writable); err != nil {
		return nil, err
	}
	leave := func() error { return w.unmount("volume") }
	if err := w.mount(ctx, "day1.img", "src", readOnly); err != nil {
		return nil, errors.Join(err, leave())
	}
	s = &site{
		src: w.path("src/" + treeName), dst: w.path("volume/dst"), work: w.path("volume/work"), settled: w.settled,
		nextDay: w.switchDay,
		used:    w.used,
		close:   func() error { return joined(func() error { return w.unmount("src") }, leave) },
	}
	if err := firstOf(os.Mkdir(s.dst, 0o755), os.Mkdir(s.work, 0o755)); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// switchDay keeps something mounted at all times, so that close need not know
// where it stopped.
func (w *images) switchDay(ctx context.Context) error {
	if err := w.unmount("src"); err != nil {
		return err
	}
	if err := w.mount(ctx, "day2.img", "src", readOnly); err != nil {
		return errors.Join(err, w.mount(ctx, "day1.img", "src", readOnly))
	}
	return nil
}

func (w *images) used() (usage, error) {
	all, _, err := spaceAt(w.path("volume"))
	if err != nil {
		return usage{}, err
	}
	work, err := diskUsage(w.path("volume/work"))
	return all.minus(work), err
}

func (w *images) discard() error {
	var errs []error
	for _, image := range []string{"day1.img", "day2.img", volume} {
		errs = append(errs, os.RemoveAll(w.path(image)))
	}
	return errors.Join(errs...)
}
