package execute_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/execute"
	"phlb/internal/event"
	"phlb/internal/fsys"
)

// No test can pull the plug. What can be seen is the order of the writing
// calls: whatever vouches for something comes after the call that made it
// durable.

// trace notes every writing call, in order, before it is made.
type trace struct {
	mu    sync.Mutex
	calls []string
	last  map[string]int // of each name: the number of its last call
	on    func(op fsys.Op, name string, n int)
}

func (tr *trace) inject(o *execute.Options) {
	tr.last = map[string]int{}
	o.Faults = func(op fsys.Op, name string) error {
		tr.mu.Lock()
		defer tr.mu.Unlock()
		tr.calls = append(tr.calls, string(op)+" "+name)
		if op != fsys.OpSyncFS {
			tr.last[name] = len(tr.calls)
		}
		if tr.on != nil {
			tr.on(op, name, len(tr.calls))
		}
		return nil
	}
}

// find returns the place of the first call with this beginning, from a place
// on; -1: there is none.
func (tr *trace) find(from int, call string) int {
	if from < 0 {
		return -1
	}
	at := slices.IndexFunc(tr.calls[from:], func(c string) bool { return strings.HasPrefix(c, call) })
	if at < 0 {
		return -1
	}
	return from + at
}

// TestJournalVouchesForDurableDataOnly: whenever the journal is written, the
// data of every file that it names was synced after the file's last change.
func TestJournalVouchesForDurableDataOnly(t *testing.T) {
	w := newWorld(t)
	for i := range 120 {
		w.write(fmt.Sprintf("d%d/f%d", i%4, i), big(fmt.Sprint(i), 2000+i))
	}
	journal := filepath.Join(w.root, ".phlb/staging/home/journal")
	seen, checkpoints, synced := 0, 0, 0
	tr := &trace{}
	tr.on = func(op fsys.Op, name string, n int) {
		switch {
		case op == fsys.OpSyncFS:
			synced = n
		case op == fsys.OpSync && name == "journal": // what it is to keep is written
			checkpoints++
			for _, path := range journalPaths(journal)[seen:] {
				seen++
				if changed := tr.last[filepath.Base(path)]; changed == 0 || changed > synced {
					t.Errorf("%s: its last change was call %d, the last sync before the journal was written call %d", path, changed, synced)
				}
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	_, err := w.tryContext(ctx, w.plan(), tr.inject, eagerly,
		onEvent(func(n int, _ event.Event) {
			if n == 100 {
				cancel()
			}
		}))
	if err == nil || checkpoints < 1 || seen < 10 {
		t.Errorf("%d checkpoints with %d files, %v", checkpoints, seen, err)
	}
}

// eagerly makes a checkpoint whenever the last one is done.
func eagerly(o *execute.Options) {
	o.CheckpointEvery = 1
	o.Now = func() time.Time { return time.Now().Add(time.Hour) }
}

// journalPaths reads the paths in a journal; one that is not there has none.
func journalPaths(journal string) (paths []string) {
	data, _ := os.ReadFile(journal)
	for line := range strings.Lines(string(data)) {
		var e struct{ Path string }
		if json.Unmarshal([]byte(line), &e) == nil && e.Path != "" {
			paths = append(paths, e.Path)
		}
	}
	return paths
}

// TestNothingIsVouchedForWhenSyncFails: data that could not be made durable
// is in no journal, and is copied again.
func TestNothingIsVouchedForWhenSyncFails(t *testing.T) {
	w := newWorld(t)
	w.tree(3, 10)
	f := w.plan()
	_, err := w.try(f, (&failAt{op: fsys.OpSyncFS, errno: unix.EIO}).inject, eagerly)
	if fsys.ClassOf(err) != fsys.ClassIO {
		t.Fatalf("got %v", err)
	}
	if got := journalPaths(filepath.Join(w.root, ".phlb/staging/home/journal")); len(got) > 0 {
		t.Errorf("vouched for without being durable: %q", got)
	}
	rep := w.apply(f)
	same(t, "taken over", rep.TakenOver.Files, int64(0))
	w.whole(rep)
}

// TestOrderOfPublishing: the data is durable before the snapshot's name
// exists, the name is before a lookup tells of it, and lookups are before the
// plan counts as applied.
func TestOrderOfPublishing(t *testing.T) {
	w := newWorld(t)
	w.write("f", big("f", 5000))
	f := w.plan()
	tr := &trace{}
	rep := w.apply(f, tr.inject)
	sum := look(filepath.Join(w.snap(rep), "f")).Content
	at := 0
	for _, call := range []string{
		"write f", "syncfs", "rename catalog", "fsync", "rename tree", "fsync home", "create " + sum, "remove .run-",
	} {
		next := tr.find(at, call)
		if next < 0 {
			t.Fatalf("no %q after call %d of\n%s", call, at, strings.Join(tr.calls, "\n"))
		}
		at = next + 1
	}
	if tr.find(0, "create "+sum) < tr.find(0, "rename tree") {
		t.Error("a lookup told of what was not published")
	}
	// Nothing of the snapshot's content is touched once it is made durable.
	published := tr.find(0, "rename tree")
	for i := tr.find(0, "syncfs"); i < len(tr.calls); i++ {
		if name := strings.Fields(tr.calls[i])[1:]; len(name) == 1 && name[0] == "f" {
			t.Errorf("call %d of %d (published at %d): %s", i, len(tr.calls), published, tr.calls[i])
		}
	}
}
