package execute_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"phlb/execute"
	"phlb/internal/event"
	"phlb/internal/fsys"
)

// applyForKill is the process that the tests kill: it applies the plan in a
// directory, tells of every file it makes, and stops for good at the event, or
// the writing call, whose number it is given; or later, when the journals vouch
// for more files than the other number.
func applyForKill(dir string) {
	f, err := os.Open(filepath.Join(dir, "plan.json"))
	if err != nil {
		panic(err)
	}
	var at, more int
	fmt.Sscan(os.Getenv("PHLB_TEST_AT"), &at, &more)
	stop := func(n int) {
		stopped := n == at
		if n >= at && more >= 0 {
			time.Sleep(20 * time.Millisecond) // for a checkpoint to be done
			stopped = len(vouchedIn(filepath.Join(dir, "root"))) > more
		}
		if stopped {
			fmt.Println("here")
			select {}
		}
	}
	events, writes := stop, func(int) {}
	if os.Getenv("PHLB_TEST_WRITES") != "" {
		events, writes = writes, stop
	}
	var written atomic.Int64
	_, err = execute.Apply(context.Background(), f, execute.Options{
		Workers: 2, NewID: func() string { return "killed" }, Now: func() time.Time { return time.Now().Add(time.Hour) },
		CheckpointEvery: time.Nanosecond,
		Faults: func(op fsys.Op, name string) error {
			if op == fsys.OpCreate {
				fmt.Fprintln(os.Stderr, name)
			}
			writes(int(written.Add(1)))
			return nil
		},
		Events: &hook{f: func(n int, _ event.Event) { events(n) }},
	})
	fmt.Println("end", err)
}

// killAt applies the plan in another process, kills it at an event, and
// returns the names of the files that it made. settle is called before. With
// PHLB_TEST_WRITES=1 in the environment it is a writing call, not an event.
func (w *world) killAt(f *os.File, event, more int, settle func(), env ...string) (made []string) {
	w.t.Helper()
	link := filepath.Join(w.dir, "plan.json")
	_ = os.Remove(link)
	w.ok(os.Link(f.Name(), link))
	exe, err := os.Executable()
	w.ok(err)
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "PHLB_TEST_APPLY="+w.dir, fmt.Sprintf("PHLB_TEST_AT=%d %d", event, more))
	cmd.Env = append(cmd.Env, env...)
	var names bytes.Buffer
	cmd.Stderr = &names
	out, err := cmd.StdoutPipe()
	w.ok(err)
	w.ok(cmd.Start())
	line := make([]byte, 100)
	n, _ := out.Read(line)
	if string(line[:n]) != "here\n" {
		w.t.Errorf("got %q", line[:n])
	}
	settle()
	w.ok(cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	return strings.Fields(names.String())
}

func TestKill(t *testing.T) {
	for _, at := range []int{1, 8, 20, 37} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			w := newWorld(t)
			w.tree(5, 8)
			f := w.plan()
			w.killAt(f, at, -1, func() {
				if at > 20 {
					w.waitForJournal()
				}
			})
			same(t, "snapshots", len(w.snapshots()), 0)
			rep := w.apply(f)
			w.whole(rep)
			w.settled()
			w.lookupsSound(true)
			if at > 20 && rep.TakenOver.Files == 0 {
				t.Error("nothing was taken over")
			}
		})
	}
}

// spread makes n files with names of their own in some directories.
func (w *world) spread(n int) {
	for i := range n {
		w.write(fmt.Sprintf("d%d/file%d", i%8, i), big(fmt.Sprint(i), 2000+i))
	}
}

// copied counts files by name as they are made.
func copied(count map[string]int) func(*execute.Options) {
	tr := &trace{on: func(op fsys.Op, name string, _ int) {
		if op == fsys.OpCreate && strings.HasPrefix(name, "file") {
			count[name]++
		}
	}}
	return tr.inject
}

// TestKilledFiveTimes: a first backup is killed five times on its way. What
// the journal vouches for is never copied again, and all of it is taken over.
func TestKilledFiveTimes(t *testing.T) {
	const files = 240
	w := newWorld(t)
	w.spread(files)
	f := w.plan()
	vouched, all := map[string]bool{}, map[string]int{}
	never := func(made []string) {
		t.Helper()
		for _, name := range made {
			if strings.HasPrefix(name, "file") {
				all[name]++
			}
			if vouched[name] {
				t.Errorf("%s was vouched for and is copied again", name)
			}
		}
	}
	for range 5 {
		before := len(vouched)
		never(w.killAt(f, before+20, before, w.waitForQuiet))
		same(t, "snapshots", len(w.snapshots()), 0)
		maps.Copy(vouched, vouchedIn(w.root))
		if len(vouched) <= before {
			t.Fatalf("no progress: %d files are vouched for, as before", before)
		}
	}
	last := map[string]int{}
	rep := w.apply(f, copied(last))
	never(slices.Collect(maps.Keys(last)))
	same(t, "files copied in the last run", len(last), files-len(vouched))
	same(t, "taken over", rep.TakenOver.Files, int64(len(vouched)))
	same(t, "files that were copied", len(all), files)
	w.whole(rep)
	w.settled()
	w.lookupsSound(true)
}

// TestStoppedFiveTimes: who stops a run with a signal loses nothing but the
// files that the workers had in their hands: every other is copied once.
func TestStoppedFiveTimes(t *testing.T) {
	const files, stops = 240, 5
	w := newWorld(t)
	w.spread(files)
	f := w.plan()
	count := map[string]int{}
	for i := range stops {
		if err := w.cancelAfter(f, 40*(i+1), copied(count)); err == nil {
			t.Fatal("not interrupted")
		}
	}
	rep := w.apply(f, copied(count))
	again := 0
	for _, n := range count {
		again += n - 1
	}
	same(t, "files that were copied", len(count), files)
	if workers := w.options().Workers; again > stops*workers {
		t.Errorf("%d copies were made twice, of %d that were under way", again, stops*workers)
	}
	if rep.TakenOver.Files < files/3 {
		t.Errorf("only %d were taken over", rep.TakenOver.Files)
	}
	w.whole(rep)
	w.settled()
	w.lookupsSound(true)
}

// vouchedIn reads all journals of the source "home": the names of files.
func vouchedIn(root string) map[string]bool {
	names := map[string]bool{}
	journals, _ := filepath.Glob(filepath.Join(root, ".phlb/staging/home/journal*"))
	for _, j := range journals {
		for _, path := range journalPaths(j) {
			names[filepath.Base(path)] = true
		}
	}
	return names
}

// waitForQuiet waits until no checkpoint is under way any more.
func (w *world) waitForQuiet() {
	w.t.Helper()
	w.waitForJournal()
	for last, since := -1, 0; since < 5; time.Sleep(30 * time.Millisecond) {
		if n := len(vouchedIn(w.root)); n != last {
			last, since = n, 0
		}
		since++
	}
}

// waitForJournal waits for the checkpoint that is under way.
func (w *world) waitForJournal() {
	w.t.Helper()
	for range 600 {
		if look(filepath.Join(w.root, ".phlb/staging/home/journal")).Size > 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	w.t.Error("no checkpoint was made")
}
