package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// contender is one way of keeping snapshots.
type contender interface {
	name() string
	joins(scenario string) bool
	// setup is done once on every new site, and not measured.
	setup(ctx context.Context, s *site) error
	// trials are what is measured in a scenario, in order.
	trials(ctx context.Context, s *site, scenario string) ([]trial, error)
}

// trial is one line of the results.
type trial struct {
	as    string // the line's name: a contender may also carry its references
	parts []part
	reads string                          // what is warmed first; "" is the source
	check func(ctx context.Context) error // nil where there is nothing to check
}

// writes tells whether the trial makes a snapshot.
func (t trial) writes() bool { return t.parts[len(t.parts)-1].name == syncPart }

// usage is looked up where a trial can change it: in plain directories, it
// takes a walk.
func (t trial) usage(s *site) (usage, error) {
	if !t.writes() {
		return usage{}, nil
	}
	return s.used()
}

// part is a piece of a trial that is reported on its own.
type part struct {
	name     string
	commands []command
	beside   bool // measured, but not in the total
}

// syncPart is what makes a snapshot durable. A tool that syncs on its own is
// only asked for the rest: its total stands without.
const syncPart = "sync"

func syncing(s *site, beside bool) part {
	return part{name: syncPart, commands: []command{cmd("sync", "-f", s.dst)}, beside: beside}
}

// writing is the trial of a peer that makes snapshot n. A first snapshot counts
// when it is durable; later ones are so quick that their sync would hide them.
func writing(s *site, as, scenario string, commands ...command) trial {
	return trial{as: as, parts: []part{{name: "run", commands: commands}, syncing(s, scenario != first)}}
}

// snapshots are the scenarios that make one.
func makesSnapshot(scenario string) bool {
	return scenario == first || scenario == again || scenario == day
}

// at is where plain-file tools keep snapshot n.
func (s *site) at(n int) string { return filepath.Join(s.dst, strconv.Itoa(n)) }

// contenders are all those that are found on this machine and wanted.
func contenders(ctx context.Context, o options, phlbPath string) (found []contender, missing []string) {
	all := []contender{
		&phlb{label: phlbName, binary: phlbPath, smallFiles: "link", references: true},
		&phlb{label: "phlb-default", binary: phlbPath, smallFiles: "copy"},
	}
	if o.base != "" {
		all = append(all, &phlb{label: "phlb-base", binary: o.base, smallFiles: "link"})
	}
	for _, peer := range []contender{copier{}, rsync{}, newRestic(ctx), borg{}} {
		if has(peer.name()) {
			all = append(all, peer)
		} else {
			missing = append(missing, peer.name())
		}
	}
	if o.python != "" {
		all = append(all, python{o.python})
	} else {
		missing = append(missing, pythonName+" (--pyhardlinkbackup COMMAND)")
	}
	return slices.DeleteFunc(all, func(c contender) bool {
		return o.contenders != nil && !slices.Contains(o.contenders, c.name())
	}), missing
}

// has tells whether a program is found.
func has(name string) bool {
	_, err := exec.LookPath(name)
	return err == nil
}

// treeCheck compares a plain-file snapshot with the source.
func treeCheck(s *site, n int, how likeness) func(context.Context) error {
	return func(ctx context.Context) error { return compareTrees(ctx, s.src, s.at(n), how) }
}

// mkdir is setup for those who need a directory.
func mkdir(path string) error { return os.MkdirAll(path, 0o755) }
