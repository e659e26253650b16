package snapshot

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"phlb/internal/fsys"
)

// childEnv makes the test binary lock the root it names and hold the lock
// until its standard input ends.
const childEnv = "PHLB_TEST_LOCK_ROOT"

func lockChild() int {
	r, err := Open(os.Getenv(childEnv))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	holder := HolderInfo{Host: "other", PID: os.Getpid(), Start: time.Unix(1e9, 0).UTC(), Command: "phlb apply"}
	if _, err := r.Lock(context.Background(), fsys.Exclusive, LockOptions{Holder: holder}); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("locked")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

// holdElsewhere locks the root in another process.
func holdElsewhere(t *testing.T, dir string) (cmd *exec.Cmd, end func()) {
	t.Helper()
	cmd = exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+dir)
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	end = func() { in.Close(); _ = cmd.Wait() }
	t.Cleanup(end)
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "locked\n" {
		t.Fatalf("child: %q, %v", line, err)
	}
	return cmd, end
}

func lock(r *Root, mode fsys.LockMode, wait time.Duration) (*Lock, error) {
	return r.Lock(context.Background(), mode, LockOptions{Wait: wait, Holder: HolderInfo{Command: "test"}})
}

func release(t *testing.T, l *Lock) {
	t.Helper()
	must(t, l.Release())
	must(t, l.Release())
}

func TestLockBetweenProcesses(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	cmd, end := holdElsewhere(t, dir)
	for _, mode := range []fsys.LockMode{fsys.Exclusive, fsys.Shared} {
		_, err := lock(r, mode, 30*time.Millisecond)
		var locked *LockedError
		if !errors.As(err, &locked) {
			t.Fatalf("mode %v: %v", mode, err)
		}
		if locked.Holder.PID != cmd.Process.Pid || locked.Holder.Host != "other" || locked.Readers {
			t.Errorf("mode %v: %+v", mode, locked)
		}
		for _, part := range []string{"phlb apply", "other", fmt.Sprint(cmd.Process.Pid), "2001-09-09", dir} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%q lacks %q", err, part)
			}
		}
	}
	got := make(chan error, 1)
	go func() {
		l, err := lock(r, fsys.Exclusive, time.Minute)
		if err == nil {
			err = l.Release()
		}
		got <- err
	}()
	time.Sleep(50 * time.Millisecond)
	end()
	must(t, <-got)
}

func TestLockAfterKill(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	cmd, _ := holdElsewhere(t, dir)
	must(t, cmd.Process.Kill())
	_ = cmd.Wait()
	if !strings.Contains(read(t, dir, ".phlb/lock"), "phlb apply") {
		t.Fatal("the killed process left no holder behind")
	}
	reader, err := lock(r, fsys.Shared, 0)
	must(t, err)
	// The one who was killed must not be named as the holder.
	_, err = lock(openRoot(t, dir), fsys.Exclusive, 0)
	var locked *LockedError
	if !errors.As(err, &locked) || !locked.Readers || strings.Contains(err.Error(), "phlb apply") {
		t.Errorf("got %v", err)
	}
	release(t, reader)
	l, err := lock(r, fsys.Exclusive, 0)
	must(t, err)
	release(t, l)
	if got := read(t, dir, ".phlb/lock"); got != "" {
		t.Errorf("after release: %q", got)
	}
}

func TestSharedLocks(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	l, err := lock(r, fsys.Shared, 0)
	must(t, err)
	release(t, l)
	if has(dir, ".phlb") {
		t.Fatal("a shared lock created something")
	}
	l, err = lock(r, fsys.Exclusive, 0)
	must(t, err)
	release(t, l)
	a, err := lock(r, fsys.Shared, 0)
	must(t, err)
	b, err := lock(r, fsys.Shared, 0)
	must(t, err)
	release(t, a)
	if _, err := lock(r, fsys.Exclusive, 0); err == nil {
		t.Error("exclusive beside shared")
	}
	release(t, b)
	l, err = lock(r, fsys.Exclusive, 0)
	must(t, err)
	release(t, l)
}

func TestLockIsCancelled(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	l, err := lock(r, fsys.Exclusive, 0)
	must(t, err)
	defer release(t, l)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	_, err = r.Lock(ctx, fsys.Exclusive, LockOptions{Wait: time.Hour})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
}

func TestLockFileFromOutside(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "home/"+t1+"/precious", "content")
	precious := filepath.Join(dir, "home", t1, "precious")
	mkdir(t, dir, ".phlb")
	r := openRoot(t, dir)
	must(t, os.Link(precious, filepath.Join(dir, ".phlb/lock")))
	if _, err := lock(r, fsys.Exclusive, 0); err == nil {
		t.Error("locked a hard link")
	}
	must(t, os.Remove(filepath.Join(dir, ".phlb/lock")))
	symlink(t, precious, dir, ".phlb/lock")
	if _, err := lock(r, fsys.Exclusive, 0); err == nil {
		t.Error("locked a symbolic link")
	}
	if _, err := lock(r, fsys.Shared, 0); err == nil {
		t.Error("locked a symbolic link")
	}
	if got := read(t, dir, "home/"+t1+"/precious"); got != "content" {
		t.Errorf("content is now %q", got)
	}
}

// TestHolderOfAnotherMachine: what a run that was killed on another machine has
// left is no lock where the kernel gives locks away for all machines. The other
// case takes FUSE: see .ci/remote.
func TestHolderOfAnotherMachine(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	write(t, dir, ".phlb/lock", `{"host":"other","pid":1,"start":"2026-01-02T03:04:05Z","command":"phlb apply"}`)
	l, err := lock(r, fsys.Exclusive, 0)
	must(t, err)
	must(t, l.Release())
	e := &LockedError{Root: "/b", Elsewhere: true, Holder: HolderInfo{Host: "other", PID: 7, Command: "phlb apply"}}
	for _, want := range []string{`"phlb apply" on host "other", process 7`, "do not reach other machines"} {
		if !strings.Contains(e.Error(), want) {
			t.Errorf("%q is missing in: %v", want, e)
		}
	}
}

func TestHolderCannotBeTrusted(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	for _, text := range []string{"", "no JSON", `{"pid":"x"}`, strings.Repeat("x", 1<<20), `{"command":"\u001b[2J"}`} {
		write(t, dir, ".phlb/lock", text)
		f, err := openRegular(r.dir, ".phlb/lock")
		must(t, err)
		if ok, err := f.TryLock(fsys.Exclusive); !ok || err != nil {
			t.Fatal(err)
		}
		_, err = lock(r, fsys.Exclusive, 0)
		var locked *LockedError
		if !errors.As(err, &locked) || strings.ContainsRune(err.Error(), 0x1b) {
			t.Errorf("%.20q: %v", text, err)
		}
		must(t, f.Close())
	}
}

func TestLockOnAFullDisk(t *testing.T) {
	dir := t.TempDir()
	full := fsys.WithFaults(func(op fsys.Op, _ string) error {
		if op == fsys.OpWrite {
			return errors.New("no space left")
		}
		return nil
	})
	l, err := lock(openRoot(t, dir, full), fsys.Exclusive, 0)
	must(t, err)
	defer release(t, l)
	if _, err := lock(openRoot(t, dir), fsys.Exclusive, 0); err == nil {
		t.Error("not locked")
	}
}

// TestNoLocks: that a file system has no locks is not taken for another
// holder. A closed file stands for it.
func TestNoLocks(t *testing.T) {
	r := openRoot(t, t.TempDir())
	f, err := r.createLock()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.acquire(t.Context(), f, fsys.Exclusive, LockOptions{Wait: time.Minute}); !errors.Is(err, ErrLocking) {
		t.Errorf("got %v", err)
	}
}
