package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// nfpm packs deb and rpm without their tools. It is run, not imported: it is
// no part of the program, and has more dependencies than phlb.
const nfpm = "github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2"

// nfpmConfig says what packages contain. In the tree its list of contents ends
// where the man pages are to be added.
const nfpmConfig = "nfpm.yaml"

// packageAll makes the packages of the Linux targets.
func (r *release) packageAll(ctx context.Context, targets []target) error {
	for _, t := range targets {
		if t.os != "linux" {
			continue
		}
		stage := filepath.Join(r.work, "stage", t.arch)
		if err := r.stage(t, stage); err != nil {
			return fmt.Errorf("stage packages: %w", err)
		}
		for _, kind := range []string{"deb", "rpm"} {
			if err := r.pack(ctx, t, kind, stage); err != nil {
				return err
			}
			r.say("%s for %s", kind, t)
		}
	}
	return nil
}

func (r *release) pack(ctx context.Context, t target, kind, stage string) error {
	c := exec.CommandContext(ctx, "go", "run", nfpm, "package", "--config", nfpmConfig, "--packager", kind, "--target", r.out)
	c.Dir = stage
	c.Env = append(os.Environ(), r.epoch(), "PHLB_VERSION="+r.Version, "PHLB_ARCH="+t.arch)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("package %s for %s: %w\n%s", kind, t, err, out)
	}
	return nil
}

// stage lays out what packages contain, and says so in a configuration. The
// packages take over modes and times from here.
func (r *release) stage(t target, stage string) error {
	entries, err := r.staged(t)
	if err != nil {
		return err
	}
	for _, e := range entries {
		data, err := os.ReadFile(e.from)
		if err != nil {
			return err
		}
		if err := writeFile(filepath.Join(stage, e.name), data, e.mode); err != nil {
			return err
		}
	}
	contents, err := r.stagePages(stage)
	if err != nil {
		return err
	}
	config, err := os.ReadFile(filepath.Join(".ci", nfpmConfig))
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(stage, nfpmConfig), append(config, contents...), 0o644); err != nil {
		return err
	}
	return r.settle(stage)
}

func (r *release) staged(t target) ([]entry, error) {
	entries := []entry{
		{"bin/phlb", r.program(t), 0o755},
		{"bash/phlb", filepath.Join(r.work, "completions", "phlb.bash"), 0o644},
		{"zsh/_phlb", filepath.Join(r.work, "completions", "_phlb"), 0o644},
		{"fish/phlb.fish", filepath.Join(r.work, "completions", "phlb.fish"), 0o644},
		{"doc/README.md", "README.md", 0o644},
		{"doc/CHANGELOG.md", "CHANGELOG.md", 0o644},
		{"doc/copyright", "LICENSE", 0o644},
	}
	below := map[string]string{"doc/docs": "docs", "doc/examples": "examples", "systemd": filepath.Join("examples", "systemd")}
	for dir, from := range below {
		more, err := entriesBelow(dir, from)
		if err != nil {
			return nil, err
		}
		for _, e := range more {
			if !strings.HasSuffix(e.name, ".go") {
				entries = append(entries, e)
			}
		}
	}
	return entries, nil
}

// stagePages compresses the man pages, as Debian wants them, and returns what
// is to be said of them: one by one, as a package is not to own the system's
// directories of man pages.
func (r *release) stagePages(stage string) (contents []byte, err error) {
	pages, err := entriesBelow("", filepath.Join(r.work, "man"))
	if err != nil {
		return nil, err
	}
	for _, e := range pages {
		data, err := os.ReadFile(e.from)
		if err != nil {
			return nil, err
		}
		packed, err := gzipped(data)
		if err != nil {
			return nil, err
		}
		src := path.Join("man", e.name+".gz")
		dst := path.Join("/usr/share/man", "man"+filepath.Ext(e.name)[1:], e.name+".gz")
		contents = fmt.Appendf(contents, "  - {src: %s, dst: %s}\n", src, dst)
		if err := writeFile(filepath.Join(stage, src), packed, 0o644); err != nil {
			return nil, err
		}
	}
	return contents, nil
}

// gzipped compresses without name or time.
func gzipped(data []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// settle gives everything the release's date, and directories their mode.
func (r *release) settle(stage string) error {
	return filepath.WalkDir(stage, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chmod(path, 0o755)
		}
		if err == nil {
			err = os.Chtimes(path, r.Date, r.Date)
		}
		return err
	})
}
