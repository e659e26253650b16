//go:build unix

package fsys

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
)

func wantMountPoint(t *testing.T, path string, want bool) {
	t.Helper()
	is, err := openPath(t, path).MountPoint()
	if err != nil || is != want {
		t.Errorf("%s is a mount point: %v, %v, want %v", path, is, err, want)
	}
}

func TestMountPoint(t *testing.T) {
	dir := t.TempDir()
	wantMountPoint(t, dir, false)
	wantMountPoint(t, "/", true)
	closed := openPath(t, dir)
	closed.Close()
	if _, err := closed.MountPoint(); err == nil {
		t.Error("a closed directory tells something")
	}
}

// TestMountPointOfMounts: of a file system, and of a directory of the same one,
// which no device number tells.
func TestMountPointOfMounts(t *testing.T) {
	if runtime.GOOS != "linux" || os.Geteuid() != 0 {
		t.Skip("needs root on Linux, to mount")
	}
	dir := t.TempDir()
	for _, name := range []string{"tmpfs", "bind", "origin", "origin/sub"} {
		must(t, os.Mkdir(filepath.Join(dir, name), 0o755))
	}
	must(t, os.Symlink("bind", filepath.Join(dir, "link")))
	for _, args := range [][]string{
		{"-t", "tmpfs", "tmpfs", filepath.Join(dir, "tmpfs")},
		{"--bind", filepath.Join(dir, "origin"), filepath.Join(dir, "bind")},
	} {
		if out, err := exec.Command("mount", args...).CombinedOutput(); err != nil {
			t.Skipf("cannot mount: %v: %s", err, out)
		}
		t.Cleanup(func() { must(t, exec.Command("umount", args[len(args)-1]).Run()) })
	}
	must(t, os.Mkdir(filepath.Join(dir, "tmpfs", "sub"), 0o755))
	for name, want := range map[string]bool{
		"tmpfs": true, "tmpfs/sub": false, "bind": true, "link": true, "bind/sub": false, "origin": false,
	} {
		wantMountPoint(t, filepath.Join(dir, name), want)
	}
}
