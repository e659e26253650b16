//go:build unix

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// hookDirs is a backup with a hook that does not end by itself, at the point
// given, and an on_error hook.
func hookDirs(t *testing.T, when string) string {
	t.Helper()
	dir := t.TempDir()
	text := `version: 1
destination: dst
sources:
  - path: src
    hooks:
      ` + when + `: ["echo $$ > pid; trap '' TERM; sleep 300 & sleep 300; sleep 300"]
      on_error: ['echo "$PHLB_STATUS $PHLB_EXIT_CODE" > failed']
  - path: src
    name: other
    hooks: {before: [": > other"], on_error: [": > other-failed"]}
`
	for _, sub := range []string{"src", "dst"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, content := range map[string]string{"m.yaml": text, "src/a": "a"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// interruptHook starts phlb and interrupts it when the hook runs.
func interruptHook(t *testing.T, dir string, args ...string) (code int, output string) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(program(t), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	pid := waitFor(t, filepath.Join(dir, "pid"))
	began := time.Now()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	code = exitCodeOf(t, cmd.Wait())
	if took := time.Since(began); took > 8*time.Second {
		t.Errorf("it took %v to stop", took)
	}
	if left, err := exec.Command("ps", "-o", "pid=,stat=,args=", "-g", pid).Output(); err == nil && strings.Contains(string(left), "sleep 300") {
		t.Errorf("what the hook started lives:\n%s", left)
	}
	return code, out.String()
}

func waitFor(t *testing.T, path string) string {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if text, err := os.ReadFile(path); err == nil && strings.HasSuffix(string(text), "\n") {
			return strings.TrimSpace(string(text))
		}
	}
	t.Fatalf("%s does not come into being", path)
	return ""
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// TestInterruptBeforeHook: the hook ends with all that it started, nothing is
// backed up, and who has been stopped learns so.
func TestInterruptBeforeHook(t *testing.T) {
	dir := hookDirs(t, "before")
	code, out := interruptHook(t, dir, "apply", "m.yaml", "--yes")
	if code != 130 || !strings.Contains(out, "interrupted") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if text := waitFor(t, filepath.Join(dir, "failed")); text != "failed 130" {
		t.Errorf("on_error was told %q", text)
	}
	for _, name := range []string{"other", "other-failed", "dst/src", "dst/.phlb"} {
		if exists(filepath.Join(dir, name)) {
			t.Errorf("%s is there", name)
		}
	}
}

func TestInterruptPlanHook(t *testing.T) {
	dir := hookDirs(t, "before")
	if code, out := interruptHook(t, dir, "plan", "m.yaml", "--hooks"); code != 130 {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if exists(filepath.Join(dir, "failed")) || exists(filepath.Join(dir, "plan.json")) {
		t.Error("there is a plan, or on_error ran")
	}
}

// TestInterruptAfterHook: what is published stays.
func TestInterruptAfterHook(t *testing.T) {
	dir := hookDirs(t, "after")
	code, out := interruptHook(t, dir, "apply", "m.yaml", "--yes")
	if code != 130 || !strings.Contains(out, "Backup complete: src/") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if code, out := (backupDirs{}).phlb(t, "verify", filepath.Join(dir, "dst")); code != 0 {
		t.Errorf("verify: exit code %d\n%s", code, out)
	}
}
