package scan

import (
	"fmt"
	"os"
	"testing"
)

// BenchmarkWalk walks $SCAN_BENCH_DIR, or a generated tree.
func BenchmarkWalk(b *testing.B) {
	dir := os.Getenv("SCAN_BENCH_DIR")
	if dir == "" {
		dir = b.TempDir()
		makeBenchTree(b, dir)
	}
	root := openRoot(b, dir)
	// None of them matches in /usr, so that find(1) can be compared.
	m := newMatcher(b, ".cache/", ".temp/", ".tmp/", ".tox/", ".nox/", "*.iso", "*.qcow2", "a[0-9]?*.part", "!keep.iso")
	for _, workers := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("workers=%d", workers), func(b *testing.B) {
			b.ReportAllocs()
			entries := 0
			for b.Loop() {
				entries = 0
				o := Options{Excludes: m, Workers: workers, CrossFileSystems: true, Xattrs: XattrsDirs}
				err := Walk(b.Context(), root, o, func(*Entry) error {
					entries++
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(entries), "entries")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(entries), "ns/entry")
		})
	}
}

// makeBenchTree makes 20,020 files in 1,210 directories, whose sizes are
// spread as in source trees: most hold a handful, some hundreds, one thousands.
func makeBenchTree(b *testing.B, dir string) {
	b.Helper()
	sizes := []int{1, 2, 2, 3, 4, 5, 6, 8, 10, 13, 17, 22, 30, 52}
	left := 20020
	fill := func(dir string, files int) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		left -= files
		for i := range files {
			write(b, dir, fmt.Sprintf("%x-some-file.c", i*7919%65537))
		}
	}
	fill(dir+"/large", 3000)
	for i := range 9 {
		fill(fmt.Sprintf("%s/middle-%d", dir, i), 150)
	}
	for i := range 1200 {
		fill(fmt.Sprintf("%s/module-%d/part-%d", dir, i/30, i), min(left, sizes[i*5%len(sizes)]))
	}
	fill(dir+"/rest", left)
}
