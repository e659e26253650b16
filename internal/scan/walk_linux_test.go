package scan

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"phlb/internal/meta"
)

func TestSpecialFiles(t *testing.T) {
	dir := t.TempDir()
	if err := errors.Join(syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600), makeSocket(filepath.Join(dir, "sock"))); err != nil {
		t.Fatal(err)
	}
	want := []string{". [dir]", "fifo [fifo]", "sock [socket]"}
	if os.Geteuid() == 0 {
		if err := syscall.Mknod(filepath.Join(dir, "dev"), syscall.S_IFCHR|0o600, 0x103); err == nil {
			want = []string{". [dir]", "dev [device]", "fifo [fifo]", "sock [socket]"}
		}
	}
	check(t, collect(t, dir, Options{}), want...)
}

// makeSocket leaves a socket behind without the length limit of addresses.
func makeSocket(path string) error { return syscall.Mknod(path, syscall.S_IFSOCK|0o600, 0) }

func TestOtherFileSystem(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "a", "m/", "z")
	if out, err := exec.Command("mount", "-t", "tmpfs", "none", dir+"/m").CombinedOutput(); err != nil {
		t.Skipf("needs to mount: %s", out)
	}
	t.Cleanup(func() { _ = exec.Command("umount", dir+"/m").Run() })
	write(t, dir, "m/x")
	check(t, collect(t, dir, Options{}), ". [dir]", "a [file]", "m [other filesystem]", "z [file]")
	check(t, collect(t, dir, Options{CrossFileSystems: true}), ". [dir]", "a [file]", "m [dir]", "m/x [file]", "z [file]")
}

func TestXattrModes(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "d/", "f")
	for _, p := range []string{"", "/d", "/f"} {
		if err := syscall.Setxattr(dir+p, "user.phlb", []byte("x\x00y"), 0); err != nil {
			t.Skipf("needs user xattrs: %v", err)
		}
	}
	for mode, want := range map[XattrsMode][]string{XattrsNone: nil, XattrsDirs: {".", "d"}, XattrsAll: {".", "d", "f"}} {
		var got []string
		err := Walk(t.Context(), openRoot(t, dir), Options{Xattrs: mode}, func(e *Entry) error {
			if e.Xattrs.Equal(meta.Xattrs{"user.phlb": []byte("x\x00y")}) {
				got = append(got, e.Path)
			} else if e.Xattrs != nil {
				t.Errorf("%s: %v", e.Path, e.Xattrs)
			}
			return nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("mode %d: %q, want %q (%v)", mode, got, want, err)
		}
	}
}

// TestAsOrdinaryUser runs this test again as a user whom modes bind.
func TestAsOrdinaryUser(t *testing.T) {
	if dir := os.Getenv("SCAN_TEST_DIR"); dir != "" {
		check(t, collect(t, dir, Options{UID: os.Geteuid(), Workers: 2}),
			". [dir]", "closed [unreadable: permission denied]", "listonly [dir]", "listonly/x [unreadable: permission denied]",
			"ours [file]", "secret [unreadable: permission denied]", "writeonly [unreadable: permission denied]")
		check(t, collect(t, dir, Options{}),
			". [dir]", "closed [unreadable: permission denied]", "listonly [dir]", "listonly/x [unreadable: permission denied]",
			"ours [file]", "secret [file]", "writeonly [file]")
		return
	}
	if os.Geteuid() != 0 {
		t.Skip("needs root, to become an ordinary user")
	}
	if _, err := exec.LookPath("setpriv"); err != nil {
		t.Skip("needs setpriv")
	}
	dir := ordinaryTree(t)
	cmd := exec.Command("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", copyOfTest(t), "-test.run=^TestAsOrdinaryUser$")
	cmd.Env, cmd.Dir = append(os.Environ(), "SCAN_TEST_DIR="+dir), "/"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// ordinaryTree makes a tree of uid 65534 with things it must not read.
func ordinaryTree(t *testing.T) string {
	t.Helper()
	dir := openTemp(t)
	write(t, dir, "closed/x", "listonly/x", "ours", "secret", "writeonly")
	for name, mode := range map[string]os.FileMode{"closed": 0, "listonly": 0o444, "ours": 0o600, "secret": 0o640, "writeonly": 0o200, "": 0o755} {
		path := filepath.Join(dir, name)
		uid := 65534
		if name == "secret" {
			uid = 0
		}
		if err := errors.Join(os.Chmod(path, mode), os.Chown(path, uid, 0)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// openTemp is a temporary directory that other users can reach.
func openTemp(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "scan")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func copyOfTest(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(openTemp(t), "scan.test")
	if err := os.WriteFile(path, b, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}
