// Package examples_test makes sure that the examples run as they are.
package examples_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// programs is where build builds.
var programs string

func TestMain(m *testing.M) {
	var err error
	if programs, err = os.MkdirTemp("", "phlb-examples-"); err != nil {
		panic(err)
	}
	code := m.Run()
	_ = os.RemoveAll(programs)
	os.Exit(code)
}

// built builds phlb once for all tests.
var built = sync.OnceValues(func() (string, error) {
	phlb := filepath.Join(programs, "phlb.exe") // every system can run it by this name
	out, err := exec.Command("go", "build", "-o", phlb, "phlb/cmd/phlb").CombinedOutput()
	if err != nil {
		err = fmt.Errorf("go build: %w\n%s", err, out)
	}
	return phlb, err
})

// build builds phlb.
func build(t *testing.T) string {
	t.Helper()
	phlb, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return phlb
}

// run runs a command that must succeed and returns its output.
func run(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(name), strings.Join(args, " "), err, out)
	}
	return string(out)
}

// manifests lists all manifests among the examples; other files are YAML, too.
func manifests(t *testing.T) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(path); err == nil && (ext == ".yaml" || ext == ".yml") {
			var text []byte
			if text, err = os.ReadFile(path); bytes.Contains(text, []byte("\ndestination: ")) {
				paths = append(paths, path)
			}
		}
		return err
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	return paths
}

// smallWorld is an environment in which everything that the examples back up
// exists and is small, and all they write goes into a temporary directory.
func smallWorld(t *testing.T) []string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"home/letter.txt": "Dear disk,", "home/node_modules/x.js": "x", "home/rescue.iso": "iso",
		"mail/inbox": "From me", "goroot/src/main.go": "package main", "quickstart/notes/todo.txt": "buy a disk",
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return []string{
		"PHLB_DISK=" + filepath.Join(dir, "disk"), "HOME=" + filepath.Join(dir, "home"), "HOST=testhost",
		"MAIL=" + filepath.Join(dir, "mail"), "GOROOT=" + filepath.Join(dir, "goroot"), "FLEET_DATA=" + filepath.Join(dir, "mail"),
		"PHLB_QUICKSTART=" + filepath.Join(dir, "quickstart"),
	}
}

func TestManifests(t *testing.T) {
	phlb := build(t)
	for _, manifest := range manifests(t) {
		t.Run(filepath.ToSlash(manifest), func(t *testing.T) {
			env := smallWorld(t)
			if out := run(t, env, phlb, "validate", manifest); strings.Contains(out, "not supported") {
				t.Errorf("it uses what cannot be planned:\n%s", out)
			}
			if filepath.Base(manifest) == "server.yaml" {
				needDirectories(t, "/etc", "/usr/local")
			}
			plan := filepath.Join(t.TempDir(), "plan.json")
			run(t, env, phlb, "plan", manifest, "-o", plan)
			run(t, env, phlb, "show", plan)
		})
	}
}

// needDirectories skips a test where a system does not have them.
func needDirectories(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		if list, err := os.ReadDir(path); err != nil || len(list) == 0 {
			t.Skipf("%s is missing or empty here", path)
		}
	}
}

// TestHome looks at what the example's excludes and re-includes come to.
func TestHome(t *testing.T) {
	phlb, env := build(t), smallWorld(t)
	plan := run(t, env, phlb, "plan", "home.yaml", "-o", "-", "--progress", "none")
	for _, want := range []string{
		`{"action":"copy","path":"letter.txt"`, `{"action":"copy","path":"rescue.iso"`, `{"action":"skip","path":"node_modules"`,
	} {
		if !strings.Contains(plan, want) {
			t.Errorf("the plan does not contain %s", want)
		}
	}
}

// TestQuickstart runs what the README begins with. It takes the real source
// code of Go.
func TestQuickstart(t *testing.T) {
	if testing.Short() {
		t.Skip("backs up some thousand files")
	}
	dir := t.TempDir()
	out := run(t, nil, "go", "run", "phlb/examples/quickstart", dir)
	for _, want := range []string{"$ phlb plan", "A new root begins", "Backup complete: go/", "Backup complete: notes/", "No damage found", "ls -l"} {
		if !strings.Contains(out, want) {
			t.Errorf("the output does not contain %q:\n%s", want, out)
		}
	}
	for name, want := range map[string]int{"go": 2, "notes": 2} {
		if found, err := filepath.Glob(filepath.Join(dir, "backup", name, "????-??-??-??????")); err != nil || len(found) != want {
			t.Errorf("%s has %d snapshots, want %d (%v)", name, len(found), want, err)
		}
	}
}
