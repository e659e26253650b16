package vouch_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
	"phlb/internal/vouch"
)

// open makes a root that others may enter, so that modes decide about trust,
// with the file "f" and a SHA256SUMS.
func open(t *testing.T, list string) (*snapshot.Root, *fsys.Dir, string) {
	t.Helper()
	top := filepath.Join(t.TempDir(), "root")
	must(t, os.Mkdir(top, 0o755))
	must(t, os.Chmod(top, 0o755))
	must(t, os.Mkdir(top+"/open", 0o755))
	must(t, os.Chmod(top+"/open", 0o755))
	must(t, os.WriteFile(top+"/f", []byte("real"), 0o644))
	old := time.Now().Add(-time.Hour)
	must(t, os.Chtimes(top+"/f", old, old))
	if list != "" {
		must(t, os.WriteFile(top+"/SHA256SUMS", []byte(list), 0o644))
	}
	root, err := snapshot.Open(top)
	must(t, err)
	t.Cleanup(func() { root.Close() })
	return root, root.Dir(), top
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var (
	said   = strings.Repeat("ab", 32)
	listed = said + "  f\n"
	truth  = digest.Sum(sha256.Sum256([]byte("real")))
)

// content asks what "f" holds: what the list says, or what it really has.
func content(t *testing.T, root *snapshot.Root, dir *fsys.Dir) digest.Sum {
	t.Helper()
	st, err := dir.Lstat("f")
	must(t, err)
	sum, err := vouch.NewSums(root).Content(t.Context(), dir, "key", "f", &st, make([]byte, 3))
	must(t, err)
	return sum
}

func TestWhatIsBelieved(t *testing.T) {
	tests := map[string]struct {
		list    string
		alter   func(t *testing.T, top string)
		believe bool
	}{
		"a list of one's own":   {listed, func(*testing.T, string) {}, true},
		"none":                  {"", func(*testing.T, string) {}, false},
		"another name":          {said + "  g\n", func(*testing.T, string) {}, false},
		"twice the same":        {listed + listed, func(*testing.T, string) {}, true},
		"contradicting itself":  {listed + strings.Repeat("cd", 32) + "  f\n", func(*testing.T, string) {}, false},
		"writable by others":    {listed, func(t *testing.T, top string) { must(t, os.Chmod(top+"/SHA256SUMS", 0o646)) }, false},
		"writable by the group": {listed, func(t *testing.T, top string) { must(t, os.Chmod(top+"/SHA256SUMS", 0o664)) }, false},
		"in a directory writable by others": {
			listed, func(t *testing.T, top string) { must(t, os.Chmod(top, 0o757)) }, false,
		},
		"writable by others in a private root": {
			listed, func(t *testing.T, top string) {
				must(t, os.Chmod(top+"/SHA256SUMS", 0o666))
				must(t, os.Chmod(top, 0o700))
			}, true,
		},
		"of another owner": {listed, func(t *testing.T, top string) {
			if os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			must(t, os.Chown(top+"/SHA256SUMS", 77, 77))
		}, false},
		"a symlink": {listed, func(t *testing.T, top string) {
			must(t, os.Rename(top+"/SHA256SUMS", top+"/real"))
			must(t, os.Symlink("real", top+"/SHA256SUMS"))
		}, false},
		"a directory":                           {"", func(t *testing.T, top string) { must(t, os.Mkdir(top+"/SHA256SUMS", 0o755)) }, false},
		"a fifo":                                {"", func(t *testing.T, top string) { must(t, unix.Mkfifo(top+"/SHA256SUMS", 0o644)) }, false},
		"about a file that others can write to": {listed, func(t *testing.T, top string) { must(t, os.Chmod(top+"/f", 0o646)) }, false},
		"about a file that others can write to in a private root": {
			listed, func(t *testing.T, top string) {
				must(t, os.Chmod(top+"/f", 0o646))
				must(t, os.Chmod(top, 0o700))
			}, true,
		},
		"about a file of another owner": {listed, func(t *testing.T, top string) {
			if os.Geteuid() != 0 {
				t.Skip("needs root")
			}
			must(t, os.Chown(top+"/f", 77, 77))
			must(t, os.WriteFile(top+"/SHA256SUMS", []byte(listed), 0o644)) // later than that
		}, false},
		"older than the file": {listed, func(t *testing.T, top string) {
			now := time.Now().Add(time.Minute)
			must(t, os.Chtimes(top+"/f", now, now))
		}, false},
		"older than a file that took its place": {listed, func(t *testing.T, top string) {
			time.Sleep(20 * time.Millisecond) // the clock of file systems ticks
			must(t, os.WriteFile(top+"/x", []byte("real"), 0o644))
			old := time.Now().Add(-time.Hour)
			must(t, os.Chtimes(top+"/x", old, old))
			must(t, os.Rename(top+"/x", top+"/f"))
		}, false},
		"older than a link to the file": {listed, func(t *testing.T, top string) {
			time.Sleep(20 * time.Millisecond)
			must(t, os.Link(top+"/f", top+"/another"))
		}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			root, dir, top := open(t, test.list)
			test.alter(t, top)
			want := truth
			if test.believe {
				want, _ = digest.Parse(said)
			}
			if got := content(t, root, dir); got != want {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestSumsRemembersOneDirectory(t *testing.T) {
	root, dir, top := open(t, listed)
	s := vouch.NewSums(root)
	for _, key := range []string{"one", "one", "two"} {
		sum, ok, err := s.Lookup(dir, key, "f")
		must(t, err)
		if want := key == "one"; ok != want || want && sum.String() != said {
			t.Errorf("%s: %v %t", key, sum, ok)
		}
		must(t, os.RemoveAll(top+"/SHA256SUMS"))
	}
	lines, err := vouch.Trusted(root, dir)
	if err != nil || len(lines) != 0 {
		t.Errorf("without a list: %v, %v", lines, err)
	}
}

func TestHash(t *testing.T) {
	root, dir, top := open(t, "")
	buf := make([]byte, 3)
	st, err := dir.Lstat("f")
	must(t, err)
	sum, err := vouch.Hash(t.Context(), dir, "f", &st, buf)
	if err != nil || sum != truth {
		t.Errorf("got %v, %v", sum, err)
	}
	must(t, os.WriteFile(top+"/x", []byte("real"), 0o644))
	must(t, os.Rename(top+"/x", top+"/f"))
	if _, err := vouch.Hash(t.Context(), dir, "f", &st, buf); !errors.Is(err, vouch.ErrReplaced) {
		t.Errorf("replaced: %v", err)
	}
	if _, err := vouch.Hash(t.Context(), dir, "f", nil, buf); err != nil {
		t.Errorf("whatever it is: %v", err)
	}
	must(t, os.Mkdir(top+"/d", 0o755))
	if _, err := vouch.Hash(t.Context(), dir, "d", nil, buf); err == nil {
		t.Error("a directory was hashed")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := vouch.NewSums(root).Content(ctx, dir, "", "f", &meta.Info{}, buf); err == nil {
		t.Error("hashed in spite of a cancelled context")
	}
}
