package snapshot

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSidecars(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	at := ID{"hosts/web1", t1}
	if _, err := r.OpenSidecar(at, SuffixReport); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	must(t, r.WriteSidecar(at, SuffixReport, []byte("one")))
	must(t, r.WriteSidecar(at, SuffixReport, []byte("two")))
	f, err := r.OpenSidecar(at, SuffixReport)
	must(t, err)
	data, err := io.ReadAll(f)
	must(t, errors.Join(err, f.Close()))
	if string(data) != "two" {
		t.Errorf("read %q", data)
	}
	if got := mode(t, dir, at.String()+SuffixReport); got != 0o600 {
		t.Errorf("mode %o", got)
	}
	if got := mode(t, dir, at.Name); got != 0o700 {
		t.Errorf("name has mode %o", got)
	}
	for _, suffix := range []string{"", "x", "/../x", "-report.json/x"} {
		if err := r.WriteSidecar(at, suffix, nil); !errors.Is(err, ErrName) {
			t.Errorf("suffix %q: %v", suffix, err)
		}
	}
	if err := r.WriteSidecar(ID{"..", t1}, SuffixLog, nil); !errors.Is(err, ErrName) {
		t.Errorf("bad id: %v", err)
	}
	if got := entries(t, dir, at.Name); len(got) != 1 {
		t.Errorf("beside the snapshot: %v", got)
	}
}

func TestSidecarReplacesALink(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "home/"+t1+"/precious", "content")
	symlink(t, t1+"/precious", dir, "home/"+t1+SuffixLog)
	symlink(t, t1+"/precious", dir, "home/."+t1+SuffixLog+".new")
	r := openRoot(t, dir)
	if f, err := r.OpenSidecar(ID{"home", t1}, SuffixLog); err == nil {
		f.Close()
		t.Error("followed a link")
	}
	must(t, r.WriteSidecar(ID{"home", t1}, SuffixLog, []byte("log")))
	if read(t, dir, "home/"+t1+"/precious") != "content" || read(t, dir, "home/"+t1+SuffixLog) != "log" {
		t.Error("written through a link")
	}
}

func TestSidecarWrittenWholeOrNotAtAll(t *testing.T) {
	sweep(t, func(t *testing.T, f *faults) {
		dir := t.TempDir()
		must(t, openRoot(t, dir).WriteSidecar(ID{"home", t1}, SuffixReport, []byte("old")))
		err := openRoot(t, dir, f.option()).WriteSidecar(ID{"home", t1}, SuffixReport, []byte("new"))
		got := read(t, dir, "home/"+t1+SuffixReport)
		if got != "new" && (err == nil || got != "old") {
			t.Errorf("%v, then %q", err, got)
		}
	})
}

func TestPin(t *testing.T) {
	dir := t.TempDir()
	mkdir(t, dir, "home/"+t1)
	r := openRoot(t, dir)
	at := ID{"home", t1}
	check := func(want bool) {
		t.Helper()
		if got, err := r.Pinned(at); err != nil || got != want {
			t.Errorf("pinned: %v, %v", got, err)
		}
	}
	check(false)
	must(t, r.Unpin(at))
	must(t, r.Pin(at))
	must(t, r.Pin(at))
	check(true)
	if got := read(t, dir, "home/"+t1+SuffixPinned); got != "" {
		t.Errorf("pin holds %q", got)
	}
	must(t, r.RemoveSidecars(at))
	check(true)
	must(t, r.Unpin(at))
	check(false)
	symlink(t, "nowhere", dir, "home/"+t1+SuffixPinned)
	check(true)
	if err := r.Pin(ID{"home", t2}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("pinned a missing snapshot: %v", err)
	}
	if has(dir, "home/"+t2+SuffixPinned) {
		t.Error("pinned a missing snapshot")
	}
}

// TestPinFails: what is reported as pinned is; a failure leaves nothing that
// hinders the next attempt.
func TestPinFails(t *testing.T) {
	sweep(t, func(t *testing.T, f *faults) {
		dir := t.TempDir()
		mkdir(t, dir, "home/"+t1)
		at := ID{"home", t1}
		err := openRoot(t, dir, f.option()).Pin(at)
		if pinned := has(dir, "home/"+t1+SuffixPinned); err == nil && !pinned {
			t.Error("reported as pinned, and is not")
		}
		if err == nil && f.hit() {
			t.Error("a failure was not reported")
		}
		r := openRoot(t, dir)
		must(t, r.Pin(at))
		if times, err := r.Times("home"); err != nil || len(times) != 1 {
			t.Errorf("%v, %v", times, err)
		}
	})
}

func TestStatus(t *testing.T) {
	const summary = "summary"
	for _, c := range []struct{ report, summary, want string }{
		{"", "", StatusPartial},
		{"", summary, StatusComplete},
		{`{"status":"complete"}`, "", StatusComplete},
		{`{"format":"x","failed":[{"path":"a","status":"partial"}],"status":"complete","x":1}`, "", StatusComplete},
		{`{"status":"partial"}`, summary, StatusPartial},
		{`{"status":"failed"}`, summary, StatusPartial},
		{`{"status":["complete"]}`, summary, StatusPartial},
		{`{"nested":{"status":"complete"}}`, summary, StatusPartial},
		{`{"status":`, summary, StatusPartial},
		{`["status","complete"]`, summary, StatusPartial},
		{`{}`, summary, StatusPartial},
		{" ", summary, StatusPartial},
	} {
		dir := t.TempDir()
		at := ID{"home", t1}
		mkdir(t, dir, at.String())
		if c.report != "" {
			write(t, dir, at.String()+SuffixReport, c.report)
		}
		if c.summary != "" {
			write(t, dir, at.String()+SuffixSummary, c.summary)
		}
		if got, err := openRoot(t, dir).Status(at); err != nil || got != c.want {
			t.Errorf("report %q, summary %q: %q, %v", c.report, c.summary, got, err)
		}
	}
}

func TestHasReport(t *testing.T) {
	dir := t.TempDir()
	at := ID{"home", t1}
	mkdir(t, dir, at.String())
	write(t, dir, at.String()+SuffixSummary, "PHLB writes this one, too")
	r := openRoot(t, dir)
	if r.HasReport(at) {
		t.Error("there is none")
	}
	mkdir(t, dir, at.String()+SuffixReport)
	if r.HasReport(at) {
		t.Error("that is a directory")
	}
	must(t, os.Remove(filepath.Join(dir, at.String()+SuffixReport)))
	write(t, dir, at.String()+SuffixReport, "{}")
	if !r.HasReport(at) || r.HasReport(ID{"../home", t1}) {
		t.Error("not told from its absence")
	}
}

func FuzzReportStatus(f *testing.F) {
	f.Add(`{"a":[1,{"status":"x"}],"status":"complete"}`)
	f.Fuzz(func(t *testing.T, text string) {
		got := reportStatus(strings.NewReader(text))
		if got == StatusComplete && !strings.Contains(text, `"complete"`) || got != StatusComplete && got != StatusPartial {
			t.Errorf("%q: %q", text, got)
		}
	})
}

func TestCatalog(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	at := ID{"hosts/web1", t1}
	if ok, err := r.HasCatalog(at); ok || err != nil {
		t.Errorf("missing: %v, %v", ok, err)
	}
	if _, err := r.CatalogFile(at); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	s := openStaging(t, r, at.Name)
	if err := r.PlaceCatalog(s, at); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing to place: %v", err)
	}
	for _, text := range []string{"one", "two"} {
		write(t, s.Dir().Path(), CatalogFileName, text)
		must(t, r.PlaceCatalog(s, at))
		if got := read(t, dir, ".phlb/catalog/hosts/web1/"+t1+".jsonl.zst"); got != text {
			t.Errorf("placed %q", got)
		}
	}
	c, err := r.CreateCatalog(at)
	must(t, err)
	_, err = c.Write([]byte("three"))
	must(t, err)
	must(t, c.Abort())
	if ok, err := r.HasCatalog(at); !ok || err != nil || read(t, dir, catalogPath(at)) != "two" {
		t.Errorf("aborted, but: %v, %v", ok, err)
	}
	c, err = r.CreateCatalog(at)
	must(t, err)
	_, err = c.Write([]byte("four"))
	must(t, err)
	must(t, c.Commit())
	f, err := r.CatalogFile(at)
	must(t, err)
	data, err := io.ReadAll(f)
	must(t, errors.Join(err, f.Close()))
	if string(data) != "four" || len(entries(t, dir, ".phlb/catalog/hosts/web1")) != 1 {
		t.Errorf("committed %q", data)
	}
	if got := mode(t, dir, catalogPath(at)); got != 0o600 {
		t.Errorf("mode %o", got)
	}
	must(t, os.Remove(filepath.Join(dir, catalogPath(at))))
	mkdir(t, dir, catalogPath(at))
	if ok, err := r.HasCatalog(at); ok || err == nil {
		t.Errorf("a directory: %v, %v", ok, err)
	}
	bad := ID{"..", t1}
	_, cerr := r.CreateCatalog(bad)
	_, ferr := r.CatalogFile(bad)
	for _, err := range []error{cerr, ferr, r.PlaceCatalog(s, bad), r.RemoveSidecars(bad)} {
		if !errors.Is(err, ErrName) {
			t.Errorf("bad id: %v", err)
		}
	}
}

func TestNoCatalogIsSeenBeforeItIsWhole(t *testing.T) {
	sweep(t, func(t *testing.T, f *faults) {
		dir := t.TempDir()
		at := ID{"home", t1}
		c, err := openRoot(t, dir, f.option()).CreateCatalog(at)
		if err == nil {
			_, werr := c.Write([]byte("content"))
			if werr != nil {
				must(t, c.Abort())
				err = werr
			} else {
				err = c.Commit()
			}
		}
		there := has(dir, catalogPath(at))
		if err == nil && !there || there && read(t, dir, catalogPath(at)) != "content" {
			t.Errorf("%v; there: %v", err, there)
		}
	})
}

func TestTrust(t *testing.T) {
	if os.Geteuid() < 0 {
		t.Skip("no modes here that could tell")
	}
	for _, c := range []struct {
		root, dir, file os.FileMode
		private, trusts bool
	}{
		{0o700, 0o777, 0o666, true, true},
		{0o744, 0o777, 0o666, true, true},
		{0o755, 0o755, 0o644, false, true},
		{0o710, 0o775, 0o644, false, false},
		{0o701, 0o755, 0o646, false, false},
		{0o755, 0o777, 0o644, false, false},
		{0o755, 0o755, 0o664, false, false},
	} {
		root := t.TempDir()
		write(t, root, "d/f", "")
		for rel, m := range map[string]os.FileMode{".": c.root, "d": c.dir, "d/f": c.file} {
			must(t, os.Chmod(filepath.Join(root, rel), m))
		}
		r := openRoot(t, root)
		if got, err := r.Private(); err != nil || got != c.private {
			t.Errorf("%+v: private %v, %v", c, got, err)
		}
		d, err := r.dir.LstatAt("d")
		must(t, err)
		f, err := r.dir.LstatAt("d/f")
		must(t, err)
		if got := r.Trusts(d, f); got != c.trusts {
			t.Errorf("%+v: trusts %v", c, got)
		}
		if r.Trusts(f, f) || r.Trusts(d, d) {
			t.Errorf("%+v: trusts what is no file in a directory", c)
		}
		stranger := f
		stranger.UID = 4711
		if got := r.Trusts(d, stranger); got != c.private {
			t.Errorf("%+v: trusts a stranger's file: %v", c, got)
		}
		if c.private {
			r.euid = 4712 // neither the owner nor, unless it is root's, trusted
			if private, _ := r.Private(); private != (d.UID == 0) {
				t.Errorf("%+v: private to a stranger: %v", c, private)
			}
			r = openRoot(t, root)
			r.euid = -1
			if private, _ := r.Private(); private || r.Trusts(d, f) {
				t.Errorf("%+v: trusts modes where there are none", c)
			}
		}
	}
}

// TestSealed: one directory that is open to others is enough.
func TestSealed(t *testing.T) {
	if os.Geteuid() < 0 {
		t.Skip("no modes here that could tell")
	}
	root := t.TempDir()
	must(t, os.Chmod(root, 0o755))
	write(t, root, "home/f", "")
	write(t, root, ".phlb/f", "")
	write(t, root, "sentinel", "")
	must(t, os.Chmod(filepath.Join(root, "home/f"), 0o666))
	for _, c := range []struct {
		home os.FileMode
		want bool
	}{{0o700, true}, {0o744, true}, {0o711, false}, {0o755, false}} {
		must(t, os.Chmod(filepath.Join(root, "home"), c.home))
		must(t, os.Chmod(filepath.Join(root, ".phlb"), 0o700))
		r := openRoot(t, root)
		f, err := r.dir.LstatAt("home/f")
		must(t, err)
		if r.Sealed() != c.want || r.Fixed(&f) != c.want {
			t.Errorf("%o: sealed %v, fixed %v", c.home, r.Sealed(), r.Fixed(&f))
		}
		f.Mode = 0o644
		if !r.Fixed(&f) {
			t.Errorf("%o: a file of our own that nobody else can write to is not trusted", c.home)
		}
		f.UID = 4711
		if r.Fixed(&f) != c.want {
			t.Errorf("%o: a file of somebody else: %v", c.home, r.Fixed(&f))
		}
	}
}

func TestPrivateName(t *testing.T) {
	if os.Geteuid() < 0 {
		t.Skip("no modes here that could tell")
	}
	for _, c := range []struct {
		root, first, second os.FileMode
		want                bool
	}{
		{0o700, 0o755, 0o755, true},
		{0o755, 0o700, 0o755, true},
		{0o755, 0o755, 0o700, true},
		{0o755, 0o755, 0o755, false},
		{0o755, 0o710, 0o701, false},
	} {
		root := t.TempDir()
		write(t, root, "hosts/web1/f", "")
		for rel, m := range map[string]os.FileMode{".": c.root, "hosts": c.first, "hosts/web1": c.second} {
			must(t, os.Chmod(filepath.Join(root, rel), m))
		}
		if got, err := openRoot(t, root).PrivateName("hosts/web1"); err != nil || got != c.want {
			t.Errorf("%+v: %t, %v", c, got, err)
		}
	}
	root := t.TempDir()
	must(t, os.Chmod(root, 0o755))
	if got, err := openRoot(t, root).PrivateName("missing/name"); err != nil || got {
		t.Errorf("a name that is missing: %t, %v", got, err)
	}
}
