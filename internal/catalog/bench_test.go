package catalog

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"phlb/internal/jsonl"
	"phlb/internal/meta"
)

// kernelSize is how many paths the benchmarks' tree has: about a Linux kernel.
const kernelSize = 83_000

// kernel makes records like those of a second backup of a kernel's sources:
// the same depth and length of paths, nearly everything a link.
func kernel(n int) []Record {
	random := rand.New(rand.NewPCG(1, 2))
	word := func(list string) string {
		words := bytes.Fields([]byte(list))
		return string(words[random.IntN(len(words))])
	}
	list := []Record{{Path: ".", Kind: meta.Dir, Mode: 0o755, UID: 1000, GID: 1000, Mtime: meta.Time{Sec: 1_790_000_000}}}
	for i := 0; len(list) < n; i++ {
		dir := fmt.Sprintf("%s/%s/%s/%s%d", word("arch drivers fs include net sound tools"), word("arm64 net gpu media staging usb x86"),
			word("boot/dts ethernet drm/amd kernel platform testing"), word("intel qcom mlx5 core display ti"), i)
		list = append(list, Record{Path: dir, Kind: meta.Dir, Mode: 0o755, UID: 1000, GID: 1000, Mtime: meta.Time{Sec: 1_790_000_000, Nsec: random.Int32N(1e9)}})
		for j := range 1 + random.IntN(32) {
			name := fmt.Sprintf("%s-%s_%d.%s", word("dcn30 ice sun8i mt8173 qed"), word("clk_mgr hwseq resource tegra main"), j, word("c h dtsi rst"))
			list = append(list, kernelFile(random, dir+"/"+name))
		}
	}
	slices.SortFunc(list, func(a, b Record) int { return meta.ComparePaths(a.Path, b.Path) })
	return list
}

func kernelFile(random *rand.Rand, path string) Record {
	when := meta.Time{Sec: 1_790_000_000, Nsec: random.Int32N(1e9)}
	r := Record{
		Path: path, Kind: meta.File, Size: random.Int64N(100_000), Mode: 0o644, UID: 1000, GID: 1000,
		Mtime: when, Ctime: when, Ino: 5_000_000 + uint64(random.IntN(1e6)),
	}
	for i := 0; i < len(r.SHA256); i += 8 {
		binary.LittleEndian.PutUint64(r.SHA256[i:], random.Uint64())
	}
	r.Stored = &Stored{Action: StoredLink, Ino: 7_000_000 + uint64(random.IntN(1e6)), Mode: r.Mode, UID: r.UID, GID: r.GID, Mtime: when, Ctime: when}
	return r
}

// perRecord reports times by record.
func perRecord(b *testing.B, records int) {
	b.Helper()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(records), "ns/record")
}

func BenchmarkDecodeRecord(b *testing.B) {
	const n = 1000
	var lines [][]byte
	records := kernel(n)[:n]
	for i := range records {
		lines = append(lines, Append(nil, &records[i]))
	}
	var d jsonl.Decoder
	var l line
	b.ReportAllocs()
	for b.Loop() {
		for _, text := range lines {
			d.Reset(text)
			if l.decode(&d); d.Err() != nil {
				b.Fatal(d.Err())
			}
		}
	}
	perRecord(b, n)
}

func BenchmarkAppendRecord(b *testing.B) {
	const n = 1000
	records := kernel(n)[:n]
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		out = out[:0]
		for i := range records {
			out = Append(out, &records[i])
		}
	}
	b.SetBytes(int64(len(out)))
	perRecord(b, n)
}

// BenchmarkCatalogRead reads a compressed catalogue.
func BenchmarkCatalogRead(b *testing.B) {
	records := kernel(kernelSize)
	packed := write(b, records)
	b.SetBytes(int64(len(packed)))
	b.ReportAllocs()
	for b.Loop() {
		r, err := NewReader(bytes.NewReader(packed))
		if err != nil {
			b.Fatal(err)
		}
		var rec Record
		for err == nil {
			err = r.Next(&rec)
		}
		if err != io.EOF {
			b.Fatal(err)
		}
		r.Close()
	}
	perRecord(b, len(records))
}

// BenchmarkCatalogWrite writes a compressed catalogue in batches.
func BenchmarkCatalogWrite(b *testing.B) {
	records := kernel(kernelSize)
	b.ReportAllocs()
	for b.Loop() {
		var size counter
		w, err := NewWriter(&size, header)
		if err != nil {
			b.Fatal(err)
		}
		var lines []byte
		for batch := range slices.Chunk(records, 100) {
			lines = lines[:0]
			for i := range batch {
				lines = Append(lines, &batch[i])
			}
			if err := w.WriteLines(lines, len(batch)); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Close(trailer); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(size), "packed-bytes")
	}
	perRecord(b, len(records))
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
