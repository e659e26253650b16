package execute_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/execute"
	"phlb/plan"
)

// tmpfs mounts a small file system at the place of the world's root.
func (w *world) tmpfs(options string) {
	needRoot(w.t)
	if err := unix.Mount("tmpfs", w.root, "tmpfs", 0, options); err != nil {
		w.t.Skipf("cannot mount: %v", err)
	}
	w.t.Cleanup(func() { _ = unix.Unmount(w.root, unix.MNT_DETACH) })
}

func TestSpaceCheckedAgain(t *testing.T) {
	w := newWorld(t)
	w.tmpfs("size=4m,mode=700")
	w.write("f", big("f", 1<<20))
	p := w.planned()
	fill := filepath.Join(w.root, "fill")
	w.ok(os.WriteFile(fill, make([]byte, 3500<<10), 0o600))
	w.refused(w.save(&p.Document), execute.ErrGuard, "space")

	over := p.Document
	over.Overrides = []string{"space"}
	if _, err := w.try(w.save(&over)); err == nil {
		t.Error("a megabyte fitted into half of one")
	}
	same(t, "snapshots", len(w.snapshots()), 0)

	// The interrupted run's staging counts for what is needed.
	w.ok(os.Truncate(fill, 2700<<10))
	rep := w.apply(w.save(&p.Document))
	w.whole(rep)
}

func TestInodesCheckedAgain(t *testing.T) {
	w := newWorld(t)
	w.tmpfs("size=4m,nr_inodes=100,mode=700")
	w.write("f", "x")
	f := w.plan()
	for i := range 90 {
		w.ok(os.WriteFile(filepath.Join(w.root, fmt.Sprint(i)), nil, 0o600))
	}
	w.refused(f, execute.ErrGuard, "inodes")
}

func TestMinFreeCheckedAgain(t *testing.T) {
	w := newWorld(t)
	w.tmpfs("size=4m,mode=700")
	w.write("f", "x")
	p := w.planned()
	p.Sources[0].Guards = append(p.Sources[0].Guards, plan.Guard{Name: "min_free", Limit: int64(3 << 20), Status: plan.GuardPassed})
	w.ok(os.WriteFile(filepath.Join(w.root, "fill"), make([]byte, 2<<20), 0o600))
	w.refused(w.save(&p.Document), execute.ErrGuard, "min_free")
}

// TestDiskFills runs out of space for real, and goes on when there is some.
func TestDiskFills(t *testing.T) {
	w := newWorld(t)
	w.tmpfs("size=2m,mode=700")
	for i := range 40 {
		w.write(fmt.Sprintf("d%d/f", i), big(fmt.Sprint(i), 100_000))
	}
	f := w.plan(func(o *plan.Options) { o.Overrides = []string{"space"} })
	if _, err := w.try(f); err == nil {
		t.Fatal("4 MB fitted into 2")
	}
	same(t, "snapshots", len(w.snapshots()), 0)
	w.ok(unix.Mount("tmpfs", w.root, "tmpfs", unix.MS_REMOUNT, "size=16m,mode=700"))
	rep := w.apply(f)
	if rep.TakenOver.Files == 0 {
		t.Error("nothing was taken over")
	}
	w.whole(rep)
	w.settled()
	w.lookupsSound(true)
}

// BenchmarkManyFiles applies a plan of 200,000 empty files in memory, and
// tells the largest heap seen on the way: it must stay below some 150 MiB.
func BenchmarkManyFiles(b *testing.B) {
	const dirs, files = 200, 1000
	top, err := os.MkdirTemp("/dev/shm", "phlb-bench-")
	if err != nil {
		b.Skip(err)
	}
	defer os.RemoveAll(top)
	src := filepath.Join(top, "src")
	for d := range dirs {
		dir := filepath.Join(src, fmt.Sprint("d", d))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		for f := range files {
			fd, err := unix.Open(filepath.Join(dir, fmt.Sprint("file", f)), unix.O_CREAT, 0o644)
			if err != nil {
				b.Fatal(err)
			}
			unix.Close(fd)
		}
	}
	peak := uint64(0)
	for i := range b.N {
		f := benchPlan(b, src, filepath.Join(top, fmt.Sprint("root", i)), dirs, files)
		stop, done := make(chan struct{}), make(chan struct{})
		runtime.GC()
		go func() {
			defer close(done)
			for {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
				select {
				case <-stop:
					return
				case <-time.After(20 * time.Millisecond):
				}
			}
		}()
		_, err := execute.Apply(b.Context(), f, execute.Options{Workers: 2, Now: time.Now, NewID: func() string { return "bench" }})
		close(stop)
		<-done
		f.Close()
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(peak)/(1<<20), "MiB-heap")
}

func benchPlan(b *testing.B, src, root string, dirs, files int) *os.File {
	b.Helper()
	d := plan.Document{Header: plan.Header{
		PlanID: "bench", CreatedAt: time.Now(), Applyable: true, Destination: plan.Destination{Path: root, Create: true},
	}}
	spool := plan.NewSpool()
	add := func(e plan.Entry) {
		e.Change = plan.ChangeNew
		if err := spool.Add(&e); err != nil {
			b.Fatal(err)
		}
	}
	add(plan.Entry{Action: plan.ActionMkdir, Path: ".", Mode: 0o755})
	for _, dir := range sorted(dirs, "d") {
		add(plan.Entry{Action: plan.ActionMkdir, Path: dir, Mode: 0o755})
		for _, name := range sorted(files, "file") {
			add(plan.Entry{Action: plan.ActionCopy, Path: dir + "/" + name, Mode: 0o644, Reason: "small file"})
		}
	}
	d.Sources = []plan.SourceDoc{{Source: plan.Source{Name: "src", Path: src, Snapshot: "src/2026-01-01-000000"}, Spool: spool}}
	f, err := os.CreateTemp(b.TempDir(), "plan")
	if err != nil {
		b.Fatal(err)
	}
	if err := d.Write(f); err != nil {
		b.Fatal(err)
	}
	return f
}

// sorted returns n numbered names in byte order.
func sorted(n int, prefix string) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprint(prefix, i)
	}
	slices.Sort(names)
	return names
}

// TestPruneOnAFullDisk: neither a byte nor an inode is free, and pruning is
// what helps.
func TestPruneOnAFullDisk(t *testing.T) {
	for _, options := range []string{"size=8m,mode=700", "size=8m,nr_inodes=200,mode=700"} {
		w := newWorld(t)
		w.tmpfs(options)
		ids := w.history(4)
		for i := 0; ; i++ {
			err := os.WriteFile(filepath.Join(w.root, fmt.Sprint("fill", i)), make([]byte, 4<<20), 0o600)
			if err != nil && i > 200 {
				break
			}
		}
		w.retain("keep_last: 2")
		rep := w.apply(w.plan(pruneOnly))
		same(t, "pruned", rep.Pruned, ids[:2])
		w.gone(ids[:2]...)
		same(t, "snapshots", w.snapshots(), ids[2:])
		for p, o := range w.danglingLookups() {
			t.Errorf("%s: %s", p, o)
		}
	}
}
