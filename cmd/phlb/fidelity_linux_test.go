package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"phlb/execute"
	"phlb/internal/meta"
	"phlb/internal/sums"
)

// TestFidelity backs up a tree that has everything a file system can hold, as
// root and as an ordinary user, and looks at each attribute in the snapshot and
// in the catalogue. What the user may not keep must be in the catalogue and be
// counted.
func TestFidelity(t *testing.T) {
	needsRoot(t)
	openToAll(t)
	dir := fastDir(t)
	src := filepath.Join(dir, "src")
	makeEverything(t, src)
	for name, uid := range map[string]uint32{"root": 0, "ordinary user": ordinary} {
		t.Run(name, func(t *testing.T) {
			f := &fidelity{t: t, uid: uid, src: src, root: filepath.Join(dir, "root"+fmt.Sprint(uid))}
			check(t, os.Mkdir(f.root, 0o700))
			check(t, os.Chown(f.root, int(uid), int(uid)))
			f.run()
		})
	}
}

// fidelity is one backup of everything.
type fidelity struct {
	t    *testing.T
	uid  uint32
	src  string
	root string
	want map[string]thing // the source
}

func (f *fidelity) run() {
	t := f.t
	code := 0
	if f.uid != 0 {
		code = 3 // what only root may read is missing
	}
	f.want = f.readable(tree(t, f.src))
	phlbAs(t, f.uid, code, "backup", f.src, f.root)
	snap := f.newest()
	f.inSnapshot(snap)
	f.inCatalog(snap)
	f.inReport(snap)
	f.sums(snap)
	f.commands(code)

	phlbAs(t, f.uid, code, "backup", f.src, f.root)
	second := f.newest()
	f.inSnapshot(second)
	f.inCatalog(second)
	f.inReport(second)
	f.linked(snap, second)

	check(t, os.RemoveAll(filepath.Join(f.root, ".phlb/catalog")))
	check(t, os.RemoveAll(filepath.Join(f.root, ".phlb/hash-lookup")))
	phlbAs(t, f.uid, 0, "rebuild", f.root)
	f.commands(code)
}

// readable leaves out what the user cannot read, and what is never stored.
func (f *fidelity) readable(all map[string]thing) map[string]thing {
	maps.DeleteFunc(all, func(p string, o thing) bool {
		return o.Kind == "other" || f.uid != 0 && strings.HasPrefix(p, "secret")
	})
	return all
}

func (f *fidelity) newest() string {
	f.t.Helper()
	found, err := filepath.Glob(filepath.Join(f.root, "src/????-??-??-??????"))
	if err != nil || len(found) == 0 {
		f.t.Fatalf("no snapshot: %v", err)
	}
	return found[len(found)-1]
}

// kept is what a snapshot can have of a thing.
func (f *fidelity) kept(o thing) thing {
	o = f.seen(o)
	if f.uid == 0 || o.UID == f.uid && o.GID == f.uid {
		return o
	}
	if o.UID != f.uid && o.Kind != "symlink" {
		o.Mode |= 0o400 // or the user could not read his own backup
		if o.Kind == "dir" {
			o.Mode |= 0o500
		}
	}
	if o.Kind == "file" {
		o.Mode &^= 0o6000
	}
	o.UID, o.GID = f.uid, f.uid
	o.Xattrs = maps.Clone(o.Xattrs)
	delete(o.Xattrs, "security.capability") // only root can set it
	if acl, ok := o.Xattrs["system.posix_acl_access"]; ok {
		o.Xattrs["system.posix_acl_access"] = aclWithMode(acl, o.Mode)
	}
	return o
}

// seen is what the system tells the user of a thing.
func (f *fidelity) seen(o thing) thing {
	if f.uid != 0 {
		o.Xattrs = maps.Clone(o.Xattrs)
		maps.DeleteFunc(o.Xattrs, func(name, _ string) bool { return strings.HasPrefix(name, "trusted.") })
	}
	return o
}

// aclWithMode gives the owner's entry of an ACL the owner's bits of a mode.
func aclWithMode(acl string, mode uint32) string {
	b := []byte(acl)
	b[6] = byte(mode >> 6 & 7) // the first entry is the owner's
	return string(b)
}

func (f *fidelity) inSnapshot(snap string) {
	t := f.t
	t.Helper()
	want := map[string]thing{}
	for p, o := range f.want {
		want[sums.StoredPath(p)] = f.kept(o)
	}
	got := tree(t, snap)
	for p, o := range got {
		if filepath.Base(p) == sums.FileName && o.Kind == "file" {
			delete(got, p)
		}
	}
	if diff := diffThings(want, got); diff != "" {
		t.Errorf("%s (-source +snapshot):\n%s", snap, diff)
	}
	for p, o := range got {
		if strings.HasPrefix(p, "sparse/") && o.allocated > o.size/2 {
			t.Errorf("%s takes %d of %d bytes", p, o.allocated, o.size)
		}
	}
	if got["links/a"].ino != got["links/b"].ino || got["links/a"].ino == 0 {
		t.Error("hard links of the source became two files")
	}
}

func diffThings(want, got map[string]thing) string {
	var b strings.Builder
	for _, p := range slices.Sorted(maps.Keys(want)) {
		w, g := want[p], got[p]
		if g.err != nil {
			fmt.Fprintf(&b, "%.100q: %v\n", p, g.err)
		}
		if len(w.Xattrs) == 0 {
			w.Xattrs = nil
		}
		if diff := cmp.Diff(w, g, cmp.FilterPath(func(p cmp.Path) bool {
			return slices.Contains([]string{"size", "ino", "allocated", "err"}, strings.TrimPrefix(p.Last().String(), "."))
		}, cmp.Ignore())); diff != "" {
			fmt.Fprintf(&b, "%.100q:\n%s", p, diff)
		}
	}
	for p := range got {
		if _, ok := want[p]; !ok {
			fmt.Fprintf(&b, "%.100q: nobody asked for it\n", p)
		}
	}
	return b.String()
}

// inCatalog checks that every path's exact metadata is there.
func (f *fidelity) inCatalog(snap string) {
	t := f.t
	t.Helper()
	got := records(t, snap)
	for p, o := range f.want {
		rec, ok := got[p]
		if !ok {
			t.Errorf("%.100q is not in the catalogue", p)
			continue
		}
		have := thing{Kind: rec.Kind.String(), Mode: rec.Mode, UID: rec.UID, GID: rec.GID, Mtime: rec.Mtime}
		switch rec.Kind {
		case meta.File:
			have.Content = rec.SHA256.String()
		case meta.Symlink:
			have.Content = rec.Target
		}
		for name, value := range rec.Xattrs {
			if have.Xattrs == nil {
				have.Xattrs = map[string]string{}
			}
			have.Xattrs[name] = string(value)
		}
		if diff := diffThings(map[string]thing{p: f.seen(o)}, map[string]thing{p: have}); diff != "" {
			t.Errorf("catalogue of %s (-source +catalogue):\n%s", snap, diff)
		}
	}
	if len(got) != len(f.want) {
		t.Errorf("%d paths in the catalogue, %d in the source", len(got), len(f.want))
	}
	for p, first := range map[string]string{"links/b": "links/a", "links/small b": "links/small a"} {
		if got[p].Hardlink != first {
			t.Errorf("%s is recorded as a hard link of %q", p, got[p].Hardlink)
		}
	}
}

// inReport checks that every loss is counted, and nothing else.
func (f *fidelity) inReport(snap string) {
	t := f.t
	t.Helper()
	lost := int64(0)
	for _, o := range f.want {
		_, capable := o.Xattrs["security.capability"]
		if f.uid != 0 && (o.UID != f.uid || o.GID != f.uid || capable) {
			lost++
		}
	}
	text, err := os.ReadFile(snap + "-report.json")
	check(t, err)
	var rep execute.Report
	check(t, json.Unmarshal(text, &rep))
	if rep.NotKept != lost || len(rep.Failed)+len(rep.Drifted)+len(rep.Vanished) > 0 {
		t.Errorf("metadata_not_kept %d, want %d\n%s", rep.NotKept, lost, text)
	}
}

// sums asks coreutils, where its paths can reach.
func (f *fidelity) sums(snap string) {
	f.t.Helper()
	for p, o := range tree(f.t, snap) {
		if filepath.Base(p) != sums.FileName || o.Kind != "file" || len(p) > 3000 {
			continue
		}
		dir := filepath.Join(snap, filepath.Dir(p))
		if out, err := sha256sum(dir); err != nil {
			f.t.Errorf("sha256sum -c in %.200q: %v\n%s", dir, err, out)
		}
	}
}

// commands checks what else reads snapshots.
func (f *fidelity) commands(code int) {
	f.t.Helper()
	phlbAs(f.t, f.uid, 0, "verify", f.root)
	phlbAs(f.t, f.uid, code, "compare", f.src, f.root)
}

// linked checks that nothing of 1000 bytes or more was stored twice.
func (f *fidelity) linked(first, second string) {
	f.t.Helper()
	before, after := tree(f.t, first), tree(f.t, second)
	for p, o := range after {
		if o.Kind == "file" && o.size >= 1000 && filepath.Base(p) != sums.FileName && before[p].ino != o.ino {
			f.t.Errorf("%.100q is unchanged and was copied again", p)
		}
	}
}

// Values that Linux wants in binary.
const (
	// capNetRaw is security.capability with cap_net_raw=ep.
	capNetRaw = "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	aclHead   = "\x02\x00\x00\x00"
	noID      = "\xff\xff\xff\xff"
)

// acl is u::rwx, u:4321:r-x, g::r-x, m::r-x, o::r-x.
var acl = aclHead + "\x01\x00\x07\x00" + noID + "\x02\x00\x05\x00\xe1\x10\x00\x00" + "\x04\x00\x05\x00" + noID +
	"\x10\x00\x05\x00" + noID + "\x20\x00\x05\x00" + noID

// maker makes a source tree.
type maker struct {
	t   testing.TB
	top string
	n   int
}

// makeEverything makes a tree with everything.
func makeEverything(t testing.TB, top string) {
	t.Helper()
	unix.Umask(0o022)
	check(t, os.Mkdir(top, 0o755))
	m := &maker{t: t, top: top}
	m.names()
	m.deep()
	m.modes()
	m.owners()
	m.attributes()
	m.sparse()
	m.links()
	m.times() // last: of directories, too
}

func (m *maker) path(rel string) string {
	p := filepath.Join(m.top, rel)
	check(m.t, os.MkdirAll(filepath.Dir(p), 0o755))
	return p
}

// file makes a file with content of its own.
func (m *maker) file(rel string, size int) string {
	m.n++
	p := m.path(rel)
	text := strings.Repeat(fmt.Sprintf("%08d\n", m.n), size/9+1)[:size]
	check(m.t, os.WriteFile(p, []byte(text), 0o644))
	return p
}

func (m *maker) dir(rel string) string {
	p := m.path(rel)
	check(m.t, os.Mkdir(p, 0o755))
	return p
}

func (m *maker) names() {
	odd := []string{
		"new\nline", "cr\rname", "crlf\r\n", `back\slash`, `\n`, `quo"te'`, "not\xffutf8", strings.Repeat("n", 255),
		strings.Repeat("ü", 127), " lead", "trail ", "-rf", "*", "a:b", "tab\t", "\x01\x7f", "~", "$HOME", "Case", "case",
		"\u00e9", "e\u0301", "..a", "...", ".hidden",
	}
	for _, name := range odd {
		m.file("names/"+name, 1500)
		m.file("small names/"+name, 7)
		m.file("dirs/"+name+"/"+name, 10)
		check(m.t, os.Symlink(name, m.path("symlinks/"+name)))
	}
	for _, name := range []string{"SHA256SUMS", "SHA256SUMS.source", "SHA256SUMS.source.source", "SHA256SUMS.sourc", "sha256sums"} {
		m.file("sums/files/"+name, 1200)
		m.file("sums/dirs/"+name+"/"+name, 12)
		check(m.t, os.Symlink(name, m.path("sums/links/"+name)))
	}
}

// deep makes files further down than a path can be long.
func (m *maker) deep() {
	name := strings.Repeat("d", 200)
	at, err := unix.Open(m.dir("deep"), unix.O_DIRECTORY|unix.O_RDONLY, 0)
	check(m.t, err)
	for range 30 {
		check(m.t, unix.Mkdirat(at, name, 0o755))
		next, err := unix.Openat(at, name, unix.O_DIRECTORY|unix.O_RDONLY, 0)
		check(m.t, err)
		unix.Close(at)
		at = next
	}
	defer unix.Close(at)
	for file, size := range map[string]int{"small": 10, "large": 5000, "same\\": 5000} {
		f, err := unix.Openat(at, file, unix.O_CREAT|unix.O_WRONLY, 0o644)
		check(m.t, err)
		_, err = unix.Write(f, []byte(strings.Repeat(file[:1], size)))
		check(m.t, err)
		unix.Close(f)
	}
	check(m.t, unix.Symlinkat("nowhere", at, "link"))
}

func (m *maker) modes() {
	for _, mode := range []uint32{0, 0o4, 0o44, 0o400, 0o444, 0o600, 0o640, 0o755, 0o777, 0o1644, 0o2755, 0o4755, 0o4711, 0o6755, 0o7777} {
		for kind, size := range map[string]int{"small": 10, "large": 2000} {
			where := "modes/"
			if mode&0o4 == 0 {
				where = "secret/" // only root can read it
			}
			p := m.file(fmt.Sprintf("%s%s %04o", where, kind, mode), size)
			check(m.t, unix.Chmod(p, mode))
		}
		where := "modes/"
		if mode&0o5 != 5 {
			where = "secret/"
		}
		m.file(fmt.Sprintf("%sdir %04o/file", where, mode), 10)
		check(m.t, unix.Chmod(m.path(fmt.Sprintf("%sdir %04o", where, mode)), mode))
	}
	m.file("modes/dir 0055/file", 2001)
	check(m.t, unix.Chmod(m.path("modes/dir 0055"), 0o055))
	check(m.t, os.Chmod(m.path("secret"), 0o700))
}

func (m *maker) owners() {
	for i, owner := range [][2]int{{1234, 4321}, {0, 4321}, {1234, 0}, {ordinary, ordinary}, {ordinary, 4321}, {math.MaxInt32, 1}} {
		rel := fmt.Sprintf("owners/%d", i)
		setid := m.file(rel+"/set-id", 3000)
		m.file(rel+"/small", 30)
		check(m.t, os.Symlink("nobody's", m.path(rel+"/link")))
		m.dir(rel + "/empty")
		for _, name := range []string{"", "/set-id", "/small", "/link", "/empty"} {
			check(m.t, os.Lchown(m.path(rel+name), owner[0], owner[1]))
		}
		check(m.t, unix.Chmod(setid, 0o6755))
		check(m.t, unix.Chmod(m.path(rel+"/empty"), 0o2775))
	}
}

// attributes needs a file system that has them.
func (m *maker) attributes() {
	set := func(p, name, value string) {
		m.t.Helper()
		if err := unix.Lsetxattr(p, name, []byte(value), 0); err != nil {
			m.t.Fatalf("set %s of %s: %v", name, p, err)
		}
	}
	for kind, size := range map[string]int{"small": 10, "large": 4000} {
		set(m.file("xattrs/user "+kind, size), "user.comment", "a\x00b")
		set(m.file("xattrs/empty "+kind, size), "user.empty", "")
		set(m.file("xattrs/trusted "+kind, size), "trusted.secret", "t")
		set(m.file("xattrs/long "+kind, size), "user."+strings.Repeat("n", 200), strings.Repeat("v", 2000))
		capable := m.file("xattrs/capable "+kind, size)
		set(capable, "security.capability", capNetRaw)
		p := m.file("xattrs/acl "+kind, size)
		set(p, "system.posix_acl_access", acl)
		p = m.file("xattrs/acl of 1234 "+kind, size)
		check(m.t, os.Chown(p, 1234, 1234))
		set(p, "system.posix_acl_access", acl)
		set(p, "user.a", "1")
		set(p, "user.b", "2")
	}
	d := m.dir("xattrs/dir")
	set(d, "user.dir", "d")
	set(d, "system.posix_acl_access", acl)
	set(d, "system.posix_acl_default", acl)
	d = m.dir("xattrs/only default")
	set(d, "system.posix_acl_default", acl)
	m.file("xattrs/only default/inherits", 2000)
	link := m.path("xattrs/link")
	check(m.t, os.Symlink("x", link))
	set(link, "trusted.link", "l")
}

func (m *maker) sparse() {
	for name, at := range map[string]int64{"hole and end": 8 << 20, "begin and hole": 0, "middle": 3 << 20} {
		p := m.path("sparse/" + name)
		f, err := os.Create(p)
		check(m.t, err)
		_, err = f.WriteAt([]byte(strings.Repeat(name, 1000)), at)
		check(m.t, err)
		check(m.t, f.Truncate(9<<20))
		check(m.t, f.Close())
	}
	f, err := os.Create(m.path("sparse/only a hole"))
	check(m.t, err)
	check(m.t, f.Truncate(5<<20))
	check(m.t, f.Close())
}

func (m *maker) links() {
	check(m.t, os.Link(m.file("links/a", 1000), m.path("links/b")))
	check(m.t, os.Link(m.file("links/small a", 999), m.path("links/small b")))
	for name, target := range map[string]string{
		"absolute": "/etc/passwd", "loop": "loop", "up": "../../..", "bytes": "\xff\n\\", "long": strings.Repeat("t/", 500) + "t",
	} {
		check(m.t, os.Symlink(target, m.path("links/"+name)))
	}
	check(m.t, unix.Mkfifo(m.path("links/fifo"), 0o644))
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	check(m.t, err)
	defer syscall.Close(fd)
	at, err := unix.Open(filepath.Join(m.top, "links"), unix.O_DIRECTORY|unix.O_RDONLY, 0)
	check(m.t, err)
	defer unix.Close(at)
	// Addresses of sockets are short.
	check(m.t, syscall.Bind(fd, &syscall.SockaddrUnix{Name: fmt.Sprintf("/proc/self/fd/%d/socket", at)}))
}

// times sets those that the file system holds.
func (m *maker) times() {
	for i, at := range []unix.Timespec{
		{}, {Nsec: 1}, {Sec: -1, Nsec: 999_999_999}, {Sec: -86_400 * 365 * 60, Nsec: 5}, {Sec: math.MinInt32}, {Sec: 1 << 31, Nsec: 123_456_789},
		{Sec: 1 << 33}, {Sec: 15_000_000_000, Nsec: 1}, {Sec: 1 << 35},
	} {
		rel := fmt.Sprintf("times/%d", i)
		m.file(rel+"/large", 1001)
		m.file(rel+"/small", 10)
		m.dir(rel + "/empty")
		check(m.t, os.Symlink("to", m.path(rel+"/link")))
		for _, name := range []string{"/large", "/small", "/empty", "/link", ""} {
			check(m.t, unix.UtimesNanoAt(unix.AT_FDCWD, m.path(rel+name), []unix.Timespec{at, at}, unix.AT_SYMLINK_NOFOLLOW))
		}
	}
	old := []unix.Timespec{{Sec: 1e9, Nsec: 1}, {Sec: 1e9, Nsec: 1}}
	for _, dir := range []string{"names", "deep", "modes", "xattrs/dir", "."} {
		check(m.t, unix.UtimesNanoAt(unix.AT_FDCWD, filepath.Join(m.top, dir), old, 0))
	}
}
