package plan

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"phlb/internal/catalog"
	"phlb/internal/digest"
	"phlb/internal/fsys"
	"phlb/internal/meta"
	"phlb/internal/snapshot"
)

// aheadRecords is enough for each batch to be used more than once.
const aheadRecords = 5*recordBatches*recordsTogether - 120

// aheadRecord makes the nth record. What kinds follow each other, and which
// fields are set, is no multiple of a batch, so a batch that is used again has
// others in each place.
func aheadRecord(n int) *catalog.Record {
	rec := &catalog.Record{Path: fmt.Sprintf("d/%06d", n), Mode: 0o644, UID: uint32(n % 3), Mtime: meta.Time{Sec: int64(n)}}
	if n%5 == 0 {
		rec.Xattrs = meta.Xattrs{"user.n": fmt.Append(nil, n)}
	}
	switch n % 7 {
	case 0:
		rec.Kind = meta.Dir
	case 1:
		rec.Kind, rec.Target = meta.Symlink, fmt.Sprint("to ", n)
	default:
		rec.Kind, rec.Size, rec.Ino, rec.SHA256 = meta.File, int64(n), uint64(n+1), digest.Sum{1, byte(n), byte(n >> 8)}
		if n%7 > 3 {
			rec.Stored = &catalog.Stored{Action: catalog.StoredLink, Ino: uint64(2 * n), Mode: 0o600, Mtime: rec.Mtime}
		}
	}
	return rec
}

// aheadCatalog makes a catalogue. One record more follows number misplaced, if
// there is one, and breaks the order.
func aheadCatalog(t *testing.T, misplaced int) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := catalog.NewWriter(&b, catalog.Header{Name: "home", Origin: catalog.OriginApply})
	if err != nil {
		t.Fatal(err)
	}
	for n := range aheadRecords {
		if err := w.Add(aheadRecord(n)); err != nil {
			t.Fatal(err)
		}
		if n == misplaced {
			if err := w.Add(aheadRecord(n / 2)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(catalog.Trailer{Status: catalog.StatusComplete}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// opener opens a catalogue as often as it is called.
func opener(t *testing.T, content []byte) func() *catalogParent {
	t.Helper()
	path := filepath.Join(t.TempDir(), "catalog")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := fsys.Open(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dir.Close() })
	return func() *catalogParent {
		f, err := dir.OpenFile("catalog")
		if err != nil {
			t.Fatal(err)
		}
		p := newCatalogParent(snapshot.ID{Name: "home", Time: "2026-01-01-000000"}, f)
		if p == nil {
			t.Fatal("it is no catalogue")
		}
		return p
	}
}

// sameAhead compares what a parent yields with what reading plainly does, to
// the end or to an error, and returns how many records there are, and it.
func sameAhead(t *testing.T, p parent, plain *catalog.Reader) (int, error) {
	t.Helper()
	for n := 0; ; n++ {
		var want catalog.Record
		werr := plain.Next(&want)
		got, err := p.Peek()
		if again, _ := p.Peek(); again != got {
			t.Fatalf("record %d: looking twice moves on", n)
		}
		if werr != nil {
			if got != nil || (werr == io.EOF) != (err == nil) {
				t.Fatalf("after %d records: %v and %v, want %v", n, got, err, werr)
			}
			return n, err
		}
		if err != nil || got == nil {
			t.Fatalf("record %d: %v and %v, want %s", n, got, err, want.Path)
		}
		p.Advance()
		// It is valid until the next Peek.
		if !reflect.DeepEqual(&want, got) {
			t.Fatalf("record %d: %s", n, cmp.Diff(&want, got))
		}
	}
}

// TestDecodeAhead: who decodes ahead yields what reading plainly does.
func TestDecodeAhead(t *testing.T) {
	open := opener(t, aheadCatalog(t, -1))
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	plain, p := open(), decodeAhead(t.Context(), open())
	defer plain.Close()
	defer p.Close()
	if !p.Exact() {
		t.Error("whether the records are exact is lost")
	}
	if n, err := sameAhead(t, p, plain.reader); n != aheadRecords || err != nil {
		t.Errorf("%d records, %v", n, err)
	}
	if rec, err := p.Peek(); rec != nil || err != nil {
		t.Errorf("after the end: %v, %v", rec, err)
	}
}

// TestDecodeAheadDamaged: damage is met where reading plainly meets it, in
// whatever batch, and is the same error.
func TestDecodeAheadDamaged(t *testing.T) {
	whole := aheadCatalog(t, -1)
	cases := map[string][]byte{"cut": whole[:len(whole)*3/4], "without its end": whole[:len(whole)-1]}
	const total = recordBatches * recordsTogether
	for _, n := range []int{recordsTogether - 1, recordsTogether, total - 1, total, 3*total + 7} {
		cases[fmt.Sprint("after ", n)] = aheadCatalog(t, n-1)
	}
	for name, content := range cases {
		t.Run(name, func(t *testing.T) {
			open := opener(t, content)
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			simple, plain, again, p := open(), open(), open(), decodeAhead(t.Context(), open())
			defer simple.Close()
			defer plain.Close()
			defer again.Close()
			defer p.Close()
			_, err := sameAhead(t, p, plain.reader)
			_, want := sameAhead(t, simple, again.reader)
			damaged := (*damagedCatalog)(nil)
			if !errors.As(err, &damaged) || damaged.id != p.id || err.Error() != want.Error() {
				t.Errorf("%v, want %v", err, want)
			}
		})
	}
}

// TestDecodeAheadClosed: whenever it is closed, the goroutine ends.
func TestDecodeAheadClosed(t *testing.T) {
	open := opener(t, aheadCatalog(t, -1))
	const total = recordBatches * recordsTogether
	for _, after := range []int{0, 1, recordsTogether, recordsTogether + 1, total - 1, total + 1, 3 * total, aheadRecords} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			p := decodeAhead(t.Context(), open())
			for n := range after {
				if rec, err := p.Peek(); err != nil || rec.Path != aheadRecord(n).Path {
					t.Fatalf("record %d: %v, %v", n, rec, err)
				}
				p.Advance()
			}
			p.Close()
		})
	}
}

// TestDecodeAheadCancelled: once cancelled, no more is decoded than what has
// begun, and that is no damage, for which planning would begin anew.
func TestDecodeAheadCancelled(t *testing.T) {
	open := opener(t, aheadCatalog(t, -1))
	for _, after := range []int{0, 1, recordsTogether + 1} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			p := decodeAhead(ctx, open())
			defer p.Close()
			n, err := 0, error(nil)
			for ; err == nil; n++ {
				if n == after {
					cancel()
				}
				var rec *catalog.Record
				if rec, err = p.Peek(); err == nil && rec == nil {
					t.Fatalf("all %d records were decoded", n)
				}
				p.Advance()
			}
			if damaged := (*damagedCatalog)(nil); !errors.Is(err, context.Canceled) || errors.As(err, &damaged) {
				t.Error(err)
			}
			if n > after+(recordBatches+1)*recordsTogether {
				t.Errorf("%d records after %d", n-after, after)
			}
		})
	}
}

// TestRecordsCancelled: whoever passes through a catalogue gives up.
func TestRecordsCancelled(t *testing.T) {
	content := aheadCatalog(t, -1)
	open := opener(t, content)
	root, id := rootOfCatalog(t, content)
	rule := LinkRule{}
	keys := newAttrKeys(maphash.MakeSeed(), &rule)
	ctx, cancel := context.WithCancel(t.Context())
	x := newIndex(keys)
	if x.addCatalog(ctx, root, id); len(x.refs) == 0 {
		t.Fatal("the catalogue is not found")
	}
	cancel()
	x = newIndex(keys)
	if x.addCatalog(ctx, root, id); len(x.refs) > 0 {
		t.Errorf("another snapshot's: %d files", len(x.refs))
	}
	for name, pass := range map[string]func(p parent) error{
		"index": func(p parent) error { _, err := indexParent(keys, p); return err },
		"rest":  func(p parent) error { return (&sourceBuild{build: &build{}, spool: NewSpool(), parent: p}).rest() },
	} {
		p := decodeAhead(ctx, open())
		if err := pass(p); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		p.Close()
	}
}

// rootOfCatalog makes a root that has a catalogue and nothing else.
func rootOfCatalog(t *testing.T, content []byte) (*snapshot.Root, snapshot.ID) {
	t.Helper()
	id := snapshot.ID{Name: "other", Time: "2026-01-01-000000"}
	at := t.TempDir()
	path := filepath.Join(at, ".phlb/catalog", id.String()+".jsonl.zst")
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, content, 0o600)); err != nil {
		t.Fatal(err)
	}
	root, err := snapshot.Open(at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root, id
}
