package main

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// What phlb's commands that make no snapshot are compared with: the plainest
// tool that has to look at the same things.
const (
	finder   = "find"
	hasher   = "sha256sum"
	twoTimes = "sha256sum x2"
)

// lookReference stats the source as plan must.
func (p *phlb) lookReference(s *site) []trial {
	if !p.references || !has(finder) {
		return nil
	}
	return []trial{{as: finder, parts: []part{{name: "run", commands: []command{
		cmd("find", s.src, "-printf", `%s %T@ %i\n`),
	}}}}}
}

// verifyTrials makes the missing snapshots, then verifies all of them.
func (p *phlb) verifyTrials(ctx context.Context, s *site) ([]trial, error) {
	for s.made < verifiedSnapshots {
		for _, part := range p.snapshot(s, again).parts {
			for _, c := range part.commands {
				if err := c.run(ctx); err != nil {
					return nil, err
				}
			}
		}
	}
	run := []command{cmd(p.binary, "verify", p.root(s), "--progress", "none")}
	trials := []trial{{as: p.label, parts: []part{{name: "run", commands: run}}, reads: p.root(s)}}
	if !p.references || !has(hasher) || !has("xargs") {
		return trials, nil
	}
	hashers, err := p.hashing(s)
	return append(trials, hashers...), err
}

// hashing reads what verify reads, each inode once, and says nothing about it:
// one process after the other, and two at a time.
func (p *phlb) hashing(s *site) ([]trial, error) {
	list := filepath.Join(s.work, "unique-files")
	files, err := listUnique(filepath.Join(p.root(s), "s"), list)
	if err != nil {
		return nil, err
	}
	// So few files a process that two of them end at about the same time.
	bunch := strconv.Itoa(min(max(files/16, 1), 500))
	return []trial{
		{as: hasher, reads: p.root(s), parts: []part{{name: "run", commands: []command{
			cmd("xargs", "-0", "-a", list, hasher, "--")}}}},
		{as: twoTimes, reads: p.root(s), parts: []part{{name: "run", commands: []command{
			cmd("xargs", "-0", "-a", list, "-P", "2", "-n", bunch, hasher, "--")}}}},
	}, nil
}

// listUnique writes one name of every regular file in the snapshots below dir,
// SHA256SUMS included, and counts them.
func listUnique(dir, list string) (files int, err error) {
	snapshots, err := snapshotsIn(dir)
	if err != nil {
		return 0, err
	}
	seen := map[[2]uint64]bool{}
	var names []byte
	for _, snapshot := range snapshots {
		err := filepath.WalkDir(snapshot, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return err
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			i := inodeOf(info)
			if key := [2]uint64{i.device, i.number}; !seen[key] {
				seen[key] = true
				names = append(append(names, path...), 0)
			}
			return nil
		})
		if err != nil {
			return 0, err
		}
	}
	return len(seen), os.WriteFile(list, names, 0o600)
}
