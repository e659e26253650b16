package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// restic keeps its cache, as it does for its users, but on the destination's
// file system, so that what it costs is counted.
type restic struct{ noPassword bool }

// newRestic asks the version that is there what it can do.
func newRestic(ctx context.Context) restic {
	help, err := cmd("restic", "init", "--help").output(ctx)
	return restic{noPassword: err == nil && strings.Contains(help, "--insecure-no-password")}
}

func (restic) name() string               { return "restic" }
func (restic) joins(scenario string) bool { return makesSnapshot(scenario) }

func (r restic) command(s *site, args ...string) command {
	c := cmd(append([]string{"restic"}, args...)...).with(
		"RESTIC_REPOSITORY="+filepath.Join(s.dst, "repository"), "RESTIC_CACHE_DIR="+filepath.Join(s.dst, "cache"))
	if r.noPassword {
		c.argv = append(c.argv, "--insecure-no-password")
		return c
	}
	return c.with("RESTIC_PASSWORD=peerbench")
}

func (r restic) setup(ctx context.Context, s *site) error { return r.command(s, "init").run(ctx) }

func (r restic) trials(_ context.Context, s *site, scenario string) ([]trial, error) {
	s.next()
	t := writing(s, r.name(), scenario, r.command(s, "backup", s.src))
	t.check = func(ctx context.Context) error {
		if err := r.command(s, "check").run(ctx); err != nil {
			return err
		}
		return sameCount(ctx, s, r.command(s, "ls", "--json", "latest"), `"type":"file"`)
	}
	return []trial{t}, nil
}

// borg without compression and encryption: neither has phlb.
type borg struct{}

func (borg) name() string               { return "borg" }
func (borg) joins(scenario string) bool { return makesSnapshot(scenario) }

func (borg) command(s *site, args ...string) command {
	return cmd(append([]string{"borg"}, args...)...).with(
		"BORG_REPO="+filepath.Join(s.dst, "repository"), "BORG_BASE_DIR="+filepath.Join(s.dst, "base"),
		"BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes", "BORG_RELOCATED_REPO_ACCESS_IS_OK=yes")
}

func (b borg) setup(ctx context.Context, s *site) error {
	if err := mkdir(filepath.Join(s.dst, "base")); err != nil {
		return err
	}
	return b.command(s, "init", "-e", "none").run(ctx)
}

func (b borg) trials(_ context.Context, s *site, scenario string) ([]trial, error) {
	archive := "::" + strconv.Itoa(s.next())
	t := writing(s, b.name(), scenario, b.command(s, "create", "--compression", "none", archive, s.src))
	t.check = func(ctx context.Context) error {
		// A second name of a hard link is of type h in borg 1.
		return sameCount(ctx, s, b.command(s, "list", "--format", "type={type}{NL}", archive), "type=-", "type=h")
	}
	return []trial{t}, nil
}

// sameCount counts the lines of a listing that contain one of the marks, and
// compares with the source's files.
func sameCount(ctx context.Context, s *site, listing command, marks ...string) error {
	list, err := listing.output(ctx)
	if err != nil {
		return err
	}
	source, err := measureTree(s.src)
	if err != nil {
		return err
	}
	files := 0
	for line := range strings.Lines(list) {
		for _, mark := range marks {
			if strings.Contains(line, mark) {
				files++
			}
		}
	}
	if files != source.Files {
		return fmt.Errorf("the snapshot lists %d files, the source has %d", files, source.Files)
	}
	return nil
}
