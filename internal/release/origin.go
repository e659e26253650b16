package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// origin is what a release is made from.
type origin struct {
	Version string
	Commit  string // empty: not in a repository
	Date    time.Time
	Dirty   bool
}

// stamp is what the program is told of its origin; see cmd/phlb/cmd_version.go.
func (o *origin) stamp() string {
	s := o.Version + " " + o.Commit + " " + o.Date.UTC().Format(time.RFC3339)
	if o.Commit == "" {
		return o.Version
	}
	if o.Dirty {
		s += " dirty"
	}
	return s
}

// versionPattern is what Debian, RPM and semantic versioning all take.
var versionPattern = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.]+)?(\+[0-9A-Za-z.]+)?$`)

// describe asks git. Without a repository -version and SOURCE_DATE_EPOCH must
// tell.
func describe(ctx context.Context, o options) (origin, error) {
	from, err := askGit(ctx)
	if err != nil && (o.version == "" || os.Getenv("SOURCE_DATE_EPOCH") == "") {
		return from, fmt.Errorf("%w\nwithout git, -version and SOURCE_DATE_EPOCH must tell the version and its date", err)
	}
	if from.Dirty && !o.allowDirty {
		return from, errors.New("the tree has changes that are not in a commit: commit them, or use -allow-dirty")
	}
	if o.version != "" {
		from.Version = strings.TrimPrefix(o.version, "v")
	}
	if !versionPattern.MatchString(from.Version) {
		return from, fmt.Errorf("version %q: want one such as 1.2.3 or 1.2.3-rc1", from.Version)
	}
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds, err := strconv.ParseInt(epoch, 10, 64)
		if err != nil {
			return from, fmt.Errorf("SOURCE_DATE_EPOCH: %w", err)
		}
		from.Date = time.Unix(seconds, 0).UTC()
	}
	return from, nil
}

func askGit(ctx context.Context) (origin, error) {
	commit, err := git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return origin{}, err
	}
	seconds, err := git(ctx, "log", "-1", "--format=%ct")
	if err != nil {
		return origin{}, err
	}
	unix, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return origin{}, fmt.Errorf("the commit's date: %w", err)
	}
	changes, err := git(ctx, "status", "--porcelain")
	if err != nil {
		return origin{}, err
	}
	from := origin{Commit: commit, Date: time.Unix(unix, 0).UTC(), Dirty: changes != ""}
	exact, _ := git(ctx, "describe", "--tags", "--exact-match", "--match", "v[0-9]*") // fails: no tag here
	nearest, _ := git(ctx, "describe", "--tags", "--abbrev=0", "--match", "v[0-9]*")  // fails: none at all
	from.Version = versionOf(exact, nearest, &from)
	return from, nil
}

// versionOf is the tag of the commit, else the nearest one's version with the
// date and the commit behind it.
func versionOf(exact, nearest string, from *origin) string {
	var extra []string
	version := strings.TrimPrefix(exact, "v")
	if exact == "" {
		version = strings.TrimPrefix(nearest, "v")
		extra = append(extra, "git"+from.Date.Format("20060102"), from.Commit[:min(12, len(from.Commit))])
	}
	if version == "" {
		version = "0.0.0"
	}
	if from.Dirty {
		extra = append(extra, "dirty")
	}
	if len(extra) == 0 {
		return version
	}
	return version + "+" + strings.Join(extra, ".")
}

func git(ctx context.Context, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "git", args...).Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	return strings.TrimSpace(string(out)), nil
}
