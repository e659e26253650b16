//go:build unix

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// backupDirs are the directories of a backup that takes a while.
type backupDirs struct {
	dir, source, root, plan string
}

// Enough to be interrupted in the middle of.
const (
	longFiles = 3000
	longSize  = 20_000
)

func newLongBackup(t *testing.T) backupDirs {
	t.Helper()
	if testing.Short() {
		t.Skip("takes many files")
	}
	dir := crashDir(t)
	d := backupDirs{dir: dir, source: filepath.Join(dir, "src"), root: filepath.Join(dir, "dst"), plan: filepath.Join(dir, "plan.json")}
	if err := errors.Join(writeMany(d.source, longFiles, longSize), os.Mkdir(d.root, 0o700)); err != nil {
		t.Fatal(err)
	}
	text := "version: 1\ndestination: dst\nsources: [{path: src}]\n"
	manifest := filepath.Join(dir, "m.yaml")
	if err := os.WriteFile(manifest, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out := d.phlb(t, "plan", manifest, "-o", d.plan); code != 0 {
		t.Fatalf("plan: exit code %d\n%s", code, out)
	}
	return d
}

func (d backupDirs) phlb(t *testing.T, args ...string) (code int, output string) {
	t.Helper()
	out, err := exec.Command(program(t), args...).CombinedOutput()
	return exitCodeOf(t, err), string(out)
}

func exitCodeOf(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if exit == nil {
		return 0
	}
	return exit.ExitCode()
}

// start starts applying and returns when it has copied a part.
func (d backupDirs) start(t *testing.T) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.Command(program(t), "apply", d.plan, "--workers", "1")
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		copied, err := filepath.Glob(filepath.Join(d.root, ".phlb/staging/*/*/d010"))
		if err != nil {
			t.Fatal(err)
		}
		if len(copied) > 0 {
			return cmd, &out
		}
		if time.Now().After(deadline) {
			t.Fatalf("nothing is being copied:\n%s", out.String())
		}
	}
}

func (d backupDirs) snapshots(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(d.root, "src/????-??-??-??????"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestInterrupt(t *testing.T) {
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run(sig.String(), func(t *testing.T) {
			d := newLongBackup(t)
			cmd, out := d.start(t)
			began := time.Now()
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			code := exitCodeOf(t, cmd.Wait())
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("it took %v to stop", took)
			}
			if code != 130 || !strings.Contains(out.String(), "interrupted") {
				t.Fatalf("exit code %d\n%s", code, out)
			}
			if found := d.snapshots(t); len(found) > 0 {
				t.Fatalf("published: %v", found)
			}
			d.resume(t)
		})
	}
}

// resume applies the same plan again: it takes over what is good.
func (d backupDirs) resume(t *testing.T) {
	t.Helper()
	code, out := d.phlb(t, "apply", d.plan)
	if code != 0 {
		t.Fatalf("resuming: exit code %d\n%s", code, out)
	}
	if !strings.Contains(out, "Taken over from an interrupted run") {
		t.Errorf("nothing was taken over:\n%s", out)
	}
	if code, out := d.phlb(t, "verify", d.root); code != 0 || len(d.snapshots(t)) != 1 {
		t.Errorf("after resuming: exit code %d\n%s", code, out)
	}
	if code, out := d.phlb(t, "apply", d.plan); code != 5 {
		t.Errorf("applied again: exit code %d\n%s", code, out)
	}
}

func TestSecondSignalStopsAtOnce(t *testing.T) {
	d := newLongBackup(t)
	cmd, out := d.start(t)
	for range 2 {
		if err := cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
			t.Fatal(err)
		}
		time.Sleep(time.Millisecond)
	}
	if code := exitCodeOf(t, cmd.Wait()); code != 130 {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if found := d.snapshots(t); len(found) > 0 {
		t.Errorf("published: %v", found)
	}
	if code, out := d.phlb(t, "apply", d.plan); code != 0 {
		t.Errorf("afterwards: exit code %d\n%s", code, out)
	}
}

func TestKillLosesNothing(t *testing.T) {
	d := newLongBackup(t)
	cmd, _ := d.start(t)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed
	if found := d.snapshots(t); len(found) > 0 {
		t.Errorf("published: %v", found)
	}
	if code, out := d.phlb(t, "verify", d.root); code != 0 {
		t.Errorf("verify: exit code %d\n%s", code, out)
	}
	if code, out := d.phlb(t, "apply", d.plan); code != 0 {
		t.Errorf("afterwards: exit code %d\n%s", code, out)
	}
	if code, out := d.phlb(t, "verify", d.root); code != 0 {
		t.Errorf("verify: exit code %d\n%s", code, out)
	}
}

// TestInterruptPlan: an interrupted plan leaves an older one as it was, and no
// half of a new one.
func TestInterruptPlan(t *testing.T) {
	d := newLongBackup(t)
	before, err := os.ReadFile(d.plan)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program(t), "plan", filepath.Join(d.dir, "m.yaml"), "-o", d.plan, "--workers", "1")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	temporary := filepath.Join(d.dir, ".plan.json.*")
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if begun, err := filepath.Glob(temporary); err != nil || len(begun) > 0 {
			break
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := exitCodeOf(t, cmd.Wait()); code != 130 {
		t.Errorf("exit code %d", code)
	}
	after, err := os.ReadFile(d.plan)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the older plan was touched (%v)", err)
	}
	if left, err := filepath.Glob(temporary); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestInterruptWhileWaiting: a run that waits for the lock stops, too.
func TestInterruptWhileWaiting(t *testing.T) {
	d := newLongBackup(t)
	first, _ := d.start(t)
	if err := first.Process.Signal(syscall.SIGSTOP); err != nil { // it keeps the lock, however slow the other one is
		t.Fatal(err)
	}
	cmd := exec.Command(program(t), "apply", d.plan, "--lock-timeout", "1h")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second) // nothing tells that it waits; before it takes signals they kill it
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := exitCodeOf(t, cmd.Wait()); code != 130 {
		t.Errorf("exit code %d", code)
	}
}
