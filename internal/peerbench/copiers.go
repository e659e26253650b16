package main

import (
	"context"
	"strconv"
)

// copier is cp: the floor for everything that makes trees. A directory tree
// that is copied is the least anybody has to write, one that is linked the
// least anybody has to link.
type copier struct{}

const (
	copierName = "cp"
	// mixedName is the fair peer of phlb's small_files: copy.
	mixedName = "cp+small"
	smallSize = 1000
)

func (copier) name() string                         { return copierName }
func (copier) joins(scenario string) bool           { return makesSnapshot(scenario) }
func (copier) ignoresCtimes()                       {}
func (copier) setup(context.Context, *site) error   { return nil }
func (copier) exact() likeness                      { return likeness{modes: true, times: allTimes} }
func (c copier) link(s *site, from, to int) command { return cmd("cp", "-al", s.at(from), s.at(to)) }

func (c copier) trials(_ context.Context, s *site, scenario string) ([]trial, error) {
	n := s.next()
	switch scenario {
	case first:
		t := writing(s, copierName, scenario, cmd("cp", "-a", s.src, s.at(n)))
		t.check = treeCheck(s, n, c.exact())
		return []trial{t}, nil
	case again:
		plain := writing(s, copierName, scenario, c.link(s, 1, n))
		plain.check = treeCheck(s, n, c.exact())
		n = s.next()
		mixed := writing(s, mixedName, scenario, c.link(s, 1, n), c.copySmall(s, n))
		mixed.check = treeCheck(s, n, c.exact())
		return []trial{plain, mixed}, nil
	}
	// Linking the last snapshot brings nothing of the new day: it is no
	// backup, only what the cheapest one would cost at least.
	return []trial{writing(s, copierName, scenario, c.link(s, 1, n))}, nil
}

// copySmall puts copies in the place of snapshot n's small files.
func (copier) copySmall(s *site, n int) command {
	const script = `find . -type f -size -"$1"c -print0 | xargs -0 -r cp -a --remove-destination --parents -t "$2" --`
	return shell(script, strconv.Itoa(smallSize), s.at(n)).in(s.src)
}

// rsync with --link-dest is what most snapshot scripts run.
type rsync struct{}

func (rsync) name() string                       { return "rsync" }
func (rsync) joins(scenario string) bool         { return makesSnapshot(scenario) }
func (rsync) ignoresCtimes()                     {}
func (rsync) setup(context.Context, *site) error { return nil }

func (r rsync) trials(_ context.Context, s *site, scenario string) ([]trial, error) {
	n := s.next()
	argv := []string{"rsync", "-a"}
	if n > 1 {
		argv = append(argv, "--link-dest="+s.at(n-1))
	}
	t := writing(s, r.name(), scenario, cmd(append(argv, s.src+"/", s.at(n)+"/")...))
	t.check = treeCheck(s, n, likeness{modes: true, times: allTimes})
	return []trial{t}, nil
}
