package report

import (
	"fmt"
	"io"
	"time"

	"phlb/internal/benchmark"
)

// Hashes writes what hashing took compared with reading. Its JSON form is
// the result itself.
func Hashes(w io.Writer, s Style, r *benchmark.HashResult) error {
	p := newPage(w, s)
	p.line("Read %s, %s, in %s%s", files(r.Files), Bytes(r.Bytes), Duration(r.ReadTime), speed(r.Bytes, r.ReadTime))
	if r.Failed > 0 {
		p.line("%s", p.paint(yellow, files(r.Failed)+" could not be read"))
	}
	if !r.Finished {
		p.line("The time was up before the end of the tree.")
	}
	if r.Files == 0 {
		p.line("%s", p.paint(yellow, nothingMeasured(r)))
		return p.flush()
	}
	p.gap()
	var rows [][]string
	for _, a := range r.Algorithms {
		rows = append(rows, []string{text(a.Name), Duration(a.Time), rate(r.Bytes, a.Time), fmt.Sprintf("%.2f", a.Ratio)})
	}
	p.table([]column{left("hash"), right("time"), right("rate"), right("of reading")}, rows)
	return p.flush()
}

func nothingMeasured(r *benchmark.HashResult) string {
	if r.Smaller+r.Larger == 0 {
		return "Nothing was measured: no file that can be read is there."
	}
	return "Nothing was measured: " + files(r.Smaller) + " there are smaller than --min-file-size, and " + Count(r.Larger) +
		" larger than --max-file-size; choose sizes that are there."
}

// Scan writes what walking a tree took. Its JSON form is the result itself.
func Scan(w io.Writer, s Style, r *benchmark.ScanResult) error {
	p := newPage(w, s)
	p.table([]column{left("met"), right("count")}, [][]string{
		{"files", Count(r.Files)},
		{"directories", Count(r.Dirs)},
		{"symlinks", Count(r.Symlinks)},
		{"skipped", Count(r.Skipped)},
		{"size", Bytes(r.Bytes)},
	})
	p.line("in %s: %s entries/s", Duration(r.Duration), Count(int64(r.Rate())))
	return p.flush()
}

// rate returns bytes a second, or nothing if that is not known.
func rate(bytes int64, took time.Duration) string {
	if took <= 0 {
		return ""
	}
	return Bytes(int64(float64(bytes)/took.Seconds())) + "/s"
}

func speed(bytes int64, took time.Duration) string {
	if r := rate(bytes, took); r != "" {
		return ": " + r
	}
	return ""
}
