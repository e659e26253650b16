package main

import (
	"context"
	"os"
	"path/filepath"
	"time"
)

// directories is the workplace of those who may not mount: each contender gets
// a directory and a copy of the source. They all share one file system. So
// nothing is removed before a round is over.
type directories struct {
	dir     string
	settled time.Time
}

func (w *directories) describe() string { return "plain directories in " + w.dir }

func (w *directories) master() string { return filepath.Join(w.dir, "master") }

func (w *directories) prepare(ctx context.Context, set *dataset) error {
	if err := os.Mkdir(w.master(), 0o755); err != nil {
		return err
	}
	if err := set.grow(ctx, w.master()); err != nil {
		return err
	}
	var err error
	set.size, err = measureTree(w.master())
	return err
}

// begin copies the sources of all contenders, so that their ctimes grow old
// together.
func (w *directories) begin(ctx context.Context, contenders []string) error {
	for _, name := range contenders {
		home := filepath.Join(w.dir, "round", name)
		for _, sub := range []string{"dst", "work"} {
			if err := os.MkdirAll(filepath.Join(home, sub), 0o755); err != nil {
				return err
			}
		}
		if err := cmd("cp", "-a", w.master(), filepath.Join(home, treeName)).run(ctx); err != nil {
			return err
		}
	}
	w.settled = time.Now().Add(settling)
	return nil
}

func (w *directories) open(_ context.Context, contender string) (*site, error) {
	home := filepath.Join(w.dir, "round", contender)
	s := &site{
		src: filepath.Join(home, treeName), dst: filepath.Join(home, "dst"), work: filepath.Join(home, "work"),
		settled: w.settled,
		close:   func() error { return nil },
	}
	s.used = func() (usage, error) { return diskUsage(s.dst) }
	s.nextDay = func(context.Context) error {
		_, err := oneDayLater(s.src)
		s.settled = time.Now().Add(settling)
		return err
	}
	return s, nil
}

func (w *directories) end() error     { return os.RemoveAll(filepath.Join(w.dir, "round")) }
func (w *directories) discard() error { return os.RemoveAll(w.master()) }
