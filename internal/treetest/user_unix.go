//go:build unix

package treetest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// nobody is the user that tests run as which root's powers would defeat.
const nobody = 65534

// AsOrdinaryUser runs the calling test again as nobody if it runs as root,
// with what root prepares in that test's temporary directory. It reports
// whether the test is to go on here.
func AsOrdinaryUser(t *testing.T, prepare ...func(work string)) bool {
	t.Helper()
	if os.Geteuid() != 0 {
		return true
	}
	// The test binary's own directory is closed to others.
	dir, err := os.MkdirTemp("", "ordinary")
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	binary, work := filepath.Join(dir, "test"), filepath.Join(dir, "work")
	program, err := os.ReadFile(os.Args[0])
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	must(t, os.WriteFile(binary, program, 0o755))
	must(t, os.Mkdir(work, 0o700))
	must(t, os.Chown(work, nobody, nobody))
	for _, f := range prepare {
		f(work)
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), binary, "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Dir, cmd.Env = work, []string{"TMPDIR=" + work}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("as an ordinary user: %v\n%s", err, out)
	}
	return false
}
