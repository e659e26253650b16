package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
)

// python is PyHardLinkBackup, phlb's predecessor. It links files of equal
// content whatever their modes and times are, so only content is compared.
type python struct{ commandLine string }

const pythonName = "PyHardLinkBackup"

func (python) name() string                           { return pythonName }
func (python) joins(scenario string) bool             { return makesSnapshot(scenario) }
func (python) setup(_ context.Context, s *site) error { return mkdir(filepath.Join(s.dst, "root")) }

func (p python) trials(_ context.Context, s *site, scenario string) ([]trial, error) {
	s.next()
	root := filepath.Join(s.dst, "root")
	argv := append(strings.Fields(p.commandLine), "backup", s.src, root)
	t := writing(s, pythonName, scenario, cmd(argv...))
	t.check = func(ctx context.Context) error {
		kept, err := snapshotsIn(filepath.Join(root, filepath.Base(s.src)))
		if err != nil || len(kept) == 0 {
			return errors.Join(err, errors.New("there is no snapshot"))
		}
		return compareTrees(ctx, s.src, kept[len(kept)-1], likeness{})
	}
	return []trial{t}, nil
}
