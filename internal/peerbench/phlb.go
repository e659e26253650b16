package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
)

// phlb is the contender that all this is about, driven by its command line as
// anybody drives it.
type phlb struct {
	label, binary string
	smallFiles    string // of the manifest: link or copy
	references    bool   // also runs what plan and verify are compared with
}

const phlbName = "phlb"

// verifiedSnapshots is how many there are when they are verified.
const verifiedSnapshots = 5

func (p *phlb) name() string          { return p.label }
func (p *phlb) joins(string) bool     { return true }
func (*phlb) root(s *site) string     { return filepath.Join(s.dst, "root") }
func (*phlb) manifest(s *site) string { return filepath.Join(s.work, "manifest.yaml") }

func (p *phlb) setup(_ context.Context, s *site) error {
	text := fmt.Sprintf("version: 1\ndestination: %q\nsources:\n  - name: s\n    path: %q\n    excludes_replace: true\n    small_files: %s\n",
		p.root(s), s.src, p.smallFiles)
	return firstOf(mkdir(p.root(s)), os.WriteFile(p.manifest(s), []byte(text), 0o600))
}

func (p *phlb) trials(ctx context.Context, s *site, scenario string) ([]trial, error) {
	switch scenario {
	case look:
		return append([]trial{{as: p.label, parts: []part{p.plan(s)}}}, p.lookReference(s)...), nil
	case verify:
		return p.verifyTrials(ctx, s)
	}
	return []trial{p.snapshot(s, scenario)}, nil
}

// snapshot plans and applies. Apply syncs on its own all but the lookups, a
// cache that can be rebuilt: what they take is told beside the total.
func (p *phlb) snapshot(s *site, scenario string) trial {
	plan := p.plan(s)
	s.next()
	apply := part{name: "apply", commands: []command{cmd(p.binary, "apply", p.planFile(s, s.made), "--progress", "none")}}
	return trial{
		as: p.label, parts: []part{plan, apply, syncing(s, true)},
		check: func(ctx context.Context) error { return p.check(ctx, s, scenario) },
	}
}

func (p *phlb) plan(s *site) part {
	return part{name: "plan", commands: []command{
		cmd(p.binary, "plan", p.manifest(s), "-o", p.planFile(s, s.made+1), "--progress", "none"),
	}}
}

func (*phlb) planFile(s *site, n int) string {
	return filepath.Join(s.work, "plan-"+strconv.Itoa(n)+".json")
}

// check judges the newest snapshot by phlb's own verify and by the harness'
// comparison, which knows nothing of phlb but where snapshots are.
func (p *phlb) check(ctx context.Context, s *site, scenario string) error {
	if err := cmd(p.binary, "verify", p.root(s), "--progress", "none").run(ctx); err != nil {
		return err
	}
	kept, err := snapshotsIn(filepath.Join(p.root(s), "s"))
	if err != nil {
		return err
	}
	if len(kept) != s.made {
		return fmt.Errorf("there are %d snapshots after %d runs", len(kept), s.made)
	}
	newest := kept[len(kept)-1]
	if err := compareTrees(ctx, s.src, newest, likeness{modes: true, times: ownTimes}); err != nil {
		return err
	}
	if scenario != again {
		return nil
	}
	return sharedTrees(ctx, kept[len(kept)-2], newest, p.linkedFrom())
}

// linkedFrom is the size from which on unchanged files must be linked.
func (p *phlb) linkedFrom() int64 {
	if p.smallFiles == "link" {
		return 0
	}
	return smallSize
}

var snapshotTime = regexp.MustCompile(`^\d{4}-\d\d-\d\d-\d{6}$`)

// snapshotsIn lists the snapshots of one name, oldest first.
func snapshotsIn(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var found []string
	for _, e := range entries {
		if e.IsDir() && snapshotTime.MatchString(e.Name()) {
			found = append(found, filepath.Join(dir, e.Name()))
		}
	}
	return found, nil
}
