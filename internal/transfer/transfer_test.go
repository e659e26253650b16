package transfer_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/transfer"
)

const bufSize = 8 << 10

type pair struct {
	t        *testing.T
	path     string
	src, dst *fsys.File
	info     meta.Info
}

// newPair has a source of the given content, with a hole of so many bytes
// before it and one behind it.
func newPair(t *testing.T, content []byte, hole int64, opts ...fsys.Option) *pair {
	t.Helper()
	p := &pair{t: t, path: t.TempDir()}
	f, err := os.Create(filepath.Join(p.path, "src"))
	p.ok(err)
	_, err = f.WriteAt(content, hole)
	p.ok(err)
	p.ok(f.Truncate(int64(len(content)) + 2*hole))
	p.ok(f.Close())
	d, err := fsys.Open(p.path, opts...)
	p.ok(err)
	p.src, err = d.OpenFile("src")
	p.ok(err)
	p.dst, err = d.Create("dst", 0o600)
	p.ok(err)
	p.info, err = p.src.Stat()
	p.ok(err)
	t.Cleanup(func() { p.src.Close(); p.dst.Close(); d.Close() })
	return p
}

func (p *pair) ok(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

func (p *pair) bytes(name string) []byte {
	p.t.Helper()
	b, err := os.ReadFile(filepath.Join(p.path, name))
	p.ok(err)
	return b
}

func copier() *transfer.Copier {
	return &transfer.Copier{Hash: sha256.New(), Buf: make([]byte, bufSize), NoClone: new(atomic.Bool)}
}

// TestCopy: what is in dst is what was in src, its hash and size are told, and
// progress adds up, whatever the sizes of data, holes and buffer are.
func TestCopy(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		content := bytes.Repeat([]byte{7, 1, 0}, rapid.IntRange(0, 20_000).Draw(r, "triples"))
		p := newPair(t, content, rapid.SampledFrom([]int64{0, 1, 4096, 100_000, 1 << 20}).Draw(r, "hole"))
		c := copier()
		c.Buf = c.Buf[:rapid.IntRange(1000, bufSize).Draw(r, "buffer")]
		var told int64
		c.Advance = func(n int64) { told += n }
		sum, size, err := c.Copy(t.Context(), p.dst, p.src, &p.info)
		want := p.bytes("src")
		if err != nil || size != p.info.Size || told != size {
			r.Fatalf("%d bytes, told of %d, want %d: %v", size, told, p.info.Size, err)
		}
		if got := p.bytes("dst"); !bytes.Equal(got, want) || sum != digest.Sum(sha256.Sum256(want)) {
			r.Fatal("the copy or its hash is another")
		}
	})
}

// TestHolesStay: a file that is nearly all hole takes nearly no room.
func TestHolesStay(t *testing.T) {
	p := newPair(t, make([]byte, 1), 1<<24)
	if !p.info.Sparse() {
		t.Skip("this file system has no holes")
	}
	_, _, err := copier().Copy(t.Context(), p.dst, p.src, &p.info)
	p.ok(err)
	if stored, err := p.dst.Stat(); err != nil || !stored.Sparse() {
		t.Errorf("the holes were filled: %+v, %v", stored, err)
	}
}

// TestShrinking: what is told is what was stored, even where the file has become
// shorter than it was said to be.
func TestShrinking(t *testing.T) {
	for _, hole := range []int64{0, 1 << 20} {
		p := newPair(t, bytes.Repeat([]byte("x"), 3*bufSize), hole)
		p.ok(os.Truncate(filepath.Join(p.path, "src"), hole+bufSize))
		sum, size, err := copier().Copy(t.Context(), p.dst, p.src, &p.info)
		p.ok(err)
		stored, left := p.bytes("dst"), p.bytes("src")
		if size != int64(len(stored)) || sum != digest.Sum(sha256.Sum256(stored)) {
			t.Errorf("hole of %d: told %d bytes, stored %d", hole, size, len(stored))
		}
		if lost, ok := bytes.CutPrefix(stored, left); !ok || len(bytes.Trim(lost, "\x00")) > 0 || hole == 0 && len(lost) > 0 {
			t.Errorf("hole of %d: %d bytes stored of %d", hole, len(stored), len(left))
		}
	}
}

// TestSum leaves no trace and tells the same.
func TestSum(t *testing.T) {
	p := newPair(t, []byte("content"), 1<<20)
	sum, size, err := copier().Sum(t.Context(), p.src, &p.info)
	if err != nil || size != p.info.Size || sum != digest.Sum(sha256.Sum256(p.bytes("src"))) {
		t.Errorf("%d bytes, %v", size, err)
	}
}

// TestWhoseError: only what happens to the file that is written to is marked.
func TestWhoseError(t *testing.T) {
	full := func(at fsys.Op) fsys.Option {
		return fsys.WithFaults(func(op fsys.Op, _ string) error {
			if op == at {
				return syscall.ENOSPC
			}
			return nil
		})
	}
	for _, at := range []fsys.Op{fsys.OpWrite, fsys.OpTruncate} {
		p := newPair(t, []byte("content"), 1<<20, full(at))
		if at == fsys.OpTruncate && !p.info.Sparse() {
			t.Skip("this file system has no holes")
		}
		_, _, err := copier().Copy(t.Context(), p.dst, p.src, &p.info)
		if failed := (*transfer.WriteError)(nil); !errors.As(err, &failed) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%v failing: %v", at, err)
		}
	}
	p := newPair(t, []byte("content"), 0)
	p.ok(p.src.Close())
	_, _, err := copier().Copy(t.Context(), p.dst, p.src, &p.info)
	if failed := (*transfer.WriteError)(nil); err == nil || errors.As(err, &failed) {
		t.Errorf("reading a closed file: %v", err)
	}
}

// TestStops: the end of the context is noticed between buffers, in holes, too.
func TestStops(t *testing.T) {
	for _, hole := range []int64{0, 1 << 24} {
		p := newPair(t, make([]byte, 10*bufSize), hole)
		ctx, cancel := context.WithCancel(t.Context())
		c := copier()
		c.Advance = func(int64) { cancel() }
		if _, size, err := c.Copy(ctx, p.dst, p.src, &p.info); !errors.Is(err, context.Canceled) || size > 2*bufSize {
			t.Errorf("hole of %d: stopped after %d bytes with %v", hole, size, err)
		}
	}
}

// TestAsksOnce whether data can be shared.
func TestAsksOnce(t *testing.T) {
	asked := 0
	refuse := fsys.WithFaults(func(op fsys.Op, _ string) error {
		if op == fsys.OpWrite {
			if asked++; asked == 1 {
				return syscall.EXDEV
			}
		}
		return nil
	})
	p := newPair(t, make([]byte, 200<<10), 0, refuse)
	c := copier()
	c.Buf = make([]byte, 1<<20)
	for range 2 {
		_, err := p.src.Seek(0, 0)
		p.ok(err)
		_, _, err = c.Copy(t.Context(), p.dst, p.src, &p.info)
		p.ok(err)
	}
	if asked != 3 || !c.NoClone.Load() {
		t.Errorf("asked to clone or write %d times, want one clone and two writes", asked)
	}
}
