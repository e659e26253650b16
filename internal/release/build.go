package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// target is a system to build for.
type target struct{ os, arch string }

func (t target) String() string { return t.os + "/" + t.arch }

// binary is the program's name there.
func (t target) binary() string {
	if t.os == "windows" {
		return "phlb.exe"
	}
	return "phlb"
}

func allTargets() []string {
	var all []string
	for _, system := range []string{"linux", "darwin", "windows", "freebsd"} {
		for _, arch := range []string{"amd64", "arm64"} {
			all = append(all, system+"/"+arch)
		}
	}
	return all
}

func parseTargets(list string) ([]target, error) {
	var targets []target
	for name := range strings.SplitSeq(list, ",") {
		t, err := parseTarget(name)
		if err != nil {
			return nil, err
		}
		targets = append(targets, t)
	}
	return targets, nil
}

func parseTarget(name string) (target, error) {
	if !slices.Contains(allTargets(), name) {
		return target{}, fmt.Errorf("target %q: choose of %s", name, strings.Join(allTargets(), ", "))
	}
	system, arch, _ := strings.Cut(name, "/")
	return target{system, arch}, nil
}

func host() target { return target{runtime.GOOS, runtime.GOARCH} }

// program is where a target's program is built.
func (r *release) program(t target) string {
	return filepath.Join(r.work, "bin", t.os+"_"+t.arch, t.binary())
}

// build builds the tree in dir. What the user's environment says of how to
// build is overruled, as it would show in the result.
func (r *release) build(ctx context.Context, dir string, t target, program string) error {
	c := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false",
		"-ldflags", "-s -w -buildid= -X 'main.release="+r.stamp()+"'", "-o", program, "./cmd/phlb")
	c.Dir = dir
	c.Env = append(os.Environ(), "GOOS="+t.os, "GOARCH="+t.arch, "CGO_ENABLED=0",
		"GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOWORK=off", "GOFLAGS=-mod=readonly")
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build for %s: %w\n%s", t, err, out)
	}
	return nil
}

// again builds a target once more, from a copy of the tree in another
// directory, and compares.
func (r *release) again(ctx context.Context) error {
	t, err := parseTarget(r.check)
	if err != nil {
		return err
	}
	first, second := r.program(t), filepath.Join(r.work, "again", t.binary())
	if _, err := os.Stat(first); errors.Is(err, os.ErrNotExist) {
		if err := r.build(ctx, ".", t, first); err != nil {
			return err
		}
	}
	tree := filepath.Join(r.work, "elsewhere", "tree")
	if err := copyTree(ctx, tree); err != nil {
		return fmt.Errorf("copy the tree: %w", err)
	}
	if err := r.build(ctx, tree, t, second); err != nil {
		return err
	}
	a, err := os.ReadFile(first)
	if err != nil {
		return err
	}
	b, err := os.ReadFile(second)
	if err != nil {
		return err
	}
	if !bytes.Equal(a, b) {
		return fmt.Errorf("%s is not reproducible: built in another directory it differs", t)
	}
	r.say("%s once more in another directory: the same %d bytes", t, len(a))
	return nil
}

// copyTree copies what git tracks of the tree.
func copyTree(ctx context.Context, to string) error {
	list, err := git(ctx, "ls-files", "-z")
	if err != nil {
		return err
	}
	for name := range strings.SplitSeq(strings.TrimRight(list, "\x00"), "\x00") {
		data, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue // removed, and not yet committed
		}
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(to, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// document builds the program for this system, and has it write man pages and
// completions.
func (r *release) document(ctx context.Context) error {
	phlb := filepath.Join(r.work, "host", host().binary())
	if err := r.build(ctx, ".", host(), phlb); err != nil {
		return err
	}
	if _, err := r.output(ctx, phlb, "generate", "man", filepath.Join(r.work, "man")); err != nil {
		return err
	}
	for shell, name := range map[string]string{"bash": "phlb.bash", "zsh": "_phlb", "fish": "phlb.fish", "powershell": "phlb.ps1"} {
		script, err := r.output(ctx, phlb, "completion", shell)
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(r.work, "completions", name), script, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// output runs the program that was built, and returns what it prints.
func (r *release) output(ctx context.Context, program string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, program, args...)
	c.Env = append(os.Environ(), r.epoch())
	var words bytes.Buffer
	c.Stderr = &words
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("phlb %s: %w\n%s", strings.Join(args, " "), err, words.String())
	}
	return out, nil
}

// epoch tells other programs the date that stands for now.
func (r *release) epoch() string { return fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.Date.Unix()) }

// writeFile writes a file and makes the directories above it. The mode is the
// one given, whatever the umask.
func writeFile(path string, data []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, data, mode); err != nil {
		return err
	}
	return os.Chmod(path, mode)
}
