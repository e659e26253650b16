package execute_test

import (
	"os"
	"testing"

	"phlb/execute"
)

// How many files a benchmark's source has.
const benchDirs, benchFiles = 20, 100

// BenchmarkCopy copies and hashes small new files, with all that a snapshot
// needs beside: checksums, catalogue, lookups, durability.
func BenchmarkCopy(b *testing.B) {
	w := newWorld(b)
	w.tree(benchDirs, benchFiles)
	for b.Loop() {
		b.StopTimer()
		w.ok(os.RemoveAll(w.root))
		w.ok(os.Mkdir(w.root, 0o700))
		f := w.plan()
		b.StartTimer()
		w.timed(b, f)
	}
	perFile(b)
}

// BenchmarkLink links unchanged files.
func BenchmarkLink(b *testing.B) {
	w := newWorld(b)
	w.tree(benchDirs, benchFiles)
	w.apply(w.plan())
	for b.Loop() {
		b.StopTimer()
		f := w.plan()
		b.StartTimer()
		rep := w.timed(b, f)
		if rep.Totals.Copy.Files != 0 {
			b.Fatalf("%d files were copied", rep.Totals.Copy.Files)
		}
	}
	perFile(b)
}

// timed applies a plan.
func (w *world) timed(b *testing.B, f execute.PlanFile) *execute.Report {
	b.Helper()
	res, err := execute.Apply(b.Context(), f, w.options())
	if err != nil {
		b.Fatal(err)
	}
	return res.Reports[0]
}

func perFile(b *testing.B) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*benchDirs*benchFiles), "ns/file")
}
