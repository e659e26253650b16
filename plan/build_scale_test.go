//go:build unix

package plan_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"testing"
	"time"
)

// manyFiles makes n files in directories of 1000, with content by number, or
// without any and each of another size.
func (w *world) manyFiles(n int, content func(i int, b []byte) []byte) {
	w.tb.Helper()
	var b []byte
	for i := range n {
		dir := w.at(fmt.Sprintf("project-%04d/some-directory", i/1000))
		if i%1000 == 0 {
			w.must(os.MkdirAll(dir, 0o755))
		}
		name := fmt.Sprintf("%s/file-%07d.txt", dir, i)
		if content != nil {
			b = content(i, b[:0])
		}
		w.must(os.WriteFile(name, b, 0o644))
		if content == nil {
			w.must(os.Truncate(name, int64(1000+i)))
		}
	}
}

func sameSize(i int, b []byte) []byte {
	return binary.LittleEndian.AppendUint64(append(b, make([]byte, 1000)...), uint64(i))
}

func identical(_ int, b []byte) []byte { return append(b, make([]byte, 1008)...) }

// peak is the largest heap that the garbage collector found alive.
type peak struct {
	bytes atomic.Uint64
	stop  chan struct{}
	done  chan struct{}
}

func watchHeap() *peak {
	p := &peak{stop: make(chan struct{}), done: make(chan struct{})}
	runtime.GC()
	go func() {
		defer close(p.done)
		sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			metrics.Read(sample)
			p.bytes.Store(max(p.bytes.Load(), sample[0].Value.Uint64()))
			select {
			case <-p.stop:
				return
			case <-tick.C:
			}
		}
	}()
	return p
}

// end returns the peak in bytes, what is alive now included.
func (p *peak) end(keep any) uint64 {
	runtime.GC()
	close(p.stop)
	<-p.done
	runtime.KeepAlive(keep)
	return p.bytes.Load()
}

// TestManyFiles: the time to plan grows with the number of files, not with
// its square, whatever they have in common, and so does the memory, by little.
func TestManyFiles(t *testing.T) {
	const n = 10_000
	for _, tc := range []struct {
		name    string
		content func(i int, b []byte) []byte
		links   int64
	}{
		{"of one size", sameSize, 0},
		{"identical", identical, n - 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			w.manyFiles(n, tc.content)
			heap := watchHeap()
			start := time.Now()
			p, err := w.build(t.Context())
			w.must(err)
			took := time.Since(start)
			if got := heap.end(p); got > 24<<20 {
				t.Errorf("%d MiB of heap", got>>20)
			}
			if took > 20*time.Second {
				t.Errorf("took %v", took)
			}
			totals, err := p.Totals()
			w.must(err)
			if totals.Link.Files != tc.links || totals.Copy.Files != n-tc.links {
				t.Errorf("%d links, %d copies", totals.Link.Files, totals.Copy.Files)
			}
		})
	}
}

// BenchmarkBuild plans many files. Set PHLB_BENCH_FILES to their number.
func BenchmarkBuild(b *testing.B) {
	n := 100_000
	if text := os.Getenv("PHLB_BENCH_FILES"); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil {
			b.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name    string
		content func(i int, b []byte) []byte
		// backedUp: the source is unchanged since its backup; known: another
		// name has the same content.
		backedUp, known bool
	}{
		{"new sizes", nil, false, false},
		{"one size", sameSize, false, false},
		{"identical", identical, false, false},
		{"unchanged", sameSize, true, false},
		{"known", sameSize, false, true},
	} {
		b.Run(tc.name, func(b *testing.B) {
			w := newWorld(b)
			w.manyFiles(n, tc.content)
			if tc.backedUp || tc.known {
				w.backup()
			}
			if tc.known {
				w.use("again", w.src)
			}
			var most uint64
			for b.Loop() {
				heap := watchHeap()
				p, err := w.build(b.Context())
				w.must(err)
				most = max(most, heap.end(p))
			}
			b.ReportMetric(float64(most)/float64(n), "heap-B/file")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/file")
		})
	}
}
