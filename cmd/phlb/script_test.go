package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"phlb": main})
}

// TestScripts runs the program as users do. Each script is about one command
// and theme; scriptCommands tells what it can use beside testscript's own.
func TestScripts(t *testing.T) {
	openToAll(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		WorkdirRoot:         workRoot(t),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                scriptCommands(),
		Condition:           scriptCondition,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", filepath.Join(e.WorkDir, "home"))
			e.Setenv("NO_COLOR", "")
			e.Setenv("TZ", "Europe/Berlin")
			return nil
		},
	})
}

// workRoot is where scripts work: a directory that other users may enter, so
// that scripts can run phlb as somebody else than root.
func workRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "phlb-scripts-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Scripts make directories that their owner may not write, too.
		_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				return os.Chmod(path, 0o700)
			}
			return nil
		})
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// openToAll lets other users run the program under test.
func openToAll(t *testing.T) {
	t.Helper()
	bin := filepath.Dir(program(t))
	for _, dir := range []string{bin, filepath.Dir(bin)} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// put writes files below a directory.
func put(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for path, text := range files {
		path = filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// program returns the path of the program under test.
func program(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("phlb")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// scriptCondition adds [root] and [other-user]: that phlb can be run as an
// ordinary user, through setpriv where the tests run as root.
func scriptCondition(cond string) (bool, error) {
	root := os.Geteuid() == 0
	switch cond {
	case "root":
		return root, nil
	case "ordinary":
		if !root {
			return os.Geteuid() > 0, nil
		}
		_, err := exec.LookPath("setpriv")
		return err == nil, nil
	}
	return false, nil
}

// TestScriptsAreThere makes sure that every command has a script.
func TestScriptsAreThere(t *testing.T) {
	a := &app{}
	for _, c := range a.newRootCommand().Commands() {
		if c.IsAdditionalHelpTopicCommand() {
			continue // help.txtar has them
		}
		matches, err := filepath.Glob("testdata/script/" + c.Name() + "*.txtar")
		if err != nil || len(matches) == 0 {
			t.Errorf("no script for phlb %s", c.Name())
		}
	}
	for _, path := range mustGlob(t, "testdata/script/*.txtar") {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), "exits ") {
			t.Errorf("%s looks at no exit code", path)
		}
	}
}

func mustGlob(t *testing.T, pattern string) []string {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: no files (%v)", pattern, err)
	}
	return paths
}
