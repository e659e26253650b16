package execute_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/execute"
	"phlb/internal/catalog"
	"phlb/internal/meta"
	"phlb/plan"
)

func TestFirstBackupIsTheSource(t *testing.T) {
	w := newWorld(t)
	w.write("a.txt", "small")
	w.write("docs/big.bin", big("a", 300_000))
	w.write("docs/twin.bin", big("a", 300_000))
	w.write("docs/deep/er/empty", "")
	w.write("exec", "#!/bin/sh\n")
	w.ok(os.Chmod(filepath.Join(w.src, "exec"), 0o6755|os.ModeSetuid))
	w.ok(unix.Chmod(filepath.Join(w.src, "exec"), 0o4755))
	w.write("none", "mode 0000")
	w.ok(os.Chmod(filepath.Join(w.src, "none"), 0))
	w.write("ro/in", "read-only")
	w.ok(os.Chmod(filepath.Join(w.src, "ro/in"), 0o444))
	w.ok(os.MkdirAll(filepath.Join(w.src, "empty/inner"), 0o1777))
	w.ok(os.Symlink("a.txt", filepath.Join(w.src, "ln")))
	w.ok(os.Symlink("/nowhere/at all", filepath.Join(w.src, "broken")))
	w.ok(unix.Mkfifo(filepath.Join(w.src, "fifo"), 0o644))
	for _, p := range []string{"a.txt", "docs"} {
		if err := unix.Setxattr(filepath.Join(w.src, p), "user.phlb", []byte("x\x00y"), 0); err != nil {
			t.Logf("no xattrs here: %v", err)
		}
	}
	for _, d := range []string{"ro", "empty/inner", "empty", "docs"} {
		w.ok(os.Chtimes(filepath.Join(w.src, d), old, old))
	}
	w.write("private/in", "x")
	w.ok(os.Chmod(filepath.Join(w.src, "private"), 0o710))
	w.ok(os.Chmod(filepath.Join(w.src, "ro"), 0o555))
	if os.Geteuid() != 0 {
		w.ok(os.Remove(filepath.Join(w.src, "none")))
	} else {
		w.ok(os.Lchown(filepath.Join(w.src, "a.txt"), 1234, 4321))
		w.ok(os.Lchown(filepath.Join(w.src, "ln"), 1234, 4321))
		w.ok(os.Lchown(filepath.Join(w.src, "empty"), 77, 88))
	}
	rep := w.backup()

	same(t, "status", rep.Status, execute.StatusComplete)
	if rep.Incomplete() {
		t.Errorf("incomplete: %+v", rep)
	}
	same(t, "totals", rep.Totals.Link, plan.Count{Files: 1, Bytes: 300_000})
	same(t, "skips", rep.Totals.Skip, plan.Count{Files: 1})
	same(t, "twins share an inode", look(w.snap(rep)+"/docs/twin.bin").Ino, look(w.snap(rep)+"/docs/big.bin").Ino)
	w.settled()
	w.lookupsSound(true)
	w.sidecars(rep)
	w.catalogued(rep)
}

// sidecars checks what stands beside a snapshot, and that nobody else can
// read it.
func (w *world) sidecars(rep *execute.Report) {
	w.t.Helper()
	id := *rep.Snapshot
	for _, name := range []string{id + "-backup.log", id + "-summary.txt", id + "-report.json", ".phlb/root.json", ".phlb/lock", ".phlb/catalog/" + id + ".jsonl.zst"} {
		if o := look(filepath.Join(w.root, name)); o.Kind != "file" || o.Mode != 0o600 {
			w.t.Errorf("%s is a %s with mode %o", name, o.Kind, o.Mode)
		}
	}
	for p, o := range list(filepath.Join(w.root, ".phlb")) {
		if o.Kind == "dir" && o.Mode != 0o700 || o.Kind == "file" && o.Mode != 0o600 {
			w.t.Errorf(".phlb/%s has mode %o", p, o.Mode)
		}
	}
	if o := look(filepath.Dir(w.snap(rep))); o.Mode != 0o700 {
		w.t.Errorf("the name's directory has mode %o", o.Mode)
	}
	same(w.t, "saved report", w.reportOf(id), rep)
	log, err := os.ReadFile(filepath.Join(w.root, id+"-backup.log"))
	w.ok(err)
	for _, want := range []string{"msg=begin", "msg=published", rep.PlanID} {
		if !bytes.Contains(log, []byte(want)) {
			w.t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
	summary, err := os.ReadFile(filepath.Join(w.root, id+"-summary.txt"))
	w.ok(err)
	same(w.t, "summary", string(summary), "summary of home\n")
}

// catalogued checks the catalogue against source and snapshot.
func (w *world) catalogued(rep *execute.Report) {
	w.t.Helper()
	head, records, tail := w.catalog(*rep.Snapshot)
	same(w.t, "header", []string{head.Name + "/" + head.Snapshot, head.Source, head.PlanID, head.Origin},
		[]string{*rep.Snapshot, w.src, rep.PlanID, catalog.OriginApply})
	var files, bytes int64
	for p, o := range list(w.src) {
		rec, ok := records[p]
		if ok != (o.Kind != "other") {
			w.t.Errorf("catalogue: %s: there %t", p, ok)
		}
		if !ok {
			continue
		}
		same(w.t, "kind of "+p, rec.Kind.String(), o.Kind)
		same(w.t, "owner and mtime of "+p, []any{rec.UID, rec.GID, rec.Mtime, len(rec.Xattrs)}, []any{o.UID, o.GID, mtime(filepath.Join(w.src, p)), len(o.Xattrs)})
		if o.Kind != "file" {
			continue
		}
		files, bytes = files+1, bytes+o.Size
		same(w.t, "file "+p, []any{rec.Mode, rec.Size, rec.Ino, rec.SHA256.String()}, []any{o.Mode, o.Size, o.Ino, o.Content})
		st := look(filepath.Join(w.snap(rep), p))
		same(w.t, "stored "+p, []any{rec.Stored.Ino, rec.Stored.Mode, rec.Stored.Mtime}, []any{st.Ino, st.Mode, mtime(filepath.Join(w.snap(rep), p))})
	}
	same(w.t, "trailer", []any{tail.Files, tail.Bytes, tail.Entries, tail.Status}, []any{files, bytes, int64(len(records)), string(rep.Status)})
}

func TestNamesOfAnyBytes(t *testing.T) {
	w := newWorld(t)
	for i, name := range []string{
		"new\nline", "back\\slash", "cr\rhere", "bytes\xff\xfe", " space ", "-dash", "quote\"'", "\x01\x02",
		"SHA256SUMS", "SHA256SUMS.source", "SHA256SUMS.source.source", "SHA256SUMS.x", "sha256sums",
		"d\xff/SHA256SUMS/inner\n", "täst/ünï", strings.Repeat("n", 255),
	} {
		w.write(name, big(fmt.Sprint(i), 1000+i))
	}
	rep := w.backup()
	w.lookupsSound(true)
	for _, name := range []string{"SHA256SUMS.source", "SHA256SUMS.source.source.source", "d\xff/SHA256SUMS.source/inner\n"} {
		if o := look(filepath.Join(w.snap(rep), name)); o.Kind == "" || strings.Contains(o.Kind, "no such") {
			t.Errorf("%q is not there", name)
		}
	}
	// Again: all of them are found by the parent's names.
	rep = w.backup()
	same(t, "copied again", rep.Totals.Copy.Files, int64(0))
}

func TestSparseFile(t *testing.T) {
	w := newWorld(t)
	p := w.write("sparse", "")
	f, err := os.OpenFile(p, os.O_WRONLY, 0)
	w.ok(err)
	w.ok(f.Truncate(64 << 20))
	_, err = f.WriteAt([]byte("middle"), 20<<20)
	w.ok(err)
	_, err = f.WriteAt([]byte("end"), 60<<20)
	w.ok(err)
	w.ok(f.Close())
	rep := w.backup()
	if o := look(w.snap(rep) + "/sparse"); o.Blocks*512 > 4<<20 || o.Size != 64<<20 {
		t.Errorf("%d bytes, of which %d are allocated", o.Size, o.Blocks*512)
	}
}

func TestHardLinksOfTheSource(t *testing.T) {
	w := newWorld(t)
	for _, n := range []int{999, 1000} {
		w.write(fmt.Sprintf("%d/first", n), big("x", n))
		w.ok(os.Link(filepath.Join(w.src, fmt.Sprintf("%d/first", n)), filepath.Join(w.src, fmt.Sprintf("%d/second", n))))
		w.ok(os.MkdirAll(filepath.Join(w.src, "z"), 0o755))
		w.ok(os.Link(filepath.Join(w.src, fmt.Sprintf("%d/first", n)), filepath.Join(w.src, fmt.Sprintf("z/%d", n))))
	}
	rep := w.backup()
	ino := func(p string) uint64 { return look(filepath.Join(w.snap(rep), p)).Ino }
	if ino("1000/first") != ino("1000/second") || ino("1000/first") != ino("z/1000") {
		t.Error("1000 bytes: not one inode")
	}
	if ino("999/first") == ino("999/second") {
		t.Error("999 bytes: one inode")
	}
	_, records, _ := w.catalog(*rep.Snapshot)
	for p, want := range map[string]string{"1000/first": "", "1000/second": "1000/first", "z/1000": "1000/first", "z/999": "999/first"} {
		same(t, "hardlink of "+p, records[p].Hardlink, want)
	}
	before := w.published()
	rep = w.backup()
	if ino("1000/first") != ino("z/1000") {
		t.Error("again: not one inode")
	}
	w.immutable(before)
}

func TestUnchangedIsLinked(t *testing.T) {
	w := newWorld(t)
	w.write("big", big("1", 5000))
	w.write("small", "s")
	w.write("later", big("2", 4000))
	first := w.backup()
	before := w.published()
	w.write("later", big("3", 4000))
	w.write("copy", big("1", 5000))
	second := w.backup()
	same(t, "linked", second.Totals.Link, plan.Count{Files: 2, Bytes: 10000})
	same(t, "copied", second.Totals.Copy, plan.Count{Files: 2, Bytes: 4001})
	same(t, "inode", look(w.snap(second)+"/big").Ino, look(w.snap(first)+"/big").Ino)
	same(t, "small inode differs", look(w.snap(second)+"/small").Ino != look(w.snap(first)+"/small").Ino, true)
	same(t, "generations", []int64{first.Generation, second.Generation}, []int64{1, 2})
	_, records, _ := w.catalog(*second.Snapshot)
	same(t, "stored action", records["big"].Stored.Action, catalog.StoredLink)
	ctime := meta.At(time.Unix(0, look(w.snap(second)+"/big").Ctime))
	same(t, "stored ctime, which linking changed", records["big"].Stored.Ctime, meta.Time{})
	if in := second.CtimeWindow; in.From.Compare(ctime) > 0 || ctime.Compare(in.To) > 0 {
		t.Errorf("the window %v does not hold the linked file's ctime %v", in, ctime)
	}
	w.immutable(before)
	w.lookupsSound(true)
	w.settled()
}

func TestRestrictiveUmask(t *testing.T) {
	w := newWorld(t)
	unix.Umask(0o077)
	defer unix.Umask(0o022)
	w.write("d/f", "x")
	w.ok(os.Chmod(filepath.Join(w.src, "d"), 0o755))
	w.ok(os.Chmod(filepath.Join(w.src, "d/f"), 0o666))
	w.backup()
}

func TestCreateDestination(t *testing.T) {
	w := newWorld(t)
	w.write("f", "x")
	w.ok(os.Remove(w.root))
	w.root = filepath.Join(w.dir, "new/deep/root")
	p := w.planned()
	if !p.Destination.Create {
		t.Fatal("the plan does not create the destination")
	}
	rep := w.apply(w.save(&p.Document))
	w.whole(rep)
	same(t, "root's mode", look(w.root).Mode, uint32(0o700))
	same(t, "mode above", look(filepath.Dir(w.root)).Mode, uint32(0o755))
}

func TestSeveralSources(t *testing.T) {
	w := newWorld(t)
	other := filepath.Join(w.dir, "other")
	w.ok(os.Mkdir(other, 0o755))
	w.more = fmt.Sprintf("- name: home/nested\n  path: %q\n", other)
	w.write("x", big("x", 3000))
	w.ok(os.WriteFile(filepath.Join(other, "y"), []byte(big("x", 3000)), 0o644))
	res, err := w.try(w.plan())
	w.ok(err)
	same(t, "reports", len(res.Reports), 2)
	same(t, "one inode", look(w.snap(res.Reports[1])+"/y").Ino, look(w.snap(res.Reports[0])+"/x").Ino)
	same(t, "generation", res.Reports[1].Generation, int64(2))
	w.whole(res.Reports[0])
	w.settled()
	w.lookupsSound(true)
}

func TestNothingChangedMakesNoSnapshot(t *testing.T) {
	w := newWorld(t)
	w.write("f", big("f", 2000))
	w.backup()
	p := w.planned()
	p.Sources[0].Snapshot = ""
	before := list(w.root)
	rep := w.apply(w.save(&p.Document))
	if rep.Snapshot != nil || rep.Status != execute.StatusComplete {
		t.Errorf("report %+v", rep)
	}
	same(t, "root", list(w.root), before)
}
