package repair_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/internal/fsys"
)

// hurt is a root with all that repair deals with: a damaged inode with several
// names, some of them in directories that their owner may not write, a small
// file, a missing one with several names, and one that becomes a link again.
type hurt struct {
	*world
	before map[string]object
	moved  map[string]bool
}

func newHurt(t testing.TB) *hurt {
	w := newWorld(t)
	p := w.write("ro/a", big("a", 5000))
	w.ok(os.Link(p, filepath.Join(w.src, "ro/b")))
	w.ok(os.Mkdir(filepath.Join(w.src, "z"), 0o755))
	w.ok(os.Link(p, filepath.Join(w.src, "z/c")))
	w.ok(unix.Setxattr(p, "user.x", []byte("y"), 0))
	w.ok(os.Chmod(p, 0o440))
	w.write("d/gone", big("gone", 3000))
	w.write("d/linked", big("linked", 2000))
	w.write("d/small", "small")
	w.ok(os.Chtimes(filepath.Join(w.src, "ro"), old, old))
	w.ok(os.Chmod(filepath.Join(w.src, "ro"), 0o555))
	h := &hurt{world: w, moved: map[string]bool{}}
	ids := []string{w.backup(), w.backup()}
	h.before = w.list()
	w.flip(w.at(ids[0], "ro/a"))
	w.flip(w.at(ids[1], "d/small"))
	for _, gone := range []string{ids[0] + "/d/gone", ids[1] + "/d/gone", ids[0] + "/d/linked"} {
		w.ok(os.Remove(w.at(gone)))
		w.touch(filepath.Dir(w.at(gone)), h.before[filepath.Dir(gone)])
	}
	h.moved[ids[1]+"/d/small"] = true
	for _, id := range ids {
		for _, p := range []string{"ro/a", "ro/b", "z/c", "d/gone"} {
			h.moved[id+"/"+p] = true
		}
	}
	return h
}

// neverHalf checks that every name there is holds one of the contents that it
// may hold, and that nothing strange lies in the snapshots.
func (h *hurt) neverHalf(damaged map[string]object) {
	h.t.Helper()
	now := h.list()
	for p, o := range now {
		was, there := h.before[p]
		if !there {
			h.t.Errorf("%s is new", p)
		}
		if o.Content != was.Content && o.Content != damaged[p].Content {
			h.t.Errorf("%s holds what it never held", p)
		}
	}
	for p := range damaged {
		if _, there := now[p]; !there {
			h.t.Errorf("%s is missing", p)
		}
	}
}

// finishes checks that the next run repairs all that is left, and that all is
// then as it was.
func (h *hurt) finishes() {
	h.t.Helper()
	r := h.repair(from(h.world, h.src))
	if r.IsDamaged() {
		h.t.Errorf("remaining: %q", remaining(r))
	}
	h.asBefore(h.before, h.moved)
	h.clean()
	h.settled()
}

func TestEveryWritingCallFailsOnce(t *testing.T) {
	count := countCalls(t)
	step, errnos := 1, []syscall.Errno{unix.EIO, unix.ENOSPC}
	if testing.Short() {
		step, errnos = 17, errnos[:1]
	}
	for n := 1; n <= count; n += step {
		for _, errno := range errnos {
			h := newHurt(t)
			damaged := h.list()
			var what string
			calls := 0
			_, err := h.try(func(op fsys.Op, name string) error {
				if calls++; calls == n {
					what = fmt.Sprintf("%d: %s %s: %v", n, op, name, errno)
					return errno
				}
				return nil
			}, from(h.world, h.src))
			if err == nil {
				t.Errorf("%s: no error", what)
			}
			h.neverHalf(damaged)
			h.finishes()
			h.remove()
			if t.Failed() {
				t.Fatal(what)
			}
		}
	}
}

// countCalls returns how many writing calls a repair makes.
func countCalls(t *testing.T) int {
	h := newHurt(t)
	count := 0
	_, err := h.try(func(fsys.Op, string) error { count++; return nil }, from(h.world, h.src))
	h.ok(err)
	h.asBefore(h.before, h.moved)
	if count < 50 {
		t.Errorf("only %d writing calls", count)
	}
	return count
}

// repairForKill is a process that stops for good before a writing call.
func repairForKill(dir string) {
	at, err := strconv.Atoi(os.Getenv("PHLB_TEST_AT"))
	if err != nil {
		panic(err)
	}
	w := worldIn(panics{}, dir)
	calls := 0
	var mu sync.Mutex
	_, err = w.try(func(fsys.Op, string) error {
		mu.Lock()
		defer mu.Unlock()
		if calls++; calls == at {
			fmt.Println("here")
			time.Sleep(time.Hour)
		}
		return nil
	}, from(w, w.src))
	fmt.Println("end", err)
}

// panics stands in for a test in another process.
type panics struct{}

func (panics) Helper()                           {}
func (panics) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (panics) Errorf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

func TestKill(t *testing.T) {
	count := countCalls(t)
	step := 3
	if testing.Short() {
		step = 29
	}
	for at := 2; at <= count; at += step {
		h := newHurt(t)
		damaged := h.list()
		h.kill(at)
		h.neverHalf(damaged)
		h.finishes()
		h.remove()
		if t.Failed() {
			t.Fatalf("killed before writing call %d", at)
		}
	}
}

// TestKillAgainAndAgain kills each run a little later than the last one.
func TestKillAgainAndAgain(t *testing.T) {
	h := newHurt(t)
	damaged := h.list()
	for at := 5; at < 40; at += 5 {
		if !h.kill(at) {
			break
		}
		h.neverHalf(damaged)
	}
	h.finishes()
}

// TestForgedJournal has a journal that tells to put other content, or another
// inode, in the place of what is good.
func TestForgedJournal(t *testing.T) {
	w := newWorld(t)
	w.write("a", big("a", 5000))
	snap := w.backup()
	before := w.list()
	for name, form := range map[string]string{
		"no JSON": "{%.0d%.0s%.0s%.0d",
		"other content": `{"format":"phlb-repair-journal","format_version":"1.0","new_inode":%d,"repair":{"sha256":"%s"},` +
			`"links":[{"path":"%s/a","ino":%d}]}`,
	} {
		w.ok(os.MkdirAll(w.at(".phlb/staging/.repair"), 0o700))
		planted := w.at(".phlb/staging/.repair/new")
		w.ok(os.WriteFile(planted, []byte(big("bad", 5000)), 0o600))
		is := before[snap+"/a"]
		text := fmt.Sprintf(form, w.look(planted).Ino, is.Content, snap, is.Ino)
		w.ok(os.WriteFile(w.at(".phlb/staging/.repair/journal.json"), []byte(text), 0o600))
		r := w.repair()
		same(t, name, paths(r), []string{})
		w.asBefore(before, nil)
		w.settled()
	}
}

// kill lets another process repair and kills it before a writing call; false:
// it made fewer.
func (h *hurt) kill(at int) bool {
	h.t.Helper()
	exe, err := os.Executable()
	h.ok(err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "PHLB_TEST_REPAIR="+h.dir, fmt.Sprintf("PHLB_TEST_AT=%d", at))
	out, err := cmd.StdoutPipe()
	h.ok(err)
	h.ok(cmd.Start())
	line := make([]byte, 1000)
	n, _ := out.Read(line)
	h.ok(cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	return string(line[:n]) == "here\n"
}
