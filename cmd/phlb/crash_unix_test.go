//go:build unix

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// crash is a command that is killed at random moments. To have another one
// killed, add it to crashes.
type crash struct {
	name    string
	prepare func(*crashWorld) // gives the command something to do
	args    func(*crashWorld) []string
	killed  func(*crashWorld) // what must hold after a kill, beside what always must
	done    func(*crashWorld) // the same, once the command has ended well
	codes   []int             // what it may end with when it is run again
}

var crashes = []crash{
	{
		name:    "plan",
		prepare: (*crashWorld).change,
		args:    func(w *crashWorld) []string { return []string{"plan", w.manifest, "-o", w.plan} },
		killed:  (*crashWorld).planIsWholeOrOld,
		done:    func(w *crashWorld) { w.phlb(0, "show", w.plan) },
	},
	{
		name: "apply",
		prepare: func(w *crashWorld) {
			w.change()
			w.phlb(0, "plan", w.manifest, "-o", w.plan)
		},
		args:   func(w *crashWorld) []string { return []string{"apply", w.plan} },
		killed: (*crashWorld).newestIsSource,
		done: func(w *crashWorld) {
			w.phlb(0, "compare", w.source, w.root)
			w.phlb(5, "apply", w.plan) // it is applied already
			w.settled()
		},
		codes: []int{5}, // only the news that it was done was lost
	},
	{
		name: "backup",
		prepare: func(w *crashWorld) {
			w.change()
		},
		args:   func(w *crashWorld) []string { return []string{"backup", w.source, w.root} },
		killed: func(*crashWorld) {},
		done: func(w *crashWorld) {
			w.phlb(0, "compare", w.source, w.root)
			w.settled()
		},
	},
	{
		name: "rebuild",
		prepare: func(w *crashWorld) {
			if len(w.snapshots()) == 0 {
				w.phlb(0, "backup", w.source, w.root)
			}
			for _, cache := range []string{"hash-lookup", "size-lookup", "catalog"} {
				w.ok(os.RemoveAll(filepath.Join(w.root, ".phlb", cache)))
			}
		},
		args:   func(w *crashWorld) []string { return []string{"rebuild", w.root} },
		killed: func(*crashWorld) {},
		done:   func(w *crashWorld) { w.everythingIsLookedUp() },
	},
	{
		name:    "prune",
		prepare: (*crashWorld).planPruning,
		args:    func(w *crashWorld) []string { return []string{"apply", w.plan} },
		killed:  func(*crashWorld) {},
		done: func(w *crashWorld) {
			w.phlb(0, "backup", w.source, w.root) // finishes what is in the trash
			for snap := range w.doomed {
				if w.exists(snap) {
					w.t.Errorf("%s was to be pruned and is there", snap)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(w.root, ".phlb/trash/*")); len(left) > 0 {
				w.t.Errorf("left in the trash: %v", left)
			}
			w.settled()
		},
		codes: []int{5}, // all that it names is gone already
	},
}

// TestCrashes kills commands at random moments, one after the other in one
// backup root. PHLB_CRASHES says how often, PHLB_SEED with which numbers.
func TestCrashes(t *testing.T) {
	times, seed := 24, uint64(time.Now().UnixNano())
	if testing.Short() {
		times = 6
	}
	for name, number := range map[string]func(string) error{
		"PHLB_CRASHES": func(s string) (err error) { times, err = strconv.Atoi(s); return err },
		"PHLB_SEED":    func(s string) (err error) { seed, err = strconv.ParseUint(s, 10, 64); return err },
	} {
		if text := os.Getenv(name); text != "" {
			if err := number(text); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	t.Logf("PHLB_SEED=%d", seed)
	w := newCrashWorld(t, seed)
	for i := range times {
		w.round(i, &crashes[w.rand.IntN(len(crashes))])
		if t.Failed() {
			t.Fatalf("in round %d", i)
		}
	}
	t.Logf("killed on the way: %v", w.killed)
}

type crashWorld struct {
	t                 *testing.T
	rand              *rand.Rand
	dir, source, root string
	manifest, plan    string
	took              map[string]time.Duration // by each command, when it was not killed
	killed            map[string]int           // how often each was on its way when it was killed
	planBefore        string
	published         map[string]string
	doomed            map[string]bool // snapshots that the command at hand may remove
}

func newCrashWorld(t *testing.T, seed uint64) *crashWorld {
	dir := crashDir(t)
	w := &crashWorld{
		t: t, rand: rand.New(rand.NewPCG(seed, 1)), dir: dir, //nolint:gosec // a test
		source: filepath.Join(dir, "src"), root: filepath.Join(dir, "root"),
		manifest: filepath.Join(dir, "m.yaml"), plan: filepath.Join(dir, "plan.json"),
		took: map[string]time.Duration{}, killed: map[string]int{},
	}
	w.ok(os.Mkdir(w.root, 0o700))
	for i := range 60 {
		w.write(i)
	}
	text := "version: 1\ndestination: root\nsources: [{path: src}]\n"
	w.ok(os.WriteFile(w.manifest, []byte(text), 0o600))
	return w
}

// crashDir prefers memory: killed processes lose nothing that was written, and
// syncs on a busy disk take long.
func crashDir(t *testing.T) string {
	t.Helper()
	if os.Getenv("TMPDIR") == "" {
		if dir, err := os.MkdirTemp("/dev/shm", "phlb-crash-"); err == nil {
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			return dir
		}
	}
	return t.TempDir()
}

func (w *crashWorld) ok(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *crashWorld) write(i int) {
	w.t.Helper()
	path := filepath.Join(w.source, fmt.Sprintf("d%d/f%d", i%7, i))
	w.ok(os.MkdirAll(filepath.Dir(path), 0o755))
	text := strings.Repeat(strconv.FormatUint(w.rand.Uint64(), 36)+"\n", 10+w.rand.IntN(3000))
	w.ok(os.WriteFile(path, []byte(text), 0o644))
}

// change alters some of the source and makes room: people delete snapshots.
func (w *crashWorld) change() {
	w.t.Helper()
	for range 12 {
		w.write(w.rand.IntN(80))
	}
	_ = os.Remove(filepath.Join(w.source, fmt.Sprintf("d%d/f%d", 1, 1+7*w.rand.IntN(8))))
	if all := w.snapshots(); len(all) > 4 {
		w.ok(os.RemoveAll(all[0]))
	}
}

func (w *crashWorld) snapshots() []string {
	w.t.Helper()
	found, err := filepath.Glob(filepath.Join(w.root, "src/????-??-??-??????"))
	w.ok(err)
	slices.Sort(found)
	return found
}

// planPruning plans to keep two snapshots of at least four.
func (w *crashWorld) planPruning() {
	w.t.Helper()
	for ok := true; ok; ok = len(w.snapshots()) < 4 {
		w.change()
		w.phlb(0, "backup", w.source, w.root)
	}
	manifest := filepath.Join(w.dir, "prune.yaml")
	text := "version: 1\ndestination: root\nsources: [{path: src, retention: {keep_last: 2}}]\n"
	w.ok(os.WriteFile(manifest, []byte(text), 0o600))
	w.phlb(0, "plan", "--prune-only", manifest, "-o", w.plan)
	all := w.snapshots()
	for _, snap := range all[:len(all)-2] {
		w.doomed[snap] = true
	}
}

func (w *crashWorld) exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// isPruned reports whether a path was in a snapshot that was to go and is gone
// as a whole.
func (w *crashWorld) isPruned(path string) bool {
	for snap := range w.doomed {
		if (path == snap || strings.HasPrefix(path, snap+"/")) && !w.exists(snap) {
			return true
		}
	}
	return false
}

// phlb runs a command to its end, which must have one of the codes.
func (w *crashWorld) phlb(code int, args ...string) {
	w.t.Helper()
	w.run([]int{code}, args...)
}

func (w *crashWorld) run(codes []int, args ...string) (code int) {
	w.t.Helper()
	out, err := exec.Command(program(w.t), args...).CombinedOutput()
	if code = exitCodeOf(w.t, err); !slices.Contains(codes, code) {
		w.t.Fatalf("phlb %s: exit code %d, want %v\n%s", strings.Join(args, " "), code, codes, out)
	}
	return code
}

// round kills one command, up to three times in a row, and lets it end then.
func (w *crashWorld) round(n int, c *crash) {
	w.t.Helper()
	w.doomed = map[string]bool{}
	c.prepare(w)
	args := append(c.args(w), "--workers", strconv.Itoa(1+w.rand.IntN(3)))
	w.planBefore = w.read(w.plan)
	w.published = w.list()
	for range 1 + w.rand.IntN(3) {
		if !w.kill(c, args) {
			break
		}
		w.sound(n, c)
		c.killed(w)
	}
	began := time.Now()
	code := w.run(append([]int{0}, c.codes...), args...)
	if took := time.Since(began); code == 0 {
		w.took[c.name] = max(took, w.took[c.name]/2)
	}
	w.sound(n, c)
	c.done(w)
}

// kill starts a command and kills it at some moment; false: it was done.
func (w *crashWorld) kill(c *crash, args []string) bool {
	w.t.Helper()
	likely := max(w.took[c.name], 20*time.Millisecond)
	cmd := exec.Command(program(w.t), args...)
	w.ok(cmd.Start())
	time.Sleep(time.Duration(w.rand.Int64N(int64(likely * 11 / 10))))
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return false
	}
	w.killed[c.name]++
	return true
}

// sound checks what must hold at any moment: what was published is untouched,
// everything published is whole, and no lookup entry lies.
func (w *crashWorld) sound(n int, c *crash) {
	w.t.Helper()
	now := w.list()
	for path, was := range w.published {
		if now[path] != was && !w.isPruned(path) {
			w.t.Errorf("round %d, %s: published %s was\n%s, is\n%s", n, c.name, path, was, now[path])
		}
	}
	if _, err := os.Lstat(filepath.Join(w.root, ".phlb")); err == nil {
		w.phlb(0, "verify", w.root)
	}
	for sum, target := range w.lookups() {
		if got := hashOf(filepath.Join(w.root, target)); got != sum {
			w.t.Errorf("round %d, %s: the lookup of %s leads to %q, whose hash is %q", n, c.name, sum, target, got)
		}
	}
}

// list tells of every published path what must never change.
func (w *crashWorld) list() map[string]string {
	w.t.Helper()
	all := map[string]string{}
	for _, snap := range w.snapshots() {
		w.ok(filepath.WalkDir(snap, func(path string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := os.Lstat(path)
			if err != nil {
				return err
			}
			st, _ := info.Sys().(*syscall.Stat_t)
			all[path] = fmt.Sprintf("%v %d %v inode %d %s", info.Mode(), info.Size(), info.ModTime(), st.Ino, hashOf(path))
			return nil
		}))
	}
	return all
}

func hashOf(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// lookups reads the hash lookup; halves of entries, which have other names,
// are not part of it.
func (w *crashWorld) lookups() map[string]string {
	w.t.Helper()
	entries, err := filepath.Glob(filepath.Join(w.root, ".phlb/hash-lookup/??/??/*"))
	w.ok(err)
	all := map[string]string{}
	for _, e := range entries {
		if target := w.read(e); len(filepath.Base(e)) == 64 && w.isThere(target) {
			all[filepath.Base(e)] = target
		}
	}
	return all
}

// isThere is false for entries of snapshots that people deleted, and for an
// entry that a kill left empty: both are as good as none.
func (w *crashWorld) isThere(target string) bool {
	info, err := os.Lstat(filepath.Join(w.root, target))
	return target != "" && err == nil && info.Mode().IsRegular()
}

func (w *crashWorld) read(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return string(data)
}

func (w *crashWorld) planIsWholeOrOld() {
	w.t.Helper()
	if now := w.read(w.plan); now != w.planBefore {
		w.phlb(0, "show", w.plan)
	}
}

// newestIsSource: if the killed run has published, then all of the source.
func (w *crashWorld) newestIsSource() {
	w.t.Helper()
	before := map[string]bool{}
	for path := range w.published {
		before[path] = true
	}
	all := w.snapshots()
	if len(all) > 0 && !before[all[len(all)-1]] {
		w.phlb(0, "compare", w.source, w.root)
	}
}

// settled: nothing of any interrupted run is left behind.
func (w *crashWorld) settled() {
	w.t.Helper()
	left, err := os.ReadDir(filepath.Join(w.root, ".phlb/staging"))
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	for _, e := range left {
		if !strings.HasPrefix(e.Name(), ".run-") { // of plans that were never finished
			w.t.Errorf("left in staging: %s", e.Name())
		}
	}
}

func (w *crashWorld) everythingIsLookedUp() {
	w.t.Helper()
	known := slices.Collect(maps.Keys(w.lookups()))
	slices.Sort(known)
	for path := range w.list() {
		info, err := os.Lstat(path)
		w.ok(err)
		if !info.Mode().IsRegular() || info.Size() < 1000 || filepath.Base(path) == "SHA256SUMS" {
			continue
		}
		if _, ok := slices.BinarySearch(known, hashOf(path)); !ok {
			w.t.Errorf("%s is in no lookup", path)
		}
	}
}
