package execute_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/execute"
	"phlb/internal/event"
)

// drifts are what can happen to the file "f" between plan and apply.
var drifts = map[string]struct {
	do   func(w *world, p string)
	list string // of the report

}{
	"size": {func(w *world, p string) { w.ok(os.WriteFile(p, []byte("longer than before"), 0o644)) }, "drifted"},
	"content": {func(w *world, p string) {
		w.ok(os.WriteFile(p, []byte(big("other", 2000)), 0o644))
		w.ok(os.Chtimes(p, old, old))
	}, "drifted"},
	"mtime": {func(w *world, p string) { w.ok(os.Chtimes(p, old, old.Add(1))) }, "drifted"},
	"mode":  {func(w *world, p string) { w.ok(os.Chmod(p, 0o600)) }, "drifted"},
	"xattr": {func(w *world, p string) {
		if err := unix.Setxattr(p, "user.a", []byte("b"), 0); err != nil {
			w.t.Skip(err)
		}
	}, "drifted"},
	"inode": {func(w *world, p string) {
		w.ok(os.WriteFile(p+".new", []byte(big("f", 2000)), 0o644))
		w.ok(os.Chtimes(p+".new", old, old))
		w.ok(os.Rename(p+".new", p))
	}, "drifted"},
	"vanished": {func(w *world, p string) { w.ok(os.Remove(p)) }, "vanished"},
	"symlink": {func(w *world, p string) {
		w.ok(os.Rename(p, p+".real"))
		w.ok(os.Symlink(p+".real", p))
	}, "failed"},
	"directory": {func(w *world, p string) { w.ok(os.Remove(p)); w.ok(os.Mkdir(p, 0o755)) }, "failed"},
	"fifo":      {func(w *world, p string) { w.ok(os.Remove(p)); w.ok(unix.Mkfifo(p, 0o644)) }, "failed"},
	"socket": {func(w *world, p string) {
		w.ok(os.Remove(p))
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		w.ok(err)
		defer unix.Close(fd)
		w.t.Chdir(filepath.Dir(p))
		w.ok(unix.Bind(fd, &unix.SockaddrUnix{Name: filepath.Base(p)}))
	}, "failed"},
	"directory above is gone": {func(w *world, p string) { w.ok(os.RemoveAll(filepath.Dir(p))) }, "vanished"},
	"directory above is a symlink": {func(w *world, p string) {
		d := filepath.Dir(p)
		w.ok(os.Rename(d, d+".x"))
		w.ok(os.Symlink(d+".x", d))
	}, "failed"},
}

func TestDrift(t *testing.T) {
	for name, d := range drifts {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("a", "other")
			p := w.write("d/f", big("f", 2000))
			f := w.plan()
			d.do(w, p)

			res, err := w.try(f, strict)
			if !errors.Is(err, execute.ErrDrift) {
				t.Errorf("strict: %v", err)
			}
			noted := res.Reports[0].Drifted
			if d.list == "vanished" {
				noted = res.Reports[0].Vanished
			}
			same(t, "noted by strict", len(noted), 1)
			same(t, "noted by strict in all", notedIn(res.Reports[0]), 1)
			same(t, "snapshots after strict", len(w.snapshots()), 0)

			rep := w.apply(f)
			got := map[string][]string{"drifted": paths(rep.Drifted), "vanished": paths(rep.Vanished), "failed": paths(rep.Failed)}
			want := map[string][]string{"drifted": nil, "vanished": nil, "failed": nil, d.list: {"d/f"}}
			same(t, "lists", got, want)
			same(t, "status", rep.Status == execute.StatusPartial, d.list == "failed")
			same(t, "incomplete", rep.Incomplete(), true)
			now, stored := look(p), look(filepath.Join(w.snap(rep), "d/f"))
			if d.list == "drifted" {
				same(t, "stored", []any{stored.Content, stored.Mode, stored.Mtime, stored.Xattrs}, []any{now.Content, now.Mode, now.Mtime, now.Xattrs})
			} else if !strings.Contains(stored.Kind, "no such") {
				t.Errorf("stored a %s", stored.Kind)
			}
			w.sums(w.snap(rep))
			w.lookupsSound(true)
			w.settled()
		})
	}
}

// notedIn counts the paths that did not become what was planned.
func notedIn(r *execute.Report) int { return len(r.Drifted) + len(r.Vanished) + len(r.Failed) }

// TestUnstableInodes: a source that has other inode numbers after each mount
// has not drifted for that, and what was staged of it serves. Attributes are
// still compared.
func TestUnstableInodes(t *testing.T) {
	w := newWorld(t)
	w.settings = "  change_detection: mtime\n"
	w.tree(2, 10)
	w.ok(os.Chmod(filepath.Join(w.src, "d0"), 0o755))
	again := func() { // the same, mounted again
		w.ok(filepath.WalkDir(w.src, func(path string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			content, err := os.ReadFile(path)
			w.ok(err)
			w.ok(os.WriteFile(path+".new", content, 0o644))
			w.ok(os.Chtimes(path+".new", old, old))
			return os.Rename(path+".new", path)
		}))
	}
	f := w.plan()
	again()
	if err := w.cancelAfter(f, 12); err == nil {
		t.Fatal("not interrupted")
	}
	staged := journaled(w)
	again()
	rep := w.apply(f, strict)
	same(t, "drifted", paths(rep.Drifted), []string(nil))
	if staged == 0 || rep.TakenOver.Files < int64(staged-1) {
		t.Errorf("taken over %d of %d", rep.TakenOver.Files, staged)
	}
	w.sums(w.snap(rep))

	w.write("d1/f3", big("new", 3000))
	f = w.plan()
	w.ok(os.Chmod(filepath.Join(w.src, "d1/f3"), 0o600))
	rep = w.apply(f)
	same(t, "drifted", paths(rep.Drifted), []string{"d1/f3"})
}

func TestStrictLooksAtLinksToo(t *testing.T) {
	tests := map[string]func(w *world){
		"file":              func(w *world) { w.write("f", big("x", 2000)) },
		"file gone":         func(w *world) { w.ok(os.Remove(filepath.Join(w.src, "f"))) },
		"file is a symlink": func(w *world) { p := filepath.Join(w.src, "f"); w.ok(os.Remove(p)); w.ok(os.Symlink("d", p)) },
		"symlink": func(w *world) {
			p := filepath.Join(w.src, "ln")
			w.ok(os.Remove(p))
			w.ok(os.Symlink("elsewhere", p))
		},
		"symlink gone":   func(w *world) { w.ok(os.Remove(filepath.Join(w.src, "ln"))) },
		"directory mode": func(w *world) { w.ok(os.Chmod(filepath.Join(w.src, "d"), 0o700)) },
		"directory gone": func(w *world) { w.ok(os.Remove(filepath.Join(w.src, "d"))) },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.write("f", big("f", 2000))
			w.ok(os.Symlink("f", filepath.Join(w.src, "ln")))
			w.ok(os.Mkdir(filepath.Join(w.src, "d"), 0o755))
			w.backup()
			f := w.plan()
			change(w)
			res, err := w.try(f, strict)
			if !errors.Is(err, execute.ErrDrift) {
				t.Errorf("got %v", err)
			}
			same(t, "noted as vanished", len(res.Reports[0].Vanished) > 0, strings.HasSuffix(name, "gone"))
			same(t, "noted", notedIn(res.Reports[0]) > 0, true)
			same(t, "snapshots", len(w.snapshots()), 1)
			// Without it the plan is the state that was approved.
			rep := w.apply(f)
			same(t, "incomplete", rep.Incomplete(), false)
			same(t, "linked", rep.Totals.Link.Files, int64(1))
		})
	}
}

func TestStrictWithoutDrift(t *testing.T) {
	w := sweepWorld(t)
	w.whole(w.apply(w.plan(), strict))
}

// TestChangesWhileRead changes a large file with each buffer that is read.
func TestChangesWhileRead(t *testing.T) {
	tests := map[string]struct {
		times  int // how often it is changed
		change func(w *world, p string, n int)
		torn   bool
	}{
		"once":      {1, func(w *world, p string, n int) { w.ok(os.Chtimes(p, old, old.Add(time.Duration(n)))) }, false},
		"always":    {1000, func(w *world, p string, n int) { w.ok(os.Chtimes(p, old, old.Add(time.Duration(n)))) }, true},
		"grows":     {1000, func(w *world, p string, n int) { appendTo(w, p, "more") }, true},
		"shrinks":   {1, func(w *world, p string, n int) { w.ok(os.Truncate(p, 300_000)) }, false},
		"rewritten": {1000, func(w *world, p string, n int) { w.ok(os.WriteFile(p, []byte(big(fmt.Sprint(n), 1_000_000)), 0o644)) }, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			p := w.write("f", big("f", 1_000_000))
			f := w.plan()
			n, reads := 0, int64(0)
			rep := w.apply(f, onEvent(func(_ int, e event.Event) {
				if e.Kind != event.Advance || e.Bytes == 0 {
					return
				}
				reads += e.Bytes
				if n < test.times {
					n++
					test.change(w, p, n)
				}
			}))
			same(t, "drifted", paths(rep.Drifted), []string{"f"})
			torn := len(rep.Drifted) == 1 && strings.Contains(rep.Drifted[0].Err, "3 times")
			same(t, "torn", torn, test.torn)
			if reads > 3_500_000 {
				t.Errorf("%d bytes were read", reads)
			}
			stored := look(filepath.Join(w.snap(rep), "f"))
			_, records, _ := w.catalog(*rep.Snapshot)
			same(t, "recorded", []any{records["f"].Size, records["f"].SHA256.String(), records["f"].Racy}, []any{stored.Size, stored.Content, test.torn})
			w.sums(w.snap(rep))
			w.lookupsSound(true)
			if !test.torn {
				w.whole(rep)
			}
		})
	}
}

func appendTo(w *world, p, text string) {
	w.t.Helper()
	f, err := os.OpenFile(p, os.O_WRONLY|os.O_APPEND, 0)
	w.ok(err)
	_, err = f.WriteString(text)
	w.ok(err)
	w.ok(f.Close())
}

func TestJustChangedFilesAreRacy(t *testing.T) {
	w := newWorld(t)
	w.write("f", "x")
	w.now = time.Now()
	f := w.plan()
	w.now = time.Now()
	rep := w.apply(f)
	_, records, _ := w.catalog(*rep.Snapshot)
	same(t, "racy", records["f"].Racy, true)
}

// TestOrdinaryUser runs these tests of the test binary as another user.
func TestOrdinaryUser(t *testing.T) {
	needRoot(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "phlb-user-")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(dir+"/tmp", 0o700), os.Chown(dir+"/tmp", 4711, 4711)); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(exe)
	if err == nil {
		err = os.WriteFile(dir+"/test", text, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(dir+"/test", "-test.run", "^(TestAsUser.*|TestFirstBackup.*|TestUnchanged.*|TestCancelAndResume|TestHardLinks.*)$", "-test.v")
	cmd.Dir = dir + "/tmp"
	cmd.Env = append(os.Environ(), "TMPDIR="+dir+"/tmp", "HOME="+dir+"/tmp")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 4711, Gid: 4711}}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestAsUserUnreadable") {
		t.Errorf("%v\n%s", err, out)
	}
}

func needUser(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		t.Skip("needs an ordinary user; TestOrdinaryUser runs it as one")
	}
}

func TestAsUserUnreadable(t *testing.T) {
	needUser(t)
	w := newWorld(t)
	w.write("ok", "x")
	p := w.write("d/secret", "y")
	f := w.plan()
	w.ok(os.Chmod(p, 0))
	rep := w.apply(f)
	same(t, "failed", rep.Failed, []execute.FileError{{Path: "d/secret", Err: "open: permission denied"}})
	same(t, "status", rep.Status, execute.StatusPartial)
	w.sums(w.snap(rep))

	rep = w.apply(w.plan())
	same(t, "foreseen", []any{rep.Unreadable, rep.Status, rep.Incomplete(), len(rep.Failed)}, []any{int64(1), execute.StatusPartial, true, 0})
}

// TestAsUserReadOnlyTop has a source whose directories, the top included, are
// read-only.
func TestAsUserReadOnlyTop(t *testing.T) {
	needUser(t)
	w := newWorld(t)
	w.write("d/e/f", big("f", 2000))
	for _, d := range []string{"d/e", "d", "."} {
		w.ok(os.Chmod(filepath.Join(w.src, d), 0o555))
	}
	w.backup()
	before := w.published()
	w.backup()
	w.immutable(before)
	w.settled()
	f := w.plan()
	if err := w.cancelAfter(f, 3); err == nil {
		t.Error("not interrupted")
	}
	w.whole(w.apply(f))
	w.settled()
}

// TestAsUserTargetUnreadable closes the parent's directory, which cannot be
// opened then, so that links into it must become copies.
func TestAsUserTargetUnreadable(t *testing.T) {
	needUser(t)
	w := newWorld(t)
	w.write("d/f", big("f", 2000))
	first := w.backup()
	f := w.plan()
	w.ok(os.Chmod(filepath.Join(w.snap(first), "d"), 0))
	rep := w.apply(f)
	same(t, "fallbacks", rep.LinkFallbacks, int64(1))
	w.whole(rep)
}

// TestAsUserOfAnother backs up what belongs to somebody else, which cannot be
// given away, and still links the second time.
func TestAsUserOfAnother(t *testing.T) {
	needUser(t)
	w := newWorld(t)
	w.src = "/etc/ssl"
	if _, err := os.Stat(w.src); err != nil {
		t.Skip(err)
	}
	first := w.apply(w.plan())
	if first.NotKept == 0 {
		t.Error("all owners were kept")
	}
	same(t, "diff", snapshotDiff(w.src, w.snap(first), false) == "" || first.Status == execute.StatusPartial, true)
	second := w.apply(w.plan())
	large := int64(0)
	for _, o := range list(w.snap(first)) {
		if o.Kind == "file" && o.Size >= 1000 {
			large++
		}
	}
	if second.Totals.Link.Files == 0 && large > 1 || second.LinkFallbacks > 0 {
		t.Errorf("%d links, %d fallbacks, %d large files", second.Totals.Link.Files, second.LinkFallbacks, large)
	}
}
