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

// TestInterruptRestore: neither an interrupt nor a kill leaves a file that is
// not whole under its name, and restoring again finishes.
func TestInterruptRestore(t *testing.T) {
	d := newLongBackup(t)
	if code, out := d.phlb(t, "apply", d.plan); code != 0 {
		t.Fatalf("apply: exit code %d\n%s", code, out)
	}
	snap := d.snapshots(t)[0]
	for _, sig := range []os.Signal{os.Interrupt, os.Kill} {
		t.Run(sig.String(), func(t *testing.T) {
			target := filepath.Join(t.TempDir(), "out")
			var out bytes.Buffer
			cmd := exec.Command(program(t), "restore", "--workers", "1", snap, target)
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			// A file, as directories are made ahead of what is copied into them.
			awaitPath(t, filepath.Join(target, "d*/f*"))
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			code := exitCodeOf(t, cmd.Wait())
			if sig == os.Interrupt && (code != 130 || !strings.Contains(out.String(), "--overwrite finishes it")) {
				t.Errorf("exit code %d\n%s", code, &out)
			}
			notWhole(t, d.source, target)
			if left, err := filepath.Glob(filepath.Join(target, "*/.phlb*")); sig == os.Interrupt && (err != nil || len(left) > 0) {
				t.Errorf("left behind: %v", left)
			}
			if code, out := d.phlb(t, "restore", "--overwrite", snap, target); code != 0 || !strings.Contains(out, "There already") {
				t.Errorf("again: exit code %d\n%s", code, out)
			}
			same, err := exec.Command("diff", "-r", d.source, target).CombinedOutput()
			if err != nil {
				t.Errorf("%v\n%s", err, same)
			}
		})
	}
}

func awaitPath(t *testing.T, pattern string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		if found, err := filepath.Glob(pattern); err != nil || len(found) > 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not come", pattern)
		}
	}
}

// notWhole reports files that have their name and not their content.
func notWhole(t *testing.T, source, target string) {
	t.Helper()
	for _, path := range mustGlob(t, filepath.Join(target, "d*/f*")) {
		rel, err := filepath.Rel(target, path)
		if err != nil {
			t.Fatal(err)
		}
		want, err := os.ReadFile(filepath.Join(source, rel))
		got, gotErr := os.ReadFile(path)
		if err != nil || gotErr != nil || !bytes.Equal(want, got) {
			t.Errorf("%s is not whole (%v %v)", rel, err, gotErr)
		}
	}
}
