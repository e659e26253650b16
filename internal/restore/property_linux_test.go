package restore_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

// anyName draws names of any bytes, with those that mean something to phlb.
func anyName() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[a-c]{1,2}`),
		rapid.SampledFrom([]string{
			"SHA256SUMS", "SHA256SUMS.source", ".phlb-restore-1", ".phlb-restore-x1", "2026-11-23-140000", "\n", "\\", " ", "\xff\xfe",
			strings.Repeat("ü", 127), "-", "...", ".phlb",
		}),
		rapid.Map(rapid.SliceOfN(rapid.ByteRange(1, 255), 1, 12), func(b []byte) string {
			return "n" + strings.ReplaceAll(string(b), "/", "_")
		}),
	)
}

// builder makes a random tree, with what plain calls of the system can do.
type builder struct {
	*rapid.T
	files []string // for hard links
}

func (b *builder) tree(dir string, depth int) {
	for range rapid.IntRange(0, 5).Draw(b.T, "entries") {
		p := filepath.Join(dir, anyName().Draw(b.T, "name"))
		if _, err := os.Lstat(p); err == nil {
			continue
		}
		switch kind := rapid.IntRange(0, 9).Draw(b.T, "kind"); {
		case kind < 3 && depth > 0:
			b.must(os.Mkdir(p, 0o755))
			b.tree(p, depth-1)
		case kind == 3:
			b.must(os.Symlink(rapid.StringMatching(`[a-z./]{1,20}`).Draw(b.T, "target"), p))
		case kind < 6 && len(b.files) > 0:
			b.must(os.Link(rapid.SampledFrom(b.files).Draw(b.T, "first"), p))
			continue // dressed already
		default:
			b.file(p)
			b.files = append(b.files, p)
		}
		b.dress(p)
	}
}

func (b *builder) must(err error) {
	b.Helper()
	if err != nil {
		b.Fatalf("%v", err)
	}
}

func (b *builder) file(p string) {
	size := rapid.SampledFrom([]int{0, 1, 700, 1000, 1000, 5000, 5000, 300_000}).Draw(b.T, "size")
	content := big(fmt.Sprint(rapid.IntRange(0, 2).Draw(b.T, "seed")), size)
	b.must(os.WriteFile(p, []byte(content), 0o644))
	if rapid.IntRange(0, 5).Draw(b.T, "sparse") == 0 {
		b.must(os.Truncate(p, int64(size)+400_000))
	}
}

func (b *builder) dress(p string) {
	var st unix.Stat_t
	b.must(unix.Lstat(p, &st))
	link := st.Mode&unix.S_IFMT == unix.S_IFLNK
	if os.Geteuid() == 0 {
		b.must(os.Lchown(p, rapid.SampledFrom([]int{0, 0, 1000}).Draw(b.T, "uid"), rapid.SampledFrom([]int{0, 0, 1001}).Draw(b.T, "gid")))
		if !link && rapid.IntRange(0, 3).Draw(b.T, "trusted") == 0 {
			b.must(unix.Lsetxattr(p, "trusted.phlb", []byte("t"), 0))
		}
	}
	if !link {
		if rapid.IntRange(0, 3).Draw(b.T, "xattr") == 0 {
			b.must(unix.Lsetxattr(p, "user.phlb", []byte(rapid.StringN(0, 20, -1).Draw(b.T, "value")), 0))
		}
		mode := rapid.SampledFrom([]uint32{0o755, 0o644, 0o600, 0o4755, 0o2755, 0o1777, 0o555, 0o700}).Draw(b.T, "mode")
		if st.Mode&unix.S_IFMT == unix.S_IFDIR || os.Geteuid() != 0 {
			mode |= 0o500
		}
		b.must(unix.Chmod(p, mode))
	}
	ts := unix.Timespec{
		Sec:  rapid.SampledFrom([]int64{0, -1, -2_000_000_000, 1_700_000_000, 5_000_000_000}).Draw(b.T, "sec"),
		Nsec: rapid.Int64Range(0, 999_999_999).Draw(b.T, "nsec"),
	}
	b.must(unix.UtimesNanoAt(unix.AT_FDCWD, p, []unix.Timespec{ts, ts}, unix.AT_SYMLINK_NOFOLLOW))
}

// TestRoundTrip: what is restored is the source, in every respect: content,
// metadata, holes, hard-link groups. Restoring again changes nothing, and
// neither touches the backup root.
func TestRoundTrip(t *testing.T) {
	outer := tempDir(t)
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		dir := filepath.Join(outer, fmt.Sprint(n))
		if err := os.Mkdir(dir, 0o700); err != nil {
			rt.Fatal(err)
		}
		defer removeAll(dir)
		w := worldIn(rt, dir)
		b := &builder{T: rt}
		b.tree(w.src, 3)
		b.dress(w.src)
		if len(list(w.src)) == 1 {
			rt.Skip("an empty source trips a guard")
		}
		first, want := w.backup(), list(w.src)
		w.ok(os.Chmod(w.src, 0o755))
		w.write("more", big("0", 5000)) // linked to what is stored, and its metadata is another
		second, wantSecond := w.backup(), list(w.src)
		w.untouched(func() {
			out, out2 := filepath.Join(dir, "out"), filepath.Join(dir, "out2")
			w.restore(first, out)
			identical(rt, want, list(out))
			w.restore(second, out2)
			identical(rt, wantSecond, list(out2))
			before := list(out)
			res := w.restore(first, out, overwrite)
			same(rt, "restored again", int64(0), res.Restored.Files+res.Hardlinks+res.Symlinks)
			for p, o := range list(out) {
				if o.ino != before[p].ino {
					rt.Errorf("%q was replaced by the same", p)
				}
			}
			w.restore(second, out, overwrite)
			identical(rt, wantSecond, list(out))
		})
	})
}
