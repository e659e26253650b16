package main

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// mountExFAT mounts an empty exFAT through FUSE, where the machine can: it
// ignores case, refuses names, and has no links, modes, owners or attributes.
func mountExFAT(t *testing.T, dir string) string {
	t.Helper()
	needsRoot(t)
	for _, tool := range []string{"mkfs.exfat", "mount.exfat-fuse", "losetup"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("needs exfat-fuse and exfatprogs")
		}
	}
	image, at := filepath.Join(dir, "exfat.img"), filepath.Join(dir, "exfat")
	check(t, os.WriteFile(image, nil, 0o600))
	check(t, os.Truncate(image, 64<<20))
	check(t, os.Mkdir(at, 0o755))
	device, err := exec.Command("losetup", "-f", "--show", image).Output()
	if err != nil {
		t.Skipf("no loop device: %v", err)
	}
	loop := strings.TrimSpace(string(device))
	t.Cleanup(func() { _ = exec.Command("losetup", "-d", loop).Run() })
	for _, cmd := range [][]string{{"mkfs.exfat", loop}, {"mount.exfat-fuse", loop, at}} {
		if out, err := exec.Command(cmd[0], cmd[1:]...).CombinedOutput(); err != nil {
			t.Skipf("%s: %v\n%s", cmd[0], err, out)
		}
	}
	t.Cleanup(func() {
		if err := exec.Command("umount", at).Run(); err != nil {
			_ = unix.Unmount(at, unix.MNT_DETACH)
		}
	})
	return at
}

// TestExFATDestination backs up to a file system that can hold little: what it
// cannot is told before, each by its name, and what it can is stored.
func TestExFATDestination(t *testing.T) {
	dir := fastDir(t)
	root := filepath.Join(mountExFAT(t, dir), "root")
	check(t, os.Mkdir(root, 0o700))
	m := &maker{t: t, top: filepath.Join(dir, "src")}
	check(t, os.Mkdir(m.top, 0o755))
	for _, name := range []string{"A", "a", "SUB/x", "sub/y", "sha256sums", "x:y", "good", "ü"} {
		m.file(name, 2000)
	}
	check(t, os.Symlink("good", m.path("link")))
	check(t, os.WriteFile(filepath.Join(dir, "m.yaml"), []byte("version: 1\ndestination: exfat/root\nsources: [{path: src}]\n"), 0o600))
	manifest, plan := filepath.Join(dir, "m.yaml"), filepath.Join(dir, "plan.json")
	for run := range 2 {
		said := phlbAs(t, 0, 0, "plan", manifest, "-o", plan)
		for _, part := range []string{"The destination ignores case", "The destination has no extended attributes"} {
			if !strings.Contains(said, part) {
				t.Errorf("run %d: the plan does not say %q:\n%s", run, part, said)
			}
		}
		text, err := os.ReadFile(plan)
		check(t, err)
		for _, line := range []string{
			`{"action":"skip","path":"a","size":2000,"reason":"name: the destination ignores case and takes it for A"}`,
			`{"action":"skip","path":"sub","reason":"name: the destination ignores case and takes it for SUB"}`,
			`"path":"sha256sums","size":2000,"reason":"name: the destination ignores case and has a SHA256SUMS of phlb's there"`,
		} {
			if !strings.Contains(string(text), line) {
				t.Errorf("run %d: not in the plan: %s", run, line)
			}
		}
		said = phlbAs(t, 0, 3, "apply", plan)
		for _, part := range []string{"Backup partial", "link: symlink: ", "x:y: the destination does not take the name"} {
			if !strings.Contains(said, part) {
				t.Errorf("run %d: apply does not say %q:\n%s", run, part, said)
			}
		}
	}
	phlbAs(t, 0, 0, "verify", root)
	found, err := filepath.Glob(filepath.Join(root, "src/????-??-??-??????"))
	if err != nil || len(found) != 2 {
		t.Fatalf("snapshots %v, %v", found, err)
	}
	got := slices.Sorted(maps.Keys(tree(t, found[1])))
	want := []string{".", "A", "SHA256SUMS", "SUB", "SUB/SHA256SUMS", "SUB/x", "good", "ü"}
	if !slices.Equal(got, want) {
		t.Errorf("stored %q, want %q", got, want)
	}
}
