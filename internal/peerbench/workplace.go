package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// site is where one contender works in one round.
type site struct {
	src  string // the source, in the state of the day
	dst  string // an empty directory for the contender
	work string // beside it, for manifests, plans and lists: not counted as growth

	settled time.Time // from then on, no ctime of the source is too young to be trusted
	made    int       // snapshots so far

	nextDay func(ctx context.Context) error
	used    func() (usage, error)
	close   func() error
}

// next numbers snapshots.
func (s *site) next() int {
	s.made++
	return s.made
}

// usage is what is taken of a file system.
type usage struct{ Bytes, Inodes int64 }

func (u usage) minus(v usage) usage { return usage{u.Bytes - v.Bytes, u.Inodes - v.Inodes} }

// inode is what the harness must know of one.
type inode struct {
	device, number uint64
	links, bytes   int64
}

// workplace hands out sites.
type workplace interface {
	describe() string
	// prepare makes the source of a data set, in both states where there are two.
	prepare(ctx context.Context, set *dataset) error
	// begin and end enclose a round.
	begin(ctx context.Context, contenders []string) error
	end() error
	open(ctx context.Context, contender string) (*site, error)
	// discard removes what prepare made.
	discard() error
}

// settling is how old a ctime must be before tools trust it: phlb wants two
// seconds.
const settling = 2100 * time.Millisecond

// ctimeBlind are contenders that do not look at ctimes, so need not wait.
type ctimeBlind interface{ ignoresCtimes() }

func (s *site) settle(ctx context.Context, c contender) error {
	if _, blind := c.(ctimeBlind); blind {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(time.Until(s.settled)):
		return nil
	}
}

// newWorkplace makes a directory of the harness' own and tells how to remove it.
func newWorkplace(o options, sets []*dataset, log func(string, ...any)) (workplace, func() error, error) {
	base, err := baseDir(o, sets)
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp(base, "peerbench-")
	if err != nil {
		return nil, nil, err
	}
	remove := func() error { return os.RemoveAll(dir) }
	if os.Geteuid() == 0 && !o.plain {
		return &images{dir: dir, isDirect: !isInMemory(dir)}, remove, nil
	}
	log("WARNING: working in plain directories below %s. Contenders share one file system and its leftovers,\n"+
		"so these figures are hints, not results: run as root (and without --plain) for fresh file systems.", base)
	return &directories{dir: dir}, remove, nil
}

// baseDir is in memory where there is room for the largest set: then it is the
// tools that are measured, not the disk.
func baseDir(o options, sets []*dataset) (string, error) {
	if o.dir != "" {
		return filepath.Abs(o.dir)
	}
	var need int64
	for _, set := range sets {
		need = max(need, roomFor(set))
	}
	const memory = "/dev/shm"
	if _, free, err := spaceAt(memory); err == nil && free > need && memoryMiB("MemAvailable")<<20/10*8 > need {
		return memory, nil
	}
	return os.TempDir(), nil
}

// roomFor guesses what a set takes at most: its source on both days, and a volume.
func roomFor(set *dataset) int64 { return 2*set.size.onDisk() + volumeRoom(set) }

// volumeRoom is what a contender gets to work in, in bytes: for a copy, what
// changes, journal, inodes and lookups.
func volumeRoom(set *dataset) int64 {
	return 2*set.size.onDisk() + int64(set.size.Files)*8<<10 + 3<<30
}

// warm reads a tree, each inode once, so that every contender finds it in the
// cache.
func warm(ctx context.Context, dir string) error {
	linked := map[inode]bool{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err = firstOf(err, ctx.Err()); err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		i := inodeOf(info)
		if linked[i] {
			return nil
		}
		if i.links > 1 {
			linked[i] = true
		}
		return readAll(path)
	})
	if err != nil {
		return fmt.Errorf("warm the cache: %w", err)
	}
	return nil
}

func readAll(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(io.Discard, f)
	return err
}

// diskUsage adds up a tree by inodes.
func diskUsage(dir string) (usage, error) {
	var sum usage
	seen := map[inode]bool{}
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if i := inodeOf(info); !seen[i] {
			seen[i] = true
			sum.Bytes += i.bytes
			sum.Inodes++
		}
		return nil
	})
	return sum, err
}

// memoryMiB reads one line of /proc/meminfo.
func memoryMiB(key string) int64 {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(data)) {
		var kib int64
		if _, err := fmt.Sscanf(line, key+": %d kB", &kib); err == nil {
			return kib >> 10
		}
	}
	return 0
}

// joined runs cleanups, all of them.
func joined(cleanups ...func() error) error {
	var errs []error
	for _, do := range cleanups {
		errs = append(errs, do())
	}
	return errors.Join(errs...)
}
