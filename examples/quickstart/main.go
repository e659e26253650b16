// Command quickstart shows phlb's main job on real input: it plans, applies
// and verifies examples/quickstart/manifest.yaml twice, with a change between
// the runs, and prints every command before it runs it.
//
//	go run ./examples/quickstart [DIRECTORY]
//
// Everything it writes is in DIRECTORY, by default a new temporary one, which
// is kept to be looked at.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "quickstart:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	dir, err := workDir(args)
	if err != nil {
		return err
	}
	s := &shell{phlb: filepath.Join(dir, "phlb"), dir: dir, clone: filepath.Dir(goEnv("GOMOD"))}
	if runtime.GOOS == "windows" {
		s.phlb += ".exe"
	}
	if err := s.build(); err != nil {
		return err
	}
	notes := filepath.Join(dir, "notes")
	if err := os.MkdirAll(notes, 0o777); err != nil {
		return err
	}
	if err := write(notes, "todo.txt", "buy a second disk\n"); err != nil {
		return err
	}
	if err := s.backup("first.json"); err != nil {
		return err
	}
	fmt.Println("\n# Something changes. Everything else will be linked, not copied:")
	if err := write(notes, "done.txt", "bought a second disk\n"); err != nil {
		return err
	}
	if err := s.backup("second.json"); err != nil {
		return err
	}
	fmt.Printf("\n# The snapshots are ordinary directories, look at them:\n#   ls -l %s\n", filepath.Join(dir, "backup", "go"))
	return nil
}

func workDir(args []string) (string, error) {
	if len(args) == 0 {
		return os.MkdirTemp("", "phlb-quickstart-")
	}
	dir, err := filepath.Abs(args[0])
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o777)
}

func write(dir, name, text string) error {
	return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666)
}

// shell runs commands and shows them.
type shell struct {
	phlb  string
	dir   string // everything that is written
	clone string // of the repository: where commands run
}

func (s *shell) build() error {
	fmt.Println("$ go build -o phlb ./cmd/phlb")
	cmd := exec.Command("go", "build", "-o", s.phlb, "phlb/cmd/phlb")
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.clone, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("build phlb: %w", err)
	}
	return nil
}

// backup plans, applies and verifies once.
func (s *shell) backup(plan string) error {
	manifest := filepath.Join("examples", "quickstart", "manifest.yaml")
	plan = filepath.Join(s.dir, plan)
	for _, args := range [][]string{
		{"plan", manifest, "-o", plan},
		{"apply", plan},
		{"verify", manifest},
	} {
		if err := s.run(args...); err != nil {
			return err
		}
	}
	return nil
}

func (s *shell) run(args ...string) error {
	fmt.Printf("\n$ phlb %s\n", strings.Join(args, " "))
	cmd := exec.Command(s.phlb, args...)
	cmd.Env = append(os.Environ(), "PHLB_QUICKSTART="+s.dir, "GOROOT="+goEnv("GOROOT"))
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.clone, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("phlb %s: %w", args[0], err)
	}
	return nil
}

// goEnv asks the go command, which knows best where its source is.
func goEnv(name string) string {
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}
