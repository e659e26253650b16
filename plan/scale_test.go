package plan

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"testing"
	"time"

	"phlb/internal/meta"
)

func sortPaths(paths []string) { slices.SortFunc(paths, meta.ComparePaths) }

// synthetic yields n entries of about 250 bytes, like those of a second
// backup: half are links with a SHA-256, half are copies.
func synthetic(n int, yield func(*Entry) error) error {
	e := Entry{Mode: 0o644, UID: 1000, GID: 1000, Change: ChangeUnchanged, Reason: "same as parent"}
	x := uint64(1)
	random := func() uint64 {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		return x
	}
	for i := range n {
		e.Path = fmt.Sprintf("src/%03d/part-%02d/file-%02d.go", i/10000, i/100%100, i%100)
		if i%100 == 0 {
			dir := Entry{Action: ActionMkdir, Path: e.Path[:15], Mode: 0o755, Change: ChangeUnchanged}
			if err := yield(&dir); err != nil {
				return err
			}
		}
		e.Action, e.Target = ActionCopy, ""
		e.SHA256 = [32]byte{}
		if i%2 != 0 {
			e.Action, e.Target = ActionLink, "home/2026-11-22-140000/"+e.Path
			for j := 0; j < 32; j += 8 {
				v := random()
				for k := range 8 {
					e.SHA256[j+k] = byte(v >> (8 * k))
				}
			}
		}
		e.Size = int64(random() % 100_000)
		e.Mtime = meta.Time{Sec: 1_790_000_000 + int64(random()%1_000_000), Nsec: int32(random() % 1_000_000_000)}
		e.Ctime = e.Mtime
		e.Ino = 1_000_000 + uint64(i)
		if err := yield(&e); err != nil {
			return err
		}
	}
	return nil
}

func large(tb testing.TB, n int) *Document {
	tb.Helper()
	spool := NewSpool()
	if err := synthetic(n, spool.Add); err != nil {
		tb.Fatal(err)
	}
	return &Document{
		Header:  Header{PlanID: "x", CreatedAt: time.Unix(0, 0), Destination: Destination{Path: "/b"}},
		Sources: []SourceDoc{{Source: Source{Name: "home", Path: "/home"}, Spool: spool}},
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestMemory: beyond what is held as it is, entries are spooled in a fraction
// of their size, and reading holds a fixed amount however many there are.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: takes half a minute under the race detector, which has memory of its own")
	}
	const n = 500_000
	before := heap()
	d := large(t, n)
	spooled := heap() - before
	var b bytes.Buffer
	if err := d.Write(&b); err != nil {
		t.Fatal(err)
	}
	runtime.KeepAlive(d)
	if spooled > maxPlain*5/4+n*80 {
		t.Errorf("%d entries (%d bytes) are spooled in %d bytes", n, b.Len(), spooled)
	}
	d = nil
	before = heap()
	most, entries := int64(0), 0
	_, err := Read(context.Background(), &b, Visitor{Entry: func(*Entry) error {
		if entries++; entries%50_000 == 0 {
			most = max(most, heap()-before)
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if most > 4<<20 {
		t.Errorf("reading holds %d bytes", most)
	}
}

const million = 1_000_000

// BenchmarkEncode encodes, spools and writes a million entries.
func BenchmarkEncode(b *testing.B) {
	var list []Entry
	keep := func(e *Entry) error { list = append(list, *e); return nil }
	if err := synthetic(million, keep); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		spool := NewSpool()
		for i := range list {
			if err := spool.Add(&list[i]); err != nil {
				b.Fatal(err)
			}
		}
		d := Document{Header: Header{CreatedAt: time.Unix(0, 0), Destination: Destination{Path: "/b"}}, Sources: []SourceDoc{{Source: Source{Name: "home", Path: "/home"}, Spool: spool}}}
		size := counter(0)
		if err := d.Write(&size); err != nil {
			b.Fatal(err)
		}
		packed := 0
		for _, p := range spool.entries.packed {
			packed += len(p)
		}
		b.SetBytes(int64(size))
		b.ReportMetric(float64(packed), "spooled-bytes")
		b.ReportMetric(float64(size)/float64(len(list)), "bytes/entry")
	}
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// BenchmarkDecode reads a plan of a million entries, digest and all.
func BenchmarkDecode(b *testing.B) {
	for _, form := range []string{"plain", "zstd"} {
		b.Run(form, func(b *testing.B) {
			var buf bytes.Buffer
			if form == "plain" {
				if err := large(b, million).Write(&buf); err != nil {
					b.Fatal(err)
				}
			} else {
				z, err := NewZstdWriter(&buf)
				if err != nil {
					b.Fatal(err)
				}
				if err := large(b, million).Write(z); err != nil {
					b.Fatal(err)
				}
				if err := z.Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(buf.Len()))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Read(context.Background(), io.NewSectionReader(bytes.NewReader(buf.Bytes()), 0, int64(buf.Len())), Visitor{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
