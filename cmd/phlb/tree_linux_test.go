package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"phlb/internal/catalog"
	"phlb/internal/meta"
)

// Tests of whole runs look at trees by plain system calls of their own, at
// paths of any length, so that a fault of phlb's own code cannot hide.

// ordinary is the user that tests run phlb as beside root.
const ordinary = 65534

// thing is what is at one path.
type thing struct {
	Kind      string
	Mode      uint32
	UID, GID  uint32
	Mtime     meta.Time
	Content   string // hash, or text of a symbolic link
	Xattrs    map[string]string
	size      int64
	ino       uint64
	allocated int64
	err       error
}

// tree tells everything about what is below top, by relative path.
func tree(t testing.TB, top string) map[string]thing {
	t.Helper()
	fd, err := unix.Open(top, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatalf("open %s: %v", top, err)
	}
	all := map[string]thing{".": lookAt(fd, ".")}
	walkTree(t, fd, "", all)
	return all
}

// walkTree closes fd.
func walkTree(t testing.TB, fd int, prefix string, all map[string]thing) {
	t.Helper()
	dir := os.NewFile(uintptr(fd), prefix)
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		t.Fatalf("list %q: %v", prefix, err)
	}
	for _, name := range names {
		o := lookAt(fd, name)
		all[prefix+name] = o
		if o.Kind != "dir" {
			continue
		}
		sub, err := unix.Openat(fd, name, unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			t.Fatalf("open %q: %v", prefix+name, err)
		}
		walkTree(t, sub, prefix+name+"/", all)
	}
}

func lookAt(fd int, name string) (o thing) {
	var st unix.Stat_t
	if o.err = unix.Fstatat(fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); o.err != nil {
		return o
	}
	o.Mode, o.UID, o.GID, o.ino, o.size, o.allocated = st.Mode&0o7777, st.Uid, st.Gid, st.Ino, st.Size, st.Blocks*512
	o.Mtime = meta.Time{Sec: st.Mtim.Sec, Nsec: int32(st.Mtim.Nsec)}
	at := fmt.Sprintf("/proc/self/fd/%d/%s", fd, name)
	o.Xattrs = attributesOf(at)
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFDIR:
		o.Kind = "dir"
	case unix.S_IFLNK:
		o.Kind, o.Mode = "symlink", 0
		o.Content, o.err = os.Readlink(at)
	case unix.S_IFREG:
		o.Kind = "file"
		o.Content, o.err = hashAt(fd, name)
	default:
		o.Kind = "other"
	}
	return o
}

func hashAt(fd int, name string) (string, error) {
	f, err := unix.Openat(fd, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return "", err
	}
	file := os.NewFile(uintptr(f), name)
	defer file.Close()
	hash := sha256.New()
	_, err = io.Copy(hash, file)
	return hex.EncodeToString(hash.Sum(nil)), err
}

func attributesOf(path string) map[string]string {
	buf := make([]byte, 64<<10)
	n, err := unix.Llistxattr(path, buf)
	if err != nil || n == 0 {
		return nil
	}
	x := map[string]string{}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(buf[:n]), "\x00"), "\x00") {
		if strings.HasPrefix(name, "trusted.SGI_ACL_") {
			continue // how xfs shows root the ACLs, once more
		}
		value := make([]byte, 64<<10)
		if n, err := unix.Lgetxattr(path, name, value); err == nil {
			x[name] = string(value[:n])
		}
	}
	return x
}

// records reads the catalogue of the snapshot at a path.
func records(t testing.TB, snap string) map[string]catalog.Record {
	t.Helper()
	name := filepath.Dir(snap)
	f, err := os.Open(filepath.Join(filepath.Dir(name), ".phlb/catalog", filepath.Base(name), filepath.Base(snap)+".jsonl.zst"))
	check(t, err)
	defer f.Close()
	r, err := catalog.NewReader(f)
	check(t, err)
	defer r.Close()
	all := map[string]catalog.Record{}
	for {
		var rec catalog.Record
		if err := r.Next(&rec); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if rec.Stored != nil {
			stored := *rec.Stored
			rec.Stored = &stored
		}
		all[rec.Path] = rec
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// asUser makes a command run as another user.
func asUser(cmd *exec.Cmd, uid uint32) *exec.Cmd {
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	return cmd
}

// phlbAs runs phlb as a user (root as root) and returns what it printed; it
// must end with the code.
func phlbAs(t testing.TB, uid uint32, code int, args ...string) string {
	t.Helper()
	cmd := exec.Command(phlbPath(t), args...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), "TMPDIR=/tmp") // for all users
	if uid != 0 {
		asUser(cmd, uid)
	}
	out, err := cmd.CombinedOutput()
	got := 0
	if exit, ok := err.(*exec.ExitError); ok {
		got = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if got != code {
		t.Fatalf("phlb %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, code, out)
	}
	return string(out)
}

func phlbPath(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("phlb")
	check(t, err)
	return path
}

func needsRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
}

// sha256sum checks a directory's SHA256SUMS.
func sha256sum(dir string) (output string, err error) {
	cmd := exec.Command("sha256sum", "--strict", "--quiet", "-c", "SHA256SUMS")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// fastDir is workRoot in memory where that holds everything: each run makes
// things durable, which on a busy disk takes seconds. TMPDIR chooses another
// file system.
func fastDir(t *testing.T) string {
	t.Helper()
	if os.Getenv("TMPDIR") == "" && unix.Access("/dev/shm", unix.W_OK) == nil {
		probe, err := os.MkdirTemp("/dev/shm", "phlb-test-")
		check(t, err)
		has := unix.Setxattr(probe, "user.phlb", []byte("x"), 0) == nil
		check(t, os.Remove(probe))
		if has {
			t.Setenv("TMPDIR", "/dev/shm")
		}
	}
	return workRoot(t)
}
