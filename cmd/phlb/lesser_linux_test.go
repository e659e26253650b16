package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/execute"
	"phlb/internal/meta"
)

// TestLesserDestination backs up times that ext4 cannot hold to one, whose
// small inodes count in seconds until 2038, and a value larger than it takes
// for an attribute: each loss is counted, and the catalogue has it all.
func TestLesserDestination(t *testing.T) {
	needsRoot(t)
	dir := fastDir(t)
	image, at := filepath.Join(dir, "ext4.img"), filepath.Join(dir, "ext4")
	check(t, os.WriteFile(image, nil, 0o600))
	check(t, os.Truncate(image, 64<<20))
	check(t, os.Mkdir(at, 0o755))
	for _, cmd := range [][]string{{"mkfs.ext4", "-q", "-F", "-I", "128", image}, {"mount", "-o", "loop", image, at}} {
		if out, err := exec.Command(cmd[0], cmd[1:]...).CombinedOutput(); err != nil {
			t.Skipf("%s: %v\n%s", cmd[0], err, out)
		}
	}
	t.Cleanup(func() {
		if err := unix.Unmount(at, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	m := &maker{t: t, top: filepath.Join(dir, "src")}
	check(t, os.Mkdir(m.top, 0o755))
	set := func(rel string, sec, nsec int64) {
		ts := []unix.Timespec{{Sec: sec, Nsec: nsec}, {Sec: sec, Nsec: nsec}}
		check(t, unix.UtimesNanoAt(unix.AT_FDCWD, filepath.Join(m.top, rel), ts, unix.AT_SYMLINK_NOFOLLOW))
	}
	for _, name := range []string{"whole", "fraction", "2446", "attribute"} {
		m.file(name, 5000)
	}
	m.dir("dir")
	check(t, os.Symlink("x", m.path("link")))
	large := make([]byte, 30_000)
	if err := unix.Setxattr(filepath.Join(m.top, "attribute"), "user.large", large, 0); err != nil {
		t.Skip("the temporary directory cannot hold so large an attribute:", err)
	}
	for _, name := range []string{"whole", "attribute"} {
		set(name, 1e9, 0)
	}
	set("fraction", 1e9, 5)
	set("2446", 20_000_000_000, 7)
	if info, err := os.Lstat(m.path("2446")); err != nil || info.ModTime().Unix() != 20_000_000_000 {
		t.Skip("the temporary directory cannot hold a time so late:", err)
	}
	for _, name := range []string{"dir", "link", "."} {
		set(name, 1e9, 123)
	}
	root := filepath.Join(at, "root")
	check(t, os.Mkdir(root, 0o700))
	for run := range 2 {
		phlbAs(t, 0, 0, "backup", m.top, root)
		found, err := filepath.Glob(filepath.Join(root, "src/????-??-??-??????"))
		if err != nil || len(found) != run+1 {
			t.Fatalf("snapshots %v, %v", found, err)
		}
		text, err := os.ReadFile(found[run] + "-report.json")
		check(t, err)
		var rep execute.Report
		check(t, json.Unmarshal(text, &rep))
		// Unchanged files are linked, whose times are not what linking is about.
		if want := []int64{6, 4}[run]; rep.NotKept != want {
			t.Errorf("run %d: metadata_not_kept %d, want %d\n%s", run, rep.NotKept, want, text)
		}
		all := records(t, found[run])
		for name, want := range map[string]meta.Time{
			"whole": {Sec: 1e9}, "fraction": {Sec: 1e9, Nsec: 5}, "2446": {Sec: 20_000_000_000, Nsec: 7},
			"dir": {Sec: 1e9, Nsec: 123}, "link": {Sec: 1e9, Nsec: 123}, ".": {Sec: 1e9, Nsec: 123},
		} {
			if got := all[name].Mtime; got != want {
				t.Errorf("run %d: the catalogue has time %v of %s", run, got, name)
			}
		}
		if got := all["attribute"].Xattrs["user.large"]; len(got) != len(large) {
			t.Errorf("run %d: the catalogue has %d bytes of the attribute", run, len(got))
		}
	}
	phlbAs(t, 0, 0, "verify", root)
}
